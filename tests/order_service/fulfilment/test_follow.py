"""Consequences of a decision are derived once per draft, and completely (O9 to O11)."""

import os
import random
from collections.abc import Callable
from copy import deepcopy
from functools import partial

import pytest
from msgspec import structs

from order_service.fulfilment.cancelling import cancel
from order_service.fulfilment.cancelling_parcels import cancel_shipment
from order_service.fulfilment.cash import REPORTED_WITHIN_MS, cash_overdue
from order_service.fulfilment.deadlines import look_at_deadlines, look_at_picks
from order_service.fulfilment.follow import complete, complete_by_itself
from order_service.fulfilment.incidents import report
from order_service.fulfilment.planning import plan_like
from order_service.fulfilment.resolving import resolve
from order_service.fulfilment.timers import DAY_MS
from order_service.fulfilment.tracking import read_temperature, track
from order_service.fulfilment.warehouse import (
    confirm_packing,
    confirm_pick,
    hand_over,
)
from order_service.order.draft import Draft
from order_service.order.model import Incident, IncidentKind, Order, Shipment
from order_service.order.records import TrackingKind
from order_service.order.refusals import Refused
from order_service.order.states import (
    IncidentEvent,
    IncidentState,
    OrderState,
    ShipmentEvent,
    ShipmentState,
)
from order_service.order.tasks import TaskKind
from order_service.relay.handler import GiveUp
from tests.order_service.clock import START_MS
from tests.order_service.following import FOLLOW, finish
from tests.order_service.fulfilment.parcels import (
    ON_DELIVERY,
    carrier_reports,
    cash,
    decided,
    draft_of,
    event,
    gone_off,
    labelled,
    planned_order,
    shipped_order,
    units,
)

K = TaskKind
TIMERS = (K.PICK_DUE, K.DELIVERY_DUE, K.COMPLETE, K.CASH_DUE)
EXAMPLES = int(os.environ.get("HOLDFAST_EXAMPLES", "100"))
Decision = Callable[[Draft], object]


def timers(order: Order) -> dict[str, int]:
    """When each timer of an order goes off."""
    return {task.kind: task.due_at_ms for task in order.tasks if task.kind in TIMERS}


def delivered_order() -> Order:
    """An order both of whose parcels came, to be paid at the door; no money was reported yet."""
    order = shipped_order(payments=[cash(2_000)], **ON_DELIVERY)
    for parcel in order.shipments:
        carrier_reports(order, parcel, TrackingKind.SIGNED)
    assert set(timers(order)) == {K.COMPLETE, K.CASH_DUE}
    return order


def reshipped(order: Order, shipment: Shipment) -> None:
    """The goods of a parcel go again, as after RESHIP and its stock."""
    incident = order.incidents[0]
    resolve_it = partial(resolve, incident_id=incident.incident_id, why="")
    decided(order, partial(resolve_it, said=IncidentEvent.RESHIP))
    decided(order, partial(_goes_again, incident=incident, shipment=shipment))


def _goes_again(draft: Draft, incident: Incident, shipment: Shipment) -> None:
    plan_like(draft, shipment, shipment.lines, location="north", replaces=shipment.shipment_id)
    draft.move(incident, IncidentEvent.STOCK_CONFIRMED)


# Gaps that were suspected when each decision had to remember its own consequences.


def test_a_shipment_that_is_left_out_has_no_reminder_and_the_others_keep_theirs() -> None:
    order = planned_order()
    first, second = order.shipments
    labelled(order, first)
    decided(order, partial(hand_over, shipment_id=first.shipment_id))
    assert timers(order) == {K.PICK_DUE: START_MS + DAY_MS, K.DELIVERY_DUE: START_MS + 1_000}
    decided(order, partial(cancel_shipment, shipment_id=second.shipment_id, why="not found"))
    assert order.state is OrderState.SHIPPED
    assert timers(order) == {K.DELIVERY_DUE: START_MS + 1_000}


