"""Holds orders back that must not leave, at any time before they do, and lets them go. Pure."""

from collections.abc import Sequence
from typing import Final

from order_service.fulfilment.merchant_parts import held_parts, lines_of, parts_of, put_on_hold
from order_service.fulfilment.remarks import REMARK_WORDS, is_to_be_read
from order_service.order.contact import add_remark, correct_delivery
from order_service.order.contradictions import contradictions
from order_service.order.draft import Draft
from order_service.order.lines import Line
from order_service.order.model import Order, Remark, Shipment
from order_service.order.placed import Delivery
from order_service.order.records import Review, Verdict
from order_service.order.refusals import wrong_state
from order_service.order.regions import sign_of
from order_service.order.states import OrderState, ShipmentState
from order_service.order.tasks import ReviewOrder, SourceAnew, TaskKind

_O, _S = OrderState, ShipmentState
SOURCE_ANEW_AGAIN_MS: Final = 24 * 3_600_000
"""The pause in which an order is planned, which has its warehouses chosen anew at once."""
# What can still be kept back.
_NOT_ALL_GONE: Final = frozenset(
    {
        _O.RESERVING,
        _O.BACKORDERED,
        _O.AWAITING_PAYMENT,
        _O.CONFIRMING,
        _O.CONFIRMED,
        _O.IN_FULFILMENT,
        _O.PARTLY_SHIPPED,
    }
)
_IN_THE_WAREHOUSE: Final = frozenset({_O.IN_FULFILMENT, _O.PARTLY_SHIPPED})
# Its stock is not sourced yet: it will be, for the delivery as it is then.
_NOT_SOURCED: Final = frozenset({_O.RESERVING, _O.BACKORDERED})


def hold(draft: Draft, reason: str, merchant_id: str = "") -> tuple[Order, bool]:
    """Keeps what has not left of an order, or of a merchant's part, from leaving until it is let
    go.

    Returns the order, and whether it was on hold before. Raises Refused: NOT_FOUND, WRONG_STATE.
    """
    order = draft.order
    wanted, before = parts_of(order, merchant_id), held_parts(order)
    if wanted <= before:
        return order, True
    if order.state not in _NOT_ALL_GONE:
        raise wrong_state("order", order.order_id, order.state, "a hold")
    if merchant_id and all(_is_over(line) for line in lines_of(order, *wanted)):
        raise wrong_state("the part of merchant", merchant_id, "shipped or left out", "a hold")
    put_on_hold(draft, before | wanted, draft.now_ms)
    why = f"the part of {merchant_id}: {reason}" if merchant_id else reason
    draft.note(f"on hold: {why}")
    _record(draft, Verdict.WAITS, (f"on hold: {why}",), "")
    return order, False


def let_go(draft: Draft, reason: str, merchant_id: str = "") -> tuple[Order, bool]:
    """Lets an order, or a merchant's part, go on that was on hold; an order that the review has
    waited for is reviewed again.

    Returns the order, and whether it was not on hold. Raises Refused: NOT_FOUND.
    """
    order = draft.order
    wanted, before = parts_of(order, merchant_id), held_parts(order)
    if not wanted & before:
        return order, True
    put_on_hold(draft, before - wanted, order.held_at_ms)
    draft.note(f"off hold: {f'the part of {merchant_id}: ' if merchant_id else ''}{reason}")
    _record(draft, Verdict.LET_GO, (), reason)
    if order.state is OrderState.CONFIRMED:
        draft.forget(TaskKind.REVIEW)
        draft.send(ReviewOrder())
    return order, False


def check_not_held(order: Order, shipment: Shipment, event: str) -> None:
    """Raises Refused: WRONG_STATE for a step of a parcel whose order, or part of it, is on hold."""
    if shipment.sub_order_no in held_parts(order):
        raise wrong_state("order", order.order_id, "on hold", event)


def _is_over(line: Line) -> bool:
    return line.shipped + line.cancelled == line.quantity


def remark_on(draft: Draft, remark: Remark, words: Sequence[str] = REMARK_WORDS) -> Remark:
    """Writes a remark into the log; one that is to be read holds an order that was reviewed."""
    kept = add_remark(draft, remark)
    if draft.order.state in _IN_THE_WAREHOUSE and is_to_be_read(remark.text, words):
        hold(draft, "a remark is to be read")
    return kept


def correct(draft: Draft, delivery: Delivery, correction_id: str, confirmed_via: str) -> Order:
    """Replaces the delivery by one that the buyer confirmed, and judges it again.

    Its warehouses are chosen anew, and an order is held whose freight or tax was made for another
    region, or whose new delivery contradicts itself. Raises what `correct_delivery` does.
    """
    before = draft.order.delivery
    order = correct_delivery(draft, delivery, correction_id, confirmed_via)
    if order.state in _NOT_SOURCED:
        return order
    found = list(contradictions(delivery)) if order.state in _IN_THE_WAREHOUSE else []
    is_elsewhere = sign_of(before.region) != sign_of(delivery.region)
    if is_elsewhere or before.postcode != delivery.postcode:
        in_ms = 0 if order.state in _IN_THE_WAREHOUSE else SOURCE_ANEW_AGAIN_MS
        draft.remind(SourceAnew(), draft.now_ms + in_ms)
    if is_elsewhere and (order.amounts.freight_minor or order.amounts.tax_minor):
        found.append("it goes to another region than its freight and tax were made for")
    if found:
        hold(draft, "the delivery was corrected: " + "; ".join(found))
    return order


def _record(draft: Draft, verdict: Verdict, findings: tuple[str, ...], reason: str) -> None:
    draft.record(
        Review(
            order_id=draft.order.order_id,
            review_id=draft.new_id(),
            verdict=verdict,
            findings=findings,
            reviewer=draft.actor,
            reason=reason,
            at_ms=draft.now_ms,
        )
    )
