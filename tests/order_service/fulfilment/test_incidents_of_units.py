"""Incidents about some units of a parcel: their money goes back, the others are kept (O10)."""

from functools import partial

import pytest

from order_service.audit.case import Case, judge
from order_service.audit.shipments import RULES
from order_service.fulfilment.deadlines import look_at_deadlines
from order_service.fulfilment.incidents import allowed_now, report, report_units
from order_service.fulfilment.resolving import resolve
from order_service.fulfilment.warehouse import ShipmentAnswer
from order_service.order.model import IncidentKind, Order
from order_service.order.records import TrackingKind
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.states import IncidentEvent, IncidentState, OrderState, ShipmentState
from order_service.order.tasks import TaskKind
from tests.order_service.clock import START_MS
from tests.order_service.fulfilment.parcels import (
    ON_DELIVERY,
    carrier_reports,
    cash,
    decided,
    gone_off,
    paid_at_the_door,
    shipped_order,
)

K = IncidentKind
NAME = "4330000000000000000-s1"
REFUND = partial(resolve, said=IncidentEvent.REFUND, why="")


def delivered(**values: object) -> Order:
    """An order both of whose parcels came; in the first are 3 x SKU-1, for 1,357."""
    order = shipped_order(**values)
    for parcel in order.shipments:
        carrier_reports(order, parcel, TrackingKind.SIGNED)
    return order


def reported(order: Order, units: int, kind: IncidentKind = K.DAMAGE) -> ShipmentAnswer:
    decide = partial(report_units, kind=kind, units=[("SKU-1", units)], why="a picture")
    return decided(order, partial(decide, shipment_id=NAME))


@pytest.mark.parametrize("kind", [K.DAMAGE, K.WRONG_ITEM, K.MISSING_ITEM])
def test_the_money_of_named_units_goes_back_and_the_others_are_kept(kind: IncidentKind) -> None:
    order = delivered()
    assert [reported(order, 1, kind).replayed for _ in range(2)] == [False, True]
    (incident,) = order.incidents
    assert [line.quantity for line in incident.lines] == [1]
    assert allowed_now(incident) == (IncidentEvent.REFUND,)
    assert TaskKind.COMPLETE not in {task.kind for task in order.tasks}
    for _ in range(2):
        decided(order, partial(REFUND, incident_id=incident.incident_id))
    assert [refund.amount_minor for refund in order.refunds] == [452]
    assert order.lines[0].refunded_shipped == 1
    assert order.shipment(NAME).state is ShipmentState.DELIVERED
    assert order.state is OrderState.DELIVERED
    assert TaskKind.COMPLETE in {task.kind for task in order.tasks}
    assert judge(Case(order, [], START_MS), RULES) == []


def test_units_that_are_reported_one_after_another_add_up_to_the_parcel() -> None:
    order = delivered()
    for number, kind in enumerate((K.DAMAGE, K.WRONG_ITEM, K.MISSING_ITEM)):
        reported(order, 1, kind)
        decided(order, partial(REFUND, incident_id=order.incidents[number].incident_id))
    assert order.refunded_minor == 1_357
    with pytest.raises(Refused) as refused:
        reported(order, 1)
    assert refused.value.reason is RefusalReason.QUANTITY_EXCEEDED


def test_what_is_not_in_the_parcel_or_did_not_come_cannot_be_reported() -> None:
    for order, units, reason in (
        (delivered(), [("SKU-2", 1)], RefusalReason.WRONG_CONTENT),
        (delivered(), [("SKU-1", 4)], RefusalReason.WRONG_CONTENT),
        (shipped_order(), [("SKU-1", 1)], RefusalReason.WRONG_STATE),
    ):
        decide = partial(report_units, kind=K.MISSING_ITEM, units=units, why="")
        with pytest.raises(Refused) as refused:
            decided(order, partial(decide, shipment_id=NAME))
        assert refused.value.reason is reason


def test_a_parcel_of_which_a_unit_was_refunded_can_be_damaged_and_no_money_goes_back_twice() -> (
    None
):
    order = delivered()
    reported(order, 1)
    decided(order, partial(REFUND, incident_id=order.incidents[0].incident_id))
    decided(order, partial(report, shipment_id=NAME, kind=K.DAMAGE, why=""))
    decided(order, partial(REFUND, incident_id=order.incidents[1].incident_id))
    assert order.refunded_minor == 1_357


def test_money_that_is_not_here_yet_does_not_go_back() -> None:
    order = delivered(payments=[cash(2_000)], **ON_DELIVERY)
    reported(order, 1)
    (incident,) = order.incidents
    with pytest.raises(Refused, match="no money of its order is here"):
        decided(order, partial(REFUND, incident_id=incident.incident_id))
    paid_at_the_door(order, order.shipments[0], 1_457)
    paid_at_the_door(order, order.shipments[1], 543, 1)
    looks = partial(gone_off, TaskKind.DELIVERY_DUE, look_at_deadlines)
    for _ in range(2):
        decided(order, looks, incident.due_at_ms)
    assert incident.state is IncidentState.REFUNDED
    assert order.refunded_minor == 452
