"""The review before shipping: automatic where no rule objects, else by a person (O15)."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple

from order_service.fulfilment.cancelling import cancel_at_once, cancel_part
from order_service.fulfilment.merchant_parts import (
    held_parts,
    is_all_there_is,
    is_left_out,
    parts_of,
    put_on_hold,
)
from order_service.fulfilment.planning import Articles, plan_shipments
from order_service.fulfilment.review_rules import Objection, ReviewRules, objections_to
from order_service.order.draft import Draft
from order_service.order.model import Order, Shipment
from order_service.order.records import Review, Verdict
from order_service.order.refusals import Refused, wrong_state
from order_service.order.states import OrderState
from order_service.order.tasks import TaskKind

BY_ITSELF = "rules"
"""The reviewer's name, where nobody had to be asked."""


class ReviewInput(NamedTuple):
    """Facts that a review needs beside the order."""

    remarks: int
    """The number of its remarks that are to be read."""
    articles: Articles
    rules: ReviewRules = ReviewRules()


ReadReviewInput = Callable[[Order], Awaitable[ReviewInput]]


def review(draft: Draft, known: ReviewInput) -> None:
    """Lets an order through if no rule objects to it, else leaves it to a person.

    An order that is no longer to be reviewed is left as it is.
    """
    if draft.order.state is not OrderState.CONFIRMED:
        return
    objections = objections_to(draft.order, known.remarks, known.rules, known.articles)
    stops = [objection.rule for objection in objections if not objection.is_flag]
    if stops:
        draft.note(f"waits for a person: {', '.join(stops)}")
        _record(draft, Verdict.WAITS, objections, BY_ITSELF, "")
        return
    if objections:
        _record(draft, Verdict.FLAGGED, objections, BY_ITSELF, "")
    flags = "; ".join(objection.detail for objection in objections)
    plan_shipments(draft, known.articles, f"flagged: {flags}" if flags else "nothing was found")


def approve(
    draft: Draft, known: ReviewInput, reason: str, merchant_id: str = ""
) -> tuple[list[Shipment], bool]:
    """A person lets an order through, or a merchant's part of it, and the others are put on hold;
    returns the shipments, and whether they were through before.

    Raises Refused: NOT_FOUND, WRONG_STATE, also for what no person may let through.
    """
    order = draft.order
    parts = parts_of(order, merchant_id)
    if merchant_id and is_left_out(order, *parts):
        raise _not_now(order, f"without the part of {merchant_id}")
    if order.state is not OrderState.CONFIRMED:
        if not order.shipments or order.state is OrderState.CANCELLED:
            raise _not_now(order, order.state)
        if not merchant_id or not parts & held_parts(order):
            return _of_parts(order.shipments, parts), True
        put_on_hold(draft, held_parts(order) - parts, order.held_at_ms)
        _record(draft, Verdict.APPROVED, (), draft.actor, f"the part of {merchant_id}: {reason}")
        draft.note(f"the part of {merchant_id} is approved: {reason}")
        return _of_parts(order.shipments, parts), False
    objections = objections_to(order, known.remarks, known.rules, known.articles)
    for objection in objections:
        if objection.is_final:
            raise _not_now(order, f"{order.state}, and {objection.detail}")
    draft.forget(TaskKind.REVIEW)
    others = parts_of(order, "") - parts
    put_on_hold(draft, frozenset(no for no in others if not is_left_out(order, no)), draft.now_ms)
    _record(draft, Verdict.APPROVED, objections, draft.actor, reason)
    if order.held_at_ms:
        waiting = ", ".join(part.merchant_id for part in order.sub_orders if part.held)
        wait = Objection("hold", f"only the part of {merchant_id} is approved, not {waiting}")
        _record(draft, Verdict.WAITS, [wait], draft.actor, reason)
    return _of_parts(plan_shipments(draft, known.articles, reason), parts), False


def refuse(draft: Draft, known: ReviewInput, reason: str, merchant_id: str = "") -> bool:
    """A person refuses an order: it is CANCELLED, its stock and money go back. A merchant's part
    that is refused is left out, also later while it is on hold.

    Returns whether that was so before. Raises Refused: NOT_FOUND, WRONG_STATE.
    """
    order = draft.order
    parts = parts_of(order, merchant_id)
    if order.state is OrderState.CANCELLED or (merchant_id and is_left_out(order, *parts)):
        return True
    is_held = bool(merchant_id) and parts <= held_parts(order)
    if order.state is not OrderState.CONFIRMED and not is_held:
        raise _not_now(order, order.state)
    objections = objections_to(order, known.remarks, known.rules, known.articles)
    _record(draft, Verdict.REFUSED, objections, draft.actor, reason)
    if not merchant_id or is_all_there_is(order, *parts):
        return cancel_at_once(draft, reason)
    cancelled = cancel_part(draft, merchant_id, reason)
    if cancelled.refused is not None:
        raise cancelled.refused
    return cancelled.replayed


def _of_parts(shipments: Iterable[Shipment], parts: frozenset[int]) -> list[Shipment]:
    return [shipment for shipment in shipments if shipment.sub_order_no in parts]


def _record(
    draft: Draft,
    verdict: Verdict,
    objections: Sequence[Objection],
    reviewer: str,
    reason: str,
) -> None:
    draft.record(
        Review(
            order_id=draft.order.order_id,
            review_id=draft.new_id(),
            verdict=verdict,
            findings=tuple(objection.detail for objection in objections),
            reviewer=reviewer,
            reason=reason,
            at_ms=draft.now_ms,
        )
    )


def _not_now(order: Order, state: str) -> Refused:
    return wrong_state("order", order.order_id, state, "the review's verdict")
