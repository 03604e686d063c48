"""A parcel in whose stead other goods or the money go goes nowhere, wherever it was."""

from functools import partial

import pytest

from order_service.audit.case import Case, judge
from order_service.audit.shipments import RULES as PARCEL_RULES
from order_service.fulfilment.cancelling import cancel_unshipped, leave_out
from order_service.fulfilment.resolving import resolve
from order_service.fulfilment.tracking import read_temperature
from order_service.fulfilment.warehouse import confirm_packing, confirm_pick, hand_over
from order_service.order.model import Incident, Order, Shipment
from order_service.order.records import TrackingKind
from order_service.order.states import IncidentEvent, IncidentState, OrderState, ShipmentState
from order_service.order.tasks import TaskKind
from tests.order_service.clock import START_MS
from tests.order_service.fulfilment.parcels import (
    carrier_reports,
    decided,
    labelled,
    planned_order,
    units,
)

E, K, S = IncidentEvent, TrackingKind, ShipmentState
TO_LEAVE = (S.PLANNED, S.PICKED, S.PACKED, S.LABELLED)
_REPORTED = {
    S.SHIPPED: (),
    S.IN_TRANSIT: (K.HUB,),
    S.OUT_FOR_DELIVERY: (K.OUT_FOR_DELIVERY,),
    S.DELIVERED: (K.SIGNED,),
    S.LOST: (K.LOST,),
    S.DAMAGED: (K.DAMAGED,),
    S.RETURNING: (K.REFUSED,),
    S.RETURNED: (K.RETURNED,),
}


def with_first_parcel(state: ShipmentState) -> Order:
    """A reviewed order whose first parcel is somewhere, and whose second is planned."""
    order = planned_order()
    first = order.shipments[0]
    if state in (S.PICKED, S.PACKED):
        decided(order, partial(confirm_pick, shipment_id=first.shipment_id, taken=()))
    if state is S.PACKED:
        scanned = units(first)
        decided(order, lambda draft: confirm_packing(draft, first.shipment_id, scanned, 700))
    if state is S.LABELLED or state in _REPORTED:
        labelled(order, first)
    if state in _REPORTED:
        decided(order, partial(hand_over, shipment_id=first.shipment_id))
        carrier_reports(order, first, *_REPORTED[state])
    if state is S.CANCELLED:
        decided(order, lambda draft: leave_out(draft, first, "k", "not found"))
    assert first.state is state
    return order


def warmed(order: Order) -> list[Incident]:
    """The first parcel was too warm; what came of it."""
    parcel = order.shipments[0]
    parcel.temperature_max_millicelsius = 8_000
    decided(order, lambda draft: read_temperature(draft, parcel.shipment_id, "t", 1, 9_000))
    return [
        each
        for each in order.incidents
        if each.state is IncidentState.OPEN and each.kind == "TEMPERATURE"
    ]


def resolved(order: Order, incident: Incident, said: IncidentEvent) -> None:
    decided(
        order,
        partial(resolve, incident_id=incident.incident_id, said=said, why=""),
    )


def sent(order: Order, parcel: Shipment) -> None:
    """A planned parcel goes all the way."""
    labelled(order, parcel)
    decided(order, partial(hand_over, shipment_id=parcel.shipment_id))
    carrier_reports(order, parcel, K.SIGNED)


def problems(order: Order) -> list[str]:
    """The findings of an audit of the order's parcels."""
    return [each.detail for each in judge(Case(order, [], START_MS), PARCEL_RULES)]


@pytest.mark.parametrize("said", [E.REFUND, E.RESHIP])
@pytest.mark.parametrize("state", [state for state in S if state not in (S.CANCELLED, S.SOURCING)])
def test_a_parcel_that_was_too_warm_and_is_given_up_goes_nowhere(
    state: ShipmentState, said: IncidentEvent
) -> None:
    order = with_first_parcel(state)
    first = order.shipments[0]
    (incident,) = warmed(order)
    resolved(order, incident, said)
    expected = S.CANCELLED if state in TO_LEAVE else S.DAMAGED
    if state is S.RETURNED:
        expected = state
    assert first.state is expected
    assert problems(order) == []
    # Nothing that the carrier says of it matters any more, and the order comes to its end.
    carrier_reports(order, first, K.SIGNED)
    assert first.state is expected
    for parcel in [each for each in order.shipments if each.state is S.PLANNED]:
        sent(order, parcel)
    if said is E.REFUND:
        assert [refund.amount_minor for refund in order.refunds] == [1_357]
    if said is E.REFUND or state in TO_LEAVE:
        assert order.state is OrderState.DELIVERED
        assert all(line.shipped + line.cancelled == line.quantity for line in order.lines)
        assert problems(order) == []


@pytest.mark.parametrize("state", TO_LEAVE)
def test_the_same_goods_are_picked_again_for_a_parcel_that_has_not_left(
    state: ShipmentState,
) -> None:
    order = with_first_parcel(state)
    (incident,) = warmed(order)
    resolved(order, incident, E.RESHIP)
    again = order.shipments[2]
    assert incident.state is IncidentState.RESHIPPED
    assert (again.state, again.replaces) == (S.PLANNED, order.shipments[0].shipment_id)
    assert (again.lines, again.location) == (order.shipments[0].lines, "north")
    assert TaskKind.RESHIP not in {task.kind for task in order.tasks}
    assert not order.refunds
    sent(order, again)
    # Its units are the order's own: they count, and the rest of the order is still to leave.
    assert (order.state, order.lines[0].shipped) == (OrderState.PARTLY_SHIPPED, 3)


@pytest.mark.parametrize("state", TO_LEAVE)
def test_the_units_of_a_refunded_parcel_that_has_not_left_are_on_sale_again(
    state: ShipmentState,
) -> None:
    order = with_first_parcel(state)
    (incident,) = warmed(order)
    resolved(order, incident, E.REFUND)
    made = {(task.kind, task.payload) for task in order.tasks}
    about_it = '{"shipment_id":"4330000000000000000-s1"}'
    assert (TaskKind.CANCEL_PARCEL, about_it) in made
    assert ((TaskKind.VOID_LABEL, about_it) in made) is (state is S.LABELLED)
    assert [line.cancelled for line in order.lines] == [3, 0]


def test_nothing_is_wrong_with_a_parcel_that_was_cancelled() -> None:
    order = with_first_parcel(S.CANCELLED)
    assert warmed(order) == []


def test_what_was_wrong_with_the_parcels_of_a_cancelled_order_is_settled() -> None:
    order = with_first_parcel(S.PICKED)
    (incident,) = warmed(order)
    decided(order, lambda draft: cancel_unshipped(draft, "changed my mind"))
    assert incident.state is IncidentState.REFUNDED


def test_an_order_whose_only_parcel_is_given_up_for_its_money_is_cancelled() -> None:
    order = with_first_parcel(S.CANCELLED)
    order.shipments[1].temperature_max_millicelsius = 8_000
    name = order.shipments[1].shipment_id
    decided(order, lambda draft: read_temperature(draft, name, "t", 1, 9_000))
    resolved(order, order.incidents[0], E.REFUND)
    assert order.state is OrderState.CANCELLED
    assert order.refunded_minor == 2_000