def test_goods_that_go_again_are_to_be_picked_and_nothing_else_is_waited_for() -> None:
    order = shipped_order()
    first, second = order.shipments
    carrier_reports(order, second, TrackingKind.SIGNED)
    decided(order, partial(report, shipment_id=first.shipment_id, kind=IncidentKind.LOSS, why=""))
    waits = partial(resolve, incident_id=order.incidents[0].incident_id, why="")
    decided(order, partial(waits, said=IncidentEvent.WAIT))
    assert timers(order) == {K.DELIVERY_DUE: START_MS + 7 * DAY_MS}
    reshipped(order, first)
    assert order.state is OrderState.SHIPPED
    assert timers(order) == {K.PICK_DUE: START_MS + DAY_MS}


@pytest.mark.parametrize("by", ["report", "temperature"])
def test_nothing_ends_by_itself_while_something_is_wrong_with_a_parcel(by: str) -> None:
    order = delivered_order()
    parcel = order.shipments[0]
    parcel.temperature_max_millicelsius = 8_000
    if by == "report":
        damaged = partial(report, kind=IncidentKind.DAMAGE, why="")
        decided(order, partial(damaged, shipment_id=parcel.shipment_id))
    else:
        decided(order, lambda draft: read_temperature(draft, parcel.shipment_id, "t", 1, 9_000))
    assert order.incidents[0].state is IncidentState.OPEN
    assert timers(order) == {K.DELIVERY_DUE: order.incidents[0].due_at_ms}
    refund = partial(resolve, said=IncidentEvent.REFUND, why="")
    decided(order, partial(refund, incident_id=order.incidents[0].incident_id))
    assert timers(order) == {
        K.COMPLETE: START_MS + 7 * DAY_MS,
        K.CASH_DUE: START_MS + REPORTED_WITHIN_MS,
    }


def test_an_overdue_pick_is_reported_also_if_another_is_confirmed_just_before() -> None:
    order = planned_order()
    first, second = order.shipments
    due_at_ms = START_MS + DAY_MS
    decided(order, partial(confirm_pick, shipment_id=first.shipment_id, taken=()), due_at_ms)
    assert timers(order) == {K.PICK_DUE: due_at_ms}
    draft = draft_of(order, due_at_ms)
    gone_off(K.PICK_DUE, partial(look_at_picks, pick_within_ms=DAY_MS), draft)
    finish(draft)
    assert [incident.shipment_id for incident in order.incidents] == [second.shipment_id]
    assert timers(order) == {K.DELIVERY_DUE: due_at_ms + DAY_MS}


# Rules that hold for every draft.


def test_a_timer_that_went_off_too_early_is_set_again() -> None:
    order = planned_order()
    draft = draft_of(order, START_MS + DAY_MS - 1)
    gone_off(K.PICK_DUE, partial(look_at_picks, pick_within_ms=DAY_MS), draft)
    finish(draft)
    assert not draft.history
    assert timers(order) == {K.PICK_DUE: START_MS + DAY_MS}


def test_a_draft_that_touches_no_shipment_leaves_the_order_and_its_timers_alone() -> None:
    order = shipped_order()
    for parcel in order.shipments:
        parcel.state = ShipmentState.DELIVERED
    draft = draft_of(order)
    draft.note("somebody called")
    finish(draft)
    assert order.state is OrderState.SHIPPED
    assert not draft.tasks_made
    assert not draft.tasks_done
    assert len(draft.history) == 1


def test_a_reminder_for_the_same_time_is_not_written_again() -> None:
    order = planned_order()
    before = [task.task_id for task in order.tasks]
    decided(order, partial(confirm_pick, shipment_id=order.shipments[0].shipment_id, taken=()))
    assert [task.task_id for task in order.tasks] == before


