"""Return legs of an order: found, counted, and what has lapsed of them. Pure."""

from collections import Counter
from typing import Final

from order_service.fulfilment.timers import DAY_MS
from order_service.order.draft import Draft
from order_service.order.model import Order
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.return_legs import LEG, LegEvent, LegState, ReturnLeg
from order_service.order.tasks import LegDue, todos

KEPT_MS: Final = 15 * DAY_MS
"""The time for which units are kept that were not accepted; then they go to their buyer again."""


def leg_in(order: Order, leg_id: str) -> ReturnLeg:
    """A return leg of an order. Raises Refused: NOT_FOUND."""
    for leg in order.parts_of(ReturnLeg):
        if leg.leg_id == leg_id:
            return leg
    raise Refused(RefusalReason.NOT_FOUND, thing="return", name=leg_id)


def keep_timer(draft: Draft, leg: ReturnLeg, due_at_ms: int) -> None:
    """Has the leg looked at when it is due, and not before; 0: never."""
    for todo in todos(draft.order, LegDue):
        if todo.payload.leg_id == leg.leg_id:
            draft.done(todo.task)
    draft.update(leg, due_at_ms=due_at_ms)
    if due_at_ms:
        draft.send(LegDue(leg.leg_id), due_at_ms)


def lapse(draft: Draft, leg_id: str) -> None:
    """Does what a leg's passed deadline does: what was not accepted goes to its buyer again.

    Nothing before the deadline: in time is what comes before it.
    """
    leg = leg_in(draft.order, leg_id)
    if not leg.due_at_ms or draft.now_ms < leg.due_at_ms:
        return
    if leg.state is LegState.INSPECTED and LEG.allows(leg.state, LegEvent.SEND_BACK):
        draft.move(leg, LegEvent.SEND_BACK, "kept long enough: it goes to its buyer again")
    draft.update(leg, due_at_ms=0)


def count_returned(draft: Draft, leg: ReturnLeg) -> None:
    """Counts units as returned that are ours again; those sent in another's stead count once."""
    order = draft.order
    back: Counter[int] = Counter()
    for group in leg.ours:
        if order.carries_lines(order.shipment(group.shipment_id)):
            back[group.line_no] += group.quantity
    for line in order.lines:
        if back[line.line_no]:
            draft.update(line, returned=line.returned + back[line.line_no])


def legs_of_case(order: Order, case_id: str) -> list[ReturnLeg]:
    """The legs that bring the goods of a case, or were to; the oldest first."""
    return [leg for leg in order.parts_of(ReturnLeg) if leg.case_id == case_id]
