"""Delay, loss, damage and warmth: each has an owner, a deadline and an end."""

from functools import partial

import pytest

from order_service.fulfilment.deadlines import look_at_deadlines
from order_service.fulfilment.follow import complete, complete_by_itself
from order_service.fulfilment.incidents import (
    INCIDENTS,
    allowed_now,
    report,
)
from order_service.fulfilment.planning import plan_like
from order_service.fulfilment.resolving import resolve
from order_service.fulfilment.shares import due_at_the_door_minor, goods_minor
from order_service.fulfilment.tracking import read_temperature, track
from order_service.fulfilment.warehouse import confirm_pick
from order_service.order.model import Incident, IncidentKind, Order
from order_service.order.records import TrackingKind
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.states import IncidentEvent, IncidentState, OrderState, ShipmentState
from order_service.order.tasks import TaskKind
from tests.order_service.clock import START_MS
from tests.order_service.fulfilment.parcels import (
    ON_DELIVERY,
    captured,
    carrier_reports,
    cash,
    decided,
    draft_of,
    event,
    gone_off,
    planned_order,
    shipped_order,
)

K, E, S = IncidentKind, IncidentEvent, IncidentState
DAY_MS = 86_400_000


def with_loss() -> tuple[Order, Incident]:
    """An order whose first parcel is lost."""
    order = shipped_order()
    carrier_reports(order, order.shipments[0], TrackingKind.LOST)
    return order, order.incidents[0]


def resolved(order: Order, incident: Incident, said: IncidentEvent) -> None:
    decided(
        order,
        partial(resolve, incident_id=incident.incident_id, said=said, why=""),
    )


def test_every_kind_has_an_owner_a_deadline_and_an_end() -> None:
    assert set(INCIDENTS) == set(IncidentKind)
    for row in INCIDENTS.values():
        assert row.owner
        assert row.decide_within_ms > 0
        assert E.REFUND in row.allowed
        assert (row.wait_ms > 0) is (E.WAIT in row.allowed)


def test_a_parcel_that_is_not_there_when_promised_is_its_carrier_desks() -> None:
    order = shipped_order()
    (reminder,) = [task for task in order.tasks if task.kind == TaskKind.DELIVERY_DUE]
    assert reminder.due_at_ms == START_MS + 1_000
    looks = partial(gone_off, TaskKind.DELIVERY_DUE, look_at_deadlines)
    decided(order, looks, START_MS + 1_000)
    assert [(i.kind, i.owner, i.state) for i in order.incidents] == [
        (K.DELAY, "carrier-desk", S.OPEN)
    ] * 2
    # A reminder of what is past would come again and again: the next is for the owner's deadline.
    (reminder,) = [task for task in order.tasks if task.kind == TaskKind.DELIVERY_DUE]
    assert reminder.due_at_ms == START_MS + 1_000 + DAY_MS
    decided(order, look_at_deadlines, START_MS + 2_000)
    assert len(order.incidents) == 2


def test_who_waits_is_asked_again_when_the_wait_is_over() -> None:
    order, loss = with_loss()
    resolved(order, loss, E.WAIT)
    assert (loss.state, loss.due_at_ms) == (S.WAITING, START_MS + 7 * DAY_MS)
    decided(order, look_at_deadlines, START_MS + 6 * DAY_MS)
    assert loss.state is S.WAITING
    decided(order, look_at_deadlines, START_MS + 7 * DAY_MS)
    assert (loss.state, loss.due_at_ms) == (S.OPEN, START_MS + 8 * DAY_MS)


@pytest.mark.parametrize(
    ("said", "state"), [(E.REFUND, S.REFUNDED), (E.RESHIP, S.RESHIPPING), (E.WAIT, S.WAITING)]
)
def test_who_waits_may_change_their_mind_before_the_wait_is_over(
    said: IncidentEvent, state: IncidentState
) -> None:
    order, loss = with_loss()
    resolved(order, loss, E.WAIT)
    assert allowed_now(loss) == (E.RESHIP, E.REFUND)
    resolved(order, loss, said)
    assert loss.state is state
    decided(order, look_at_deadlines, START_MS + 6 * DAY_MS)
    assert loss.state is state
    assert order.refunded_minor == (1_357 if said is E.REFUND else 0)