@pytest.mark.more
def test_nothing_more_follows_from_an_order_that_was_followed_whatever_happened_to_it() -> None:
    reached: set[OrderState] = set()
    for seed in range(EXAMPLES):
        rnd = random.Random(seed)
        door = {"payments": [cash(2_000)], **ON_DELIVERY} if rnd.random() < 0.5 else {}
        order, now_ms = planned_order(**door), START_MS
        for parcel in order.shipments:
            parcel.temperature_max_millicelsius = 8_000
        for number in range(40):
            now_ms += rnd.choice((0, 1, 3_600_000, DAY_MS))
            order = _with(order, _something(rnd, order, number, now_ms), now_ms)
            reached.add(order.state)
            again = draft_of(deepcopy(order), now_ms)
            again.update(again.order.shipments[0])
            FOLLOW(again)
            changes = (again.history, again.added, again.tasks_made, again.tasks_done)
            assert not any(changes), f"seed {seed}, decision {number}: {changes}"
    assert reached == {
        OrderState.IN_FULFILMENT,
        OrderState.PARTLY_SHIPPED,
        OrderState.SHIPPED,
        OrderState.DELIVERED,
        OrderState.COMPLETED,
        OrderState.CANCELLED,
    }


def _with(order: Order, decide: Decision, now_ms: int) -> Order:
    """The order after a decision; as it was, if that was refused."""
    changed = deepcopy(order)
    try:
        decided(changed, decide, now_ms)
    except (Refused, GiveUp):
        return order
    return changed


def _something(rnd: random.Random, order: Order, number: int, now_ms: int) -> Decision:
    """A decision on a part of the order; timers that are due come first, as from the relay."""
    due = [kind for kind, due_at_ms in timers(order).items() if due_at_ms <= now_ms]
    if due:
        timer: dict[str, Decision] = {
            K.PICK_DUE: partial(look_at_picks, pick_within_ms=DAY_MS),
            K.DELIVERY_DUE: look_at_deadlines,
            K.COMPLETE: complete_by_itself,
            K.CASH_DUE: cash_overdue,
        }
        return partial(gone_off, TaskKind(due[0]), timer[due[0]])
    if order.incidents and rnd.random() < 0.3:
        return _said(rnd, rnd.choice(order.incidents))
    shipment = rnd.choice(order.shipments)
    name = shipment.shipment_id
    minor = rnd.choice((543, 1_457))
    news = event(shipment, rnd.choice(list(TrackingKind)), number, minor)
    news = structs.replace(news, happened_at_ms=now_ms)
    taken = rnd.choice(((), (), (), [(shipment.lines[0].sku, 1)]))
    wrong = rnd.choice((IncidentKind.DELAY, IncidentKind.LOSS, IncidentKind.DAMAGE))
    decisions: tuple[Decision, ...] = (
        partial(confirm_pick, shipment_id=name, taken=taken),
        partial(confirm_packing, shipment_id=name, scanned=units(shipment), weight_g=700),
        partial(_labelled, shipment_id=name),
        partial(hand_over, shipment_id=name),
        *(partial(track, event=news) for _ in range(3)),
        partial(read_temperature, shipment_id=name, sensor="", read_at_ms=0, millicelsius=9_000),
        partial(report, shipment_id=name, kind=wrong, why=""),
        partial(cancel_shipment, shipment_id=name, why=""),
        partial(cancel, answers=(), reason=""),
        partial(complete, why="it came"),
    )
    weights = (9, 9, 9, 9, 4, 4, 4, 1, 1, 1, 0.2, 9)
    return rnd.choices(decisions, weights)[0]


def _said(rnd: random.Random, incident: Incident) -> Decision:
    if incident.state is IncidentState.RESHIPPING:
        return partial(_same_goods_again, incident_id=incident.incident_id)
    said = rnd.choice((IncidentEvent.WAIT, IncidentEvent.RESHIP, IncidentEvent.REFUND))
    return partial(resolve, incident_id=incident.incident_id, said=said, why="")


def _same_goods_again(draft: Draft, incident_id: str) -> None:
    incident = draft.order.incident(incident_id)
    _goes_again(draft, incident, draft.order.shipment(incident.shipment_id))


def _labelled(draft: Draft, shipment_id: str) -> None:
    shipment = draft.order.shipment(shipment_id)
    if shipment.state is ShipmentState.PACKED:
        promised_at_ms = draft.now_ms + DAY_MS
        draft.update(shipment, carrier="sandbox", waybill="SB1", promised_at_ms=promised_at_ms)
        draft.move(shipment, ShipmentEvent.LABEL)
