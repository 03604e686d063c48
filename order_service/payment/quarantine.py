"""Ends a quarantine, as a person decides (P3). Pure decision."""

from order_service.order.draft import Draft
from order_service.order.model import Payment
from order_service.order.refusals import RefusalReason, Refused, wrong_state
from order_service.order.states import PaymentEvent, PaymentState
from order_service.payment.facts import settle
from order_service.payment.refunds import send_back_all


def resolve_quarantined(
    draft: Draft, payment_id: str, *, approve: bool, reason: str
) -> tuple[Payment, bool]:
    """Takes a payment in quarantine as it is, or sends all that is left of it back; says whether
    that was done before. What went back in part cannot be taken any more.

    Raises Refused: NOT_FOUND, WRONG_STATE, WRONG_CONTENT (money in another currency than the
    order's cannot pay it).
    """
    try:
        payment = draft.order.payment(payment_id)
    except KeyError:
        raise Refused(RefusalReason.NOT_FOUND, thing="payment", name=payment_id) from None
    if _is_resolved(payment, approve=approve):
        return payment, True
    is_waiting = payment.state is PaymentState.QUARANTINED
    if not is_waiting or (approve and payment.refunded_minor):
        event = "APPROVE" if approve else "RETURN"
        raise wrong_state("payment", payment_id, payment.state, event)
    if not approve:
        send_back_all(draft, payment, reason)
        return payment, False
    if payment.captured_currency != draft.order.currency:
        detail = f"{payment.captured_currency} cannot pay an order in {draft.order.currency}"
        raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)
    draft.move(payment, PaymentEvent.APPROVE, reason)
    settle(draft, payment, as_it_is=True)
    return payment, False


def _is_resolved(payment: Payment, *, approve: bool) -> bool:
    """Whether this was decided before. Only a person takes an amount that was not asked for."""
    if approve:
        taken = payment.state in (PaymentState.CAPTURED, PaymentState.RETURNED)
        return taken and payment.captured_minor != payment.amount_minor
    return payment.state is PaymentState.RETURNED or (
        payment.state is PaymentState.QUARANTINED
        and payment.refunded_minor == payment.captured_minor
    )