def test_money_for_a_lost_parcel_goes_back_once() -> None:
    order, loss = with_loss()
    resolved(order, loss, E.REFUND)
    resolved(order, loss, E.REFUND)
    assert [refund.amount_minor for refund in order.refunds] == [1_357]
    assert loss.state is S.REFUNDED
    carrier_reports(order, order.shipments[1], TrackingKind.SIGNED)
    assert order.state is OrderState.DELIVERED


def test_an_order_of_which_nothing_arrived_ends_with_all_its_money_back() -> None:
    order = shipped_order()
    for parcel in order.shipments:
        carrier_reports(order, parcel, TrackingKind.LOST)
    for incident in order.incidents:
        resolved(order, incident, E.REFUND)
    assert order.state is OrderState.CANCELLED
    assert order.refunded_minor == order.captured_minor == 2_000


def test_a_parcel_is_replaced_or_refunded_not_both() -> None:
    order, loss = with_loss()
    resolved(order, loss, E.RESHIP)
    assert loss.state is S.RESHIPPING
    with pytest.raises(Refused) as refused:
        resolved(order, loss, E.REFUND)
    assert refused.value.reason is RefusalReason.WRONG_STATE
    assert not order.refunds


def test_giving_up_a_late_parcel_ends_everything_that_was_wrong_with_it() -> None:
    order = shipped_order()
    parcel = order.shipments[0]
    decided(order, partial(report, shipment_id=parcel.shipment_id, kind=K.DELAY, why=""))
    delay = order.incidents[0]
    resolved(order, delay, E.WAIT)
    carrier_reports(order, parcel, TrackingKind.LOST)
    loss = order.incidents[1]
    resolved(order, loss, E.REFUND)
    assert {incident.state for incident in order.incidents} == {S.REFUNDED}
    carrier_reports(order, parcel, TrackingKind.SIGNED)
    assert parcel.state is ShipmentState.LOST


def test_a_damaged_parcel_cannot_be_waited_for() -> None:
    order = shipped_order()
    carrier_reports(order, order.shipments[0], TrackingKind.DAMAGED)
    with pytest.raises(Refused, match="DAMAGE incident 4330000000000000000-i1 is OPEN: WAIT"):
        resolved(order, order.incidents[0], E.WAIT)


def test_a_parcel_that_arrived_can_still_be_reported_damaged_but_not_lost() -> None:
    order = shipped_order()
    parcel = order.shipments[0]
    carrier_reports(order, parcel, TrackingKind.SIGNED)
    with pytest.raises(Refused):
        decided(order, partial(report, shipment_id=parcel.shipment_id, kind=K.LOSS, why=""))
    done = decided(order, partial(report, shipment_id=parcel.shipment_id, kind=K.DAMAGE, why=""))
    assert (done.replayed, parcel.state) == (False, ShipmentState.DAMAGED)
    assert decided(
        order, partial(report, shipment_id=parcel.shipment_id, kind=K.DAMAGE, why="")
    ).replayed


@pytest.mark.parametrize(
    ("millicelsius", "incidents"), [(1_999, 1), (2_000, 0), (8_000, 0), (8_001, 1)]
)
def test_a_temperature_out_of_the_parcels_limits_is_an_incident(
    millicelsius: int, incidents: int
) -> None:
    order = shipped_order()
    parcel = order.shipments[0]
    parcel.temperature_min_millicelsius = 2_000
    parcel.temperature_max_millicelsius = 8_000
    for read_at_ms in (1, 2):
        draft = draft_of(order)
        read_temperature(draft, parcel.shipment_id, "sensor", read_at_ms, millicelsius)
        assert len(draft.added) >= 1
    assert len(order.incidents) == incidents
    assert all(incident.owner == "quality-desk" for incident in order.incidents)


@pytest.mark.parametrize("by", ["carrier", "person"])
def test_an_order_with_an_open_incident_does_not_complete_by_itself(by: str) -> None:
    order = shipped_order()
    first = order.shipments[0]
    for parcel in order.shipments:
        carrier_reports(order, parcel, TrackingKind.SIGNED)
    assert TaskKind.COMPLETE in {task.kind for task in order.tasks}
    if by == "carrier":
        carrier_reports(order, first, TrackingKind.DAMAGED)
    else:
        decided(order, partial(report, shipment_id=first.shipment_id, kind=K.DAMAGE, why=""))
    assert TaskKind.COMPLETE not in {task.kind for task in order.tasks}
    resolved(order, order.incidents[0], E.REFUND)
    assert TaskKind.COMPLETE in {task.kind for task in order.tasks}


