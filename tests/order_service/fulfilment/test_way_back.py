"""Parcels that are refused, turn back and come back: nothing of them is delivered (O9, O10)."""

import itertools
from functools import partial

import pytest
from msgspec import structs

from order_service.fulfilment.follow import complete
from order_service.fulfilment.incidents import allowed_now, report
from order_service.fulfilment.planning import plan_shipments
from order_service.fulfilment.resolving import resolve
from order_service.fulfilment.tracking import BUYER, catch_up, track
from order_service.fulfilment.warehouse import hand_over
from order_service.order.model import IncidentKind, Order, Shipment
from order_service.order.records import TrackingEvent, TrackingKind
from order_service.order.refusals import Refused
from order_service.order.return_legs import LegKind, LegState, ReturnLeg
from order_service.order.states import (
    IncidentEvent,
    IncidentState,
    OrderState,
    PaymentState,
    ShipmentState,
)
from order_service.order.tasks import TaskKind
from tests.order_service.clock import START_MS
from tests.order_service.fulfilment.parcels import (
    ON_DELIVERY,
    carrier_reports,
    cash,
    decided,
    draft_of,
    event,
    labelled,
    paid_order,
    shipped_order,
)

K, S = TrackingKind, ShipmentState
DAY_MS = 86_400_000


def one_parcel(**values: object) -> tuple[Order, Shipment]:
    """An order that has left in one parcel."""
    order = paid_order(**values)
    decided(order, lambda draft: plan_shipments(draft, {}, ""))
    (parcel,) = order.shipments
    labelled(order, parcel)
    decided(order, partial(hand_over, shipment_id=parcel.shipment_id))
    return order, parcel


def report_all(order: Order, parcel: Shipment, events: list[TrackingEvent]) -> None:
    """The carrier reports events, and those that are looked at again are."""
    for number, each in enumerate(events):
        decided(order, partial(track, event=each), START_MS + DAY_MS)
        if TaskKind.TRACK in {task.kind for task in order.tasks}:
            heard = partial(catch_up, shipment_id=parcel.shipment_id, events=events[: number + 1])
            decided(order, lambda draft, heard=heard: _looked_at(draft, heard), START_MS + DAY_MS)  # type: ignore[misc]


def _looked_at(draft, heard) -> None:  # type: ignore[no-untyped-def]
    draft.forget(TaskKind.TRACK)
    heard(draft)


@pytest.mark.parametrize(
    ("kinds", "state"),
    [
        ((K.OUT_FOR_DELIVERY, K.REFUSED, K.HUB, K.SIGNED), S.RETURNED),
        ((K.ATTEMPT_FAILED, K.RETURNING, K.SIGNED), S.RETURNED),
        ((K.REFUSED, K.RETURNING, K.OUT_FOR_DELIVERY, K.RETURNED), S.RETURNED),
        ((K.SIGNED, K.RETURNING, K.HUB), S.RETURNING),
        ((K.LOST, K.RETURNING, K.RETURNED), S.RETURNED),
    ],
)
def test_what_turned_back_is_delivered_to_us_in_whatever_order_that_is_heard(
    kinds: tuple[TrackingKind, ...], state: ShipmentState
) -> None:
    for permuted in itertools.permutations(range(len(kinds))):
        order, parcel = one_parcel()
        events = [
            structs.replace(event(parcel, kinds[at], at), happened_at_ms=START_MS + 1 + at)
            for at in permuted
        ]
        report_all(order, parcel, events)
        assert (parcel.state, parcel.delivered_at_ms) == (state, 0), permuted
        assert order.lines[0].returned == 0
        (leg,) = order.parts_of(ReturnLeg)
        assert leg.state is (LegState.ARRIVED if state is S.RETURNED else LegState.ON_ITS_WAY)
        back = [each for each in order.incidents if each.kind is IncidentKind.RETURN]
        assert [each.owner for each in back] == ["returns-desk"]
        assert order.state in (OrderState.SHIPPED, OrderState.DELIVERED)
        assert TaskKind.COMPLETE not in {task.kind for task in order.tasks}


def test_a_parcel_that_comes_back_opens_one_leg_and_is_no_stock_before_its_inspection() -> None:
    order, parcel = one_parcel()
    carrier_reports(order, parcel, K.REFUSED, K.RETURNING, K.RETURNED, K.RETURNED, K.SIGNED)
    (leg,) = order.parts_of(ReturnLeg)
    assert (leg.kind, leg.shipment_id) == (LegKind.REFUSED, parcel.shipment_id)
    assert (leg.location, leg.state) == ("north", LegState.ARRIVED)
    assert [(line.line_no, line.quantity) for line in leg.lines] == [(1, 3), (2, 2)]
    assert [line.returned for line in order.lines] == [0, 0]
    assert TaskKind.TAKE_IN not in {task.kind for task in order.tasks}


def test_a_parcel_that_is_lost_on_its_way_back_may_still_turn_up() -> None:
    order, parcel = one_parcel()
    carrier_reports(order, parcel, K.RETURNING, K.LOST)
    (leg,) = order.parts_of(ReturnLeg)
    assert (leg.kind, leg.state) == (LegKind.RETURN_TO_SENDER, LegState.LOST)
    carrier_reports(order, parcel, K.RETURNED)
    assert leg.state is LegState.ARRIVED


