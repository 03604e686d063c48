"""Derives what follows for an order from its shipments and incidents, once per draft. Pure.

Decisions only say what happened to a shipment or an incident. When the draft is finished, `follow`
looks at the whole order: the order moves to where its shipments are (O9), and its timers and the
money that is collected at the door keep step. Nothing more follows from an order that was followed.
"""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from order_service.fulfilment.cancelling import cancel
from order_service.fulfilment.cash import judge_cash, unowned
from order_service.fulfilment.deadlines import looked_at_ms
from order_service.fulfilment.giving_back import send_refunded_back
from order_service.fulfilment.incidents import close_picked, is_open
from order_service.fulfilment.stopping import stop_refunded
from order_service.fulfilment.timers import DAY_MS, UNDER_WAY
from order_service.fulfilment.tracking import has_come
from order_service.order.cases import Case
from order_service.order.draft import Draft
from order_service.order.machines import INCIDENT, ORDER, SHIPMENT
from order_service.order.model import Incident, IncidentKind, Order, Shipment
from order_service.order.records import TrackingEvent
from order_service.order.refusals import wrong_state
from order_service.order.return_legs import OPEN as LEG_OPEN
from order_service.order.return_legs import ReturnLeg
from order_service.order.states import (
    IncidentState,
    OrderEvent,
    OrderState,
    ShipmentEvent,
    ShipmentState,
)
from order_service.order.tasks import CompleteOrder, DeliveryDue, Payload, PickDue, TaskKind
from order_service.payment.refunds import refund_all

_SOLD_NOT_LEFT: Final = frozenset({OrderState.CONFIRMED, OrderState.IN_FULFILMENT})
_GONE: Final = frozenset(
    {
        ShipmentState.LOST,
        ShipmentState.DAMAGED,
        ShipmentState.RETURNING,
        ShipmentState.RETURNED,
    }
)
_LEFT: Final = frozenset({OrderState.SHIPPED, OrderState.DELIVERED})
_ARRIVED: Final = frozenset({OrderState.DELIVERED, OrderState.COMPLETED})
_MADE_GOOD: Final = frozenset({IncidentState.RESHIPPED, IncidentState.REFUNDED})


class FulfilmentSettings(Struct, frozen=True):
    """Durations in milliseconds."""

    pick_within_ms: int = DAY_MS
    """A pick is overdue after this time (O6)."""
    complete_after_ms: int = 7 * DAY_MS
    """The time from an order's last signature until it completes by itself (O11)."""


def follow(draft: Draft, settings: FulfilmentSettings) -> None:
    """Brings an order's state, timers and money to where its shipments and incidents are.

    To be called on each draft, before it is finished. In a draft that touched neither, only a timer
    that has gone off is set again.
    """
    order = draft.order
    if order.refund_rows:
        stop_refunded(draft)
    if not order.shipments:
        return
    _follow_refunds(draft)
    touched = _touches_shipments(draft)
    if touched:
        close_picked(draft)
        _follow_departures(draft)
        _follow_arrivals(draft, settings)
        send_refunded_back(draft)
    picks = _picks_due_at_ms(order, settings)
    _remind(draft, PickDue(), (due for due in picks if due > draft.now_ms), touched)
    _remind(draft, DeliveryDue(), _deliveries_due_at_ms(draft), touched)


def complete(draft: Draft, why: str) -> bool:
    """The buyer has received the order: DELIVERED becomes COMPLETED (O11).

    So does SHIPPED, where the buyer has what its carriers do not say they have delivered. Returns
    whether it was COMPLETED before. Raises Refused: WRONG_STATE, also where something of it is
    known not to have come.
    """
    order = draft.order
    if order.state is OrderState.COMPLETED:
        return True
    if order.state is OrderState.SHIPPED:
        for shipment in order.shipments:
            if SHIPMENT.allows(shipment.state, ShipmentEvent.SIGN):
                has_come(draft, shipment)
        _follow_end(draft)
    if order.state is not OrderState.DELIVERED:
        raise wrong_state("order", order.order_id, order.state, OrderEvent.RECEIVED)
    draft.move(order, OrderEvent.RECEIVED, why)
    draft.forget(TaskKind.COMPLETE)
    return False


def complete_by_itself(draft: Draft) -> None:
    """Completes a delivered order whose buyer has had days to complain; others stay as they are."""
    if draft.order.state is OrderState.DELIVERED:
        complete(draft, "nobody has complained since it was delivered")


def _touches_shipments(draft: Draft) -> bool:
    rows = (*draft.added, *draft.changed.values())
    return any(
        isinstance(row, Shipment | Incident | TrackingEvent | Case | ReturnLeg) for row in rows
    )


def _follow_refunds(draft: Draft) -> None:
    """Cancels an order of which no unit will leave."""
    order = draft.order
    nothing_comes = all(line.cancelled == line.quantity for line in order.lines)
    if order.state in _SOLD_NOT_LEFT and nothing_comes:
        cancel(draft, (), "all its units were refunded or left out")


def _follow_departures(draft: Draft) -> None:
    """Moves an order in fulfilment once units of it have left, or all that will ever leave."""
    order = draft.order
    if not any(line.shipped for line in order.lines):
        return
    event = OrderEvent.SHIPPED_IN_FULL if order.all_left else OrderEvent.SHIPPED_IN_PART
    if ORDER.allows(order.state, event):
        left_out = any(
            isinstance(part, Shipment) and part.state is ShipmentState.CANCELLED
            for part in draft.changed.values()
        )
        draft.move(order, event, "the rest does not come" if left_out else "")


