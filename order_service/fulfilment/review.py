"""The review before shipping: automatic where no rule objects, else by a person (O15)."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from order_service.fulfilment.cancelling import cancel_at_once
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


def approve(draft: Draft, known: ReviewInput, reason: str) -> tuple[list[Shipment], bool]:
    """A person lets an order through; returns its shipments, and whether it was through before.

    Raises Refused: WRONG_STATE, also for what no person may let through.
    """
    order = draft.order
    if order.state is not OrderState.CONFIRMED:
        if order.shipments and order.state is not OrderState.CANCELLED:
            return list(order.shipments), True
        raise _not_now(order, order.state)
    objections = objections_to(order, known.remarks, known.rules, known.articles)
    for objection in objections:
        if objection.is_final:
            raise _not_now(order, f"{order.state}, and {objection.detail}")
    draft.forget(TaskKind.REVIEW)
    draft.update(order, held_at_ms=0)
    _record(draft, Verdict.APPROVED, objections, draft.actor, reason)
    return plan_shipments(draft, known.articles, reason), False


def refuse(draft: Draft, known: ReviewInput, reason: str) -> bool:
    """A person refuses an order: it is CANCELLED, its stock and money go back.

    Returns whether that was so before. Raises Refused: WRONG_STATE.
    """
    order = draft.order
    if order.state is OrderState.CANCELLED:
        return True
    if order.state is not OrderState.CONFIRMED:
        raise _not_now(order, order.state)
    objections = objections_to(order, known.remarks, known.rules, known.articles)
    _record(draft, Verdict.REFUSED, objections, draft.actor, reason)
    return cancel_at_once(draft, reason)


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