def test_a_parcel_refused_at_the_door_is_not_to_be_paid_and_ends_its_order() -> None:
    order, parcel = one_parcel(payments=[cash(2_000)], **ON_DELIVERY)
    carrier_reports(order, parcel, K.OUT_FOR_DELIVERY, K.REFUSED)
    (incident,) = order.incidents
    assert (parcel.state, incident.state) == (S.RETURNING, IncidentState.OPEN)
    carrier_reports(order, parcel, K.RETURNED)
    assert incident.state is IncidentState.REFUNDED
    assert order.state is OrderState.CANCELLED
    assert order.payments[0].state is PaymentState.ABANDONED
    assert not order.refunds


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (IncidentEvent.REFUND, IncidentState.REFUNDED),
        (IncidentEvent.RESHIP, IncidentState.RESHIPPING),
    ],
)
def test_what_came_back_is_refunded_or_goes_again_as_its_owner_says(
    said: IncidentEvent, state: IncidentState
) -> None:
    order = shipped_order()
    first, second = order.shipments
    carrier_reports(order, second, K.SIGNED)
    carrier_reports(order, first, K.RETURNING, K.SIGNED)
    (incident,) = order.incidents
    assert incident.due_at_ms == START_MS + 3 * DAY_MS
    assert set(allowed_now(incident)) == {IncidentEvent.REFUND, IncidentEvent.RESHIP}
    decided(order, partial(resolve, incident_id=incident.incident_id, said=said, why=""))
    assert (incident.state, first.state) == (state, S.RETURNED)
    assert order.refunded_minor == (1_357 if said is IncidentEvent.REFUND else 0)


def test_three_failed_attempts_are_somebodys() -> None:
    order, parcel = one_parcel()
    carrier_reports(order, parcel, K.ATTEMPT_FAILED, K.ATTEMPT_FAILED)
    assert (parcel.failed_attempts, order.incidents) == (2, [])
    carrier_reports(order, parcel, K.ATTEMPT_FAILED, K.ATTEMPT_FAILED)
    (incident,) = order.incidents
    assert (incident.kind, incident.owner) == (IncidentKind.UNDELIVERED, "carrier-desk")
    carrier_reports(order, parcel, K.SIGNED, K.ATTEMPT_FAILED)
    assert incident.state is IncidentState.ARRIVED
    assert order.state is OrderState.DELIVERED


def test_a_parcel_that_was_given_up_comes_back_and_its_money_does_not_go_back_twice() -> None:
    order = shipped_order()
    first, second = order.shipments
    carrier_reports(order, second, K.SIGNED)
    decided(order, partial(report, shipment_id=first.shipment_id, kind=IncidentKind.LOSS, why=""))
    refund = partial(resolve, said=IncidentEvent.REFUND, why="")
    decided(order, partial(refund, incident_id=order.incidents[0].incident_id))
    carrier_reports(order, first, K.RETURNED)
    assert first.state is S.RETURNED
    assert len(order.incidents) == len(order.refunds) == 1
    assert [leg.state for leg in order.parts_of(ReturnLeg)] == [LegState.ARRIVED]


# The buyer's word (O11).


def test_the_buyers_word_that_it_came_counts_where_the_carrier_is_silent() -> None:
    order = shipped_order()
    carrier_reports(order, order.shipments[0], K.SIGNED)
    draft = draft_of(order)
    assert complete(draft, "") is False
    (said,) = [row for row in draft.added if isinstance(row, TrackingEvent)]
    assert (said.carrier, said.kind) == (BUYER, K.SIGNED)
    assert order.state is OrderState.COMPLETED
    assert [each.state for each in order.shipments] == [S.DELIVERED] * 2
    assert decided(order, lambda draft: complete(draft, "")) is True


def test_a_late_or_lost_parcel_that_the_buyer_has_is_no_incident_any_more() -> None:
    order = shipped_order()
    first, second = order.shipments
    carrier_reports(order, first, K.LOST)
    decided(order, partial(report, shipment_id=second.shipment_id, kind=IncidentKind.DELAY, why=""))
    decided(order, lambda draft: complete(draft, ""))
    assert {each.state for each in order.incidents} == {IncidentState.ARRIVED}
    assert order.state is OrderState.COMPLETED


@pytest.mark.parametrize("kind", [K.RETURNING, K.DAMAGED])
def test_the_buyer_cannot_have_what_is_known_to_be_elsewhere(kind: TrackingKind) -> None:
    order = shipped_order()
    carrier_reports(order, order.shipments[0], kind)
    with pytest.raises(Refused, match="is SHIPPED"):
        decided(order, lambda draft: complete(draft, ""))


def test_one_parcel_can_be_said_to_have_come_by_its_buyer() -> None:
    order = shipped_order()
    parcel = order.shipments[0]
    word = structs.replace(event(parcel, K.SIGNED), carrier=BUYER)
    decided(order, partial(track, event=word))
    assert parcel.state is S.DELIVERED
    assert order.state is OrderState.SHIPPED