def _follow_arrivals(draft: Draft, settings: FulfilmentSettings) -> None:
    """Moves a shipped order once its shipments have ended, and starts or stops its completion.

    A lost or damaged shipment counts as ended once other goods, or the money, replace it. An order
    is CANCELLED where nothing arrived, and the rest of its money goes back. Cash on delivery is
    judged once nothing about any shipment is open.
    """
    order = draft.order
    ended = _follow_end(draft)
    nothing_open = ended and not any(INCIDENT.moves[each.state] for each in order.incidents)
    if order.state is OrderState.DELIVERED:
        _follow_completion(draft, settings, is_held=not nothing_open or is_in_after_sales(order))
    if order.state in _ARRIVED:
        if nothing_open:
            judge_cash(draft)
        elif not unowned(order):
            draft.forget(TaskKind.CASH_DUE)


def _follow_completion(draft: Draft, settings: FulfilmentSettings, *, is_held: bool) -> None:
    """Stops the completion of an order while something is open; then it is due after the time that
    was left, and not before a day has passed.
    """
    order = draft.order
    due = [task.due_at_ms for task in order.tasks if task.kind == TaskKind.COMPLETE]
    if is_held and due:
        draft.update(order, completion_left_ms=max(1, min(due) - draft.now_ms))
        draft.forget(TaskKind.COMPLETE)
    elif not is_held and not due:
        left_ms = order.completion_left_ms
        due_at_ms = _completes_at_ms(draft, settings)
        if left_ms:
            due_at_ms = draft.now_ms + max(left_ms, DAY_MS)
            draft.update(order, completion_left_ms=0)
        draft.remind(CompleteOrder(), due_at_ms)


def is_in_after_sales(order: Order) -> bool:
    """Whether a case, or goods on their way back, are open."""
    return any(case.is_open for case in order.parts_of(Case)) or any(
        leg.state in LEG_OPEN for leg in order.parts_of(ReturnLeg)
    )


def _follow_end(draft: Draft) -> bool:
    """Moves a shipped order all of whose shipments have ended; returns whether they have."""
    order = draft.order
    shipments = [each for each in order.shipments if each.state is not ShipmentState.CANCELLED]
    if not all(has_ended(order, shipment) for shipment in shipments):
        return False
    if any(has_arrived(shipment) for shipment in shipments):
        if order.state is OrderState.SHIPPED:
            draft.move(order, OrderEvent.DELIVERED_IN_FULL)
    elif order.state in _LEFT:
        draft.move(order, OrderEvent.NOTHING_DELIVERED)
        draft.forget(TaskKind.COMPLETE)
        draft.update(order, closed_reason="every parcel was lost, damaged or sent back")
        refund_all(draft, "nothing was delivered")
    return True


def _picks_due_at_ms(order: Order, settings: FulfilmentSettings) -> list[int]:
    """When each shipment that is not picked yet should have been."""
    return [
        shipment.created_at_ms + settings.pick_within_ms
        for shipment in order.shipments
        if shipment.state is ShipmentState.PLANNED
    ]


def _deliveries_due_at_ms(draft: Draft) -> list[int]:
    """When carriers promised to deliver what is under way, and when each open incident is due.

    A shipment that is known to be late has no further reminder, nor has what only a person can end.
    """
    order = draft.order
    late = {each.shipment_id for each in order.incidents if each.kind is IncidentKind.DELAY}
    promised = [
        shipment.promised_at_ms
        for shipment in order.shipments
        if shipment.state in UNDER_WAY
        and shipment.promised_at_ms
        and shipment.shipment_id not in late
    ]
    decided = [looked_at_ms(each, draft.now_ms) for each in order.incidents if is_open(each)]
    return promised + [due_at_ms for due_at_ms in decided if due_at_ms]


def _remind(draft: Draft, payload: Payload, due_at_ms: Iterable[int], touched: bool) -> None:
    """Keeps one reminder of a kind, for the earliest time, or none where nothing is due.

    A reminder whose time has come is left to its handler, in whose draft the next is set.
    """
    reminders = [task for task in draft.order.tasks if task.kind == payload.kind]
    if reminders and not touched:
        return
    if any(task.due_at_ms <= draft.now_ms and not task.dead for task in reminders):
        return
    first_ms = min(due_at_ms, default=0)
    if not first_ms:
        draft.forget(payload.kind)
    elif [(task.due_at_ms, task.dead) for task in reminders] != [(first_ms, False)]:
        draft.remind(payload, first_ms)


def _completes_at_ms(draft: Draft, settings: FulfilmentSettings) -> int:
    """When an order completes by itself: counted from the last signature, not from its news."""
    delivered_at_ms = max(shipment.delivered_at_ms for shipment in draft.order.shipments)
    return max(draft.now_ms, delivered_at_ms + settings.complete_after_ms)


def has_arrived(shipment: Shipment) -> bool:
    """Whether a shipment was signed for, whole or damaged."""
    if shipment.state is ShipmentState.DAMAGED:
        return shipment.delivered_at_ms > 0
    return shipment.state is ShipmentState.DELIVERED


def has_ended(order: Order, shipment: Shipment) -> bool:
    """Whether a shipment has come, or something was done about one that never will."""
    incidents = order.incidents_of(shipment.shipment_id)
    made_good = any(each.state in _MADE_GOOD and not each.lines for each in incidents)
    return has_arrived(shipment) or (shipment.state in _GONE and made_good)