@pytest.mark.parametrize(
    ("heard_after_days", "completes_after_days"), [(0, 7), (3, 7), (7, 7), (10, 10)]
)
def test_an_order_completes_days_after_it_was_delivered_whenever_that_was_heard(
    heard_after_days: int, completes_after_days: int
) -> None:
    order = shipped_order()
    for parcel, at_ms in zip(order.shipments, (0, 1), strict=True):
        signed = event(parcel, TrackingKind.SIGNED, at_ms)
        heard = partial(track, event=signed)
        decided(order, heard, START_MS + 1 + heard_after_days * DAY_MS)
    (timer,) = [task for task in order.tasks if task.kind == TaskKind.COMPLETE]
    assert timer.due_at_ms == START_MS + 1 + completes_after_days * DAY_MS


def test_the_buyer_completes_a_delivered_order_once() -> None:
    with pytest.raises(Refused):
        decided(planned_order(), lambda draft: complete(draft, ""))
    order = shipped_order()
    for parcel in order.shipments:
        carrier_reports(order, parcel, TrackingKind.SIGNED)
    assert decided(order, lambda draft: complete(draft, "")) is False
    assert decided(order, lambda draft: complete(draft, "")) is True
    decided(order, complete_by_itself)
    assert order.state is OrderState.COMPLETED
    assert TaskKind.COMPLETE not in {task.kind for task in order.tasks}


def test_what_was_never_paid_at_the_door_is_not_sent_back() -> None:
    order = shipped_order(payments=[cash(2_000)], **ON_DELIVERY)
    first, second = order.shipments
    money = event(first, TrackingKind.CASH_COLLECTED, 1, 1_457)
    decided(order, partial(track, event=money))
    carrier_reports(order, second, TrackingKind.LOST)
    resolved(order, order.incidents[0], E.REFUND)
    assert order.incidents[0].state is S.REFUNDED
    assert not order.refunds


def test_shares_of_parcels_add_up_to_the_order() -> None:
    order = shipped_order(payments=[captured(2_000)])
    for parcel in order.shipments:
        carrier_reports(order, parcel, TrackingKind.LOST)
    first, second = order.incidents
    resolved(order, first, E.REFUND)
    assert order.refunded_minor == 1_357
    resolved(order, second, E.REFUND)
    assert order.refunded_minor == 2_000


def test_units_of_a_line_in_several_parcels_share_its_amount_to_the_unit() -> None:
    order = planned_order()
    for number, name in enumerate(("4330000000000000000-s1", "4330000000000000000-s3")):
        pick = partial(confirm_pick, shipment_id=name, taken=[("SKU-1", 1)])
        rest = decided(order, pick).rest
        assert rest is not None
        assert rest.shipment_id == f"4330000000000000000-s{number + 3}"
    shares = [goods_minor(order, shipment) for shipment in order.shipments]
    assert shares == [452, 543, 452, 453]


def test_what_goes_in_a_parcels_stead_has_its_share_and_is_not_paid_at_the_door_again() -> None:
    order = planned_order(payments=[cash(2_000)], **ON_DELIVERY)
    first = order.shipments[0]
    draft = draft_of(order)
    again = plan_like(draft, first, first.lines, location="south", replaces=first.shipment_id)
    assert (again.zone, goods_minor(order, again)) == ("", 1_357)
    assert due_at_the_door_minor(order, again) == 1_357 + 72
    first.collected_minor = 1_428
    assert due_at_the_door_minor(order, again) == 0


def test_a_parcel_that_was_given_up_makes_no_more_incidents() -> None:
    order, loss = with_loss()
    resolved(order, loss, E.REFUND)
    parcel = order.shipments[0]
    parcel.temperature_max_millicelsius = 0
    decided(order, lambda draft: read_temperature(draft, parcel.shipment_id, "t", 1, 5_000))
    assert order.incidents == [loss]


def test_what_comes_after_the_delivery_does_not_put_the_completion_off() -> None:
    order = shipped_order()
    for parcel in order.shipments:
        carrier_reports(order, parcel, TrackingKind.SIGNED)
    late = event(order.shipments[0], TrackingKind.HUB, 5)
    decided(order, partial(track, event=late), START_MS + DAY_MS)
    (timer,) = [task for task in order.tasks if task.kind == TaskKind.COMPLETE]
    assert timer.due_at_ms == START_MS + 7 * DAY_MS
