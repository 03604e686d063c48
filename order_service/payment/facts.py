"""Applies a provider's facts about payments to their order (O3, P2, P3). Pure decisions.

A fact is applied here however it came, by callback, by asking or by statement; so it may be lost,
doubled or late on any of these ways. Money that came always has a purpose: it pays the order, goes
back, or waits in quarantine for a person.
"""

from typing import Final

from order_service.order.clocks import believed_ms
from order_service.order.draft import Draft
from order_service.order.keys import kept_key
from order_service.order.machines import PAYMENT
from order_service.order.model import Payment
from order_service.order.records import MoneyCaseKind
from order_service.order.refusals import RefusalReason, Refused, wrong_state
from order_service.order.states import OrderEvent, OrderState, PaymentEvent, PaymentState
from order_service.order.tasks import ConfirmStock, TaskKind
from order_service.payment.attempts import (
    OPEN,
    abandon,
    abandon_open,
    added,
    forget_start,
    payments_to_ask_about,
)
from order_service.payment.cases import open_case
from order_service.payment.chargebacks import OF_DISPUTES, claim_more, learn_chargeback
from order_service.payment.made_there import OF_WHAT_WENT, learn_what_went
from order_service.payment.methods import CASH, ELSEWHERE, PAID_ELSEWHERE
from order_service.payment.providers.port import Fact, FactKind
from order_service.payment.refunds import learn_refund, send_back, send_back_all
from order_service.payment.undisputed import check_undisputed

SKEW_MS: Final = 60_000
"""By how much a provider's clock may be behind ours."""

_PAYABLE = frozenset({OrderState.AWAITING_PAYMENT, OrderState.EXPIRED})
_NEVER_EFFECTIVE = frozenset({OrderState.REJECTED, OrderState.CANCELLED})


class UnknownPayment(Exception):
    """A fact about a payment or refund that the order does not have, or not with that provider."""


def learn(draft: Draft, provider: str, fact: Fact, due_minor: int = 0) -> None:
    """Applies a fact to the order. The same fact again changes nothing.

    `due_minor`: what is due by now, where that grows parcel by parcel (`collected`). Raises
    UnknownPayment.
    """
    try:
        refund = draft.order.refund(fact.refund_id) if fact.refund_id else None
        payment = draft.order.payment(refund.payment_id if refund else fact.payment_id)
    except KeyError:
        raise UnknownPayment from None
    if payment.provider != provider:
        raise UnknownPayment
    if refund is not None:
        learn_refund(draft, refund, fact)
        return
    if fact.kind in OF_DISPUTES:
        learn_chargeback(draft, payment, fact)
        return
    if fact.payment_ref or fact.kind in OF_WHAT_WENT:
        learn_what_went(draft, payment, fact)
        return
    if fact.provider_ref and not payment.provider_ref:
        draft.update(payment, provider_ref=fact.provider_ref)
    if fact.kind is FactKind.CAPTURED:
        _captured(draft, payment, fact, due_minor)
        claim_more(draft, payment)
    elif fact.kind is FactKind.DECLINED and PAYMENT.allows(payment.state, PaymentEvent.DECLINE):
        draft.move(payment, PaymentEvent.DECLINE, f"declined by {provider}")
        forget_start(draft, payment.payment_id)
    elif fact.kind is FactKind.CLOSED and payment.state in OPEN:
        abandon(draft, payment, f"closed by {provider}")
    elif fact.kind is FactKind.OPEN and payment.state is PaymentState.CREATED:
        draft.move(payment, PaymentEvent.ACCEPTED)
        forget_start(draft, payment.payment_id)


def paid_elsewhere(draft: Draft) -> None:
    """Pays an order with what the platform that it comes from has taken, all of it."""
    order = draft.order
    payment = added(draft, PAID_ELSEWHERE, PAID_ELSEWHERE, ELSEWHERE)
    draft.move(payment, PaymentEvent.ACCEPTED, "taken by the platform")
    total_minor = order.amounts.total_minor
    fact = Fact(
        FactKind.CAPTURED,
        payment.payment_id,
        kept_key(order.order_key, order.channel),
        total_minor,
        order.currency,
        draft.now_ms,
    )
    learn(draft, ELSEWHERE, fact)


def use_money(draft: Draft, payment: Payment, *, as_it_is: bool = False) -> None:
    """Gives captured money its purpose: it pays the order, or it goes back.

    `as_it_is`: a person has approved the amount, so that nothing of it is too much.
    """
    order = draft.order
    if order.state is OrderState.EXPIRED and order.closed_reason:
        send_back_all(draft, payment, f"the order was to be cancelled: {order.closed_reason}")
    elif order.state in _PAYABLE:
        draft.move(order, OrderEvent.PAID)
        draft.forget(TaskKind.PAYMENT_DUE)
        draft.forget(TaskKind.EXPIRE)
        abandon_open(draft, "the order is paid")
        draft.send(ConfirmStock())
    elif order.state in _NEVER_EFFECTIVE:
        send_back_all(draft, payment, f"the order is {order.state}")
    elif payment.provider != CASH or _paid_by_another(draft, payment):
        send_back_all(draft, payment, "the order is paid by another payment")
    if not as_it_is:
        send_back(draft, payment, payment.captured_minor - payment.amount_minor, "paid twice")
    if not payments_to_ask_about(order, draft.now_ms):
        draft.forget(TaskKind.QUERY_PAYMENT)


def collected(
    draft: Draft,
    amount_minor: int,
    currency: str,
    waybill: str,
    at_ms: int,
    due_minor: int = 0,
) -> None:
    """Applies a carrier's report of money collected at the door (货到付款), once per shipment.

    Once all of it came, the order is paid. Money for an order that was closed goes back. So does
    money above the order's total or, where the payment has ended with less, above `due_minor`, the
    price of the delivered goods. Raises UnknownPayment if the order is not paid at the door.
    """
    payment = _cash_payment(draft)
    if payment is None:
        raise UnknownPayment
    total_minor = payment.captured_minor + amount_minor
    fact = Fact(FactKind.CAPTURED, payment.payment_id, waybill, total_minor, currency, at_ms)
    learn(draft, CASH, fact, due_minor)


def judge_collected(draft: Draft, due_minor: int) -> None:
    """Ends a payment at the door when carriers bring no more money.

    Money that equals `due_minor`, the price of the delivered goods, pays for them; another sum
    waits for a person. Where `due_minor` is 0 and no money came, the payment is given up.
    """
    payment = _cash_payment(draft)
    if payment is None:
        return
    if not payment.captured_minor:
        if payment.state in OPEN and not due_minor:
            abandon(draft, payment, "nothing that was delivered is to be paid")
        return
    is_open = payment.state in OPEN
    came = (payment.captured_minor, payment.captured_currency)
    due = (due_minor, draft.order.currency)
    if came == due:
        untouched = payment.state is PaymentState.QUARANTINED and not payment.refunded_minor
        if is_open or untouched:
            event = PaymentEvent.CAPTURE if is_open else PaymentEvent.APPROVE
            draft.move(payment, event, "all that was delivered is paid")
            use_money(draft, payment)
    elif is_open:
        why = f"{came[0]} {came[1]} came, {due[0]} {due[1]} was due for what was delivered"
        draft.move(payment, PaymentEvent.MISMATCH, why)


def _cash_payment(draft: Draft) -> Payment | None:
    """The last attempt to pay at the door, in whatever state it is."""
    payments = [payment for payment in draft.order.payments if payment.provider == CASH]
    return payments[-1] if payments else None


def resolve_quarantined(
    draft: Draft, payment_id: str, *, approve: bool, reason: str
) -> tuple[Payment, bool]:
    """Ends a quarantine as a person decides (P3); the second value says if that was done before.

    Takes the payment as it is, or sends all that is left of it back. A payment of which a part went
    back cannot be taken any more.

    Raises Refused: NOT_FOUND, WRONG_STATE, UNDER_DISPUTE, WRONG_CONTENT (money in another currency
    than the order's cannot pay it).
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
        check_undisputed(draft.order)
        send_back_all(draft, payment, reason)
        return payment, False
    if payment.captured_currency != draft.order.currency:
        detail = f"{payment.captured_currency} cannot pay an order in {draft.order.currency}"
        raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)
    draft.move(payment, PaymentEvent.APPROVE, reason)
    use_money(draft, payment, as_it_is=True)
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


def _captured(draft: Draft, payment: Payment, fact: Fact, due_minor: int) -> None:
    known_minor = payment.captured_minor
    if known_minor and fact.currency != payment.captured_currency:
        if fact.currency and fact.amount_minor:  # two currencies cannot be added up
            why = f"{known_minor} {payment.captured_currency} had come before"
            open_case(draft, MoneyCaseKind.OTHER_CURRENCY, payment, fact, why)
        return
    if fact.amount_minor <= known_minor:
        return
    draft.update(
        payment,
        captured_minor=fact.amount_minor,
        captured_currency=fact.currency,
        captured_at_ms=payment.captured_at_ms or _taken_at_ms(draft, payment, fact),
    )
    if payment.state in (PaymentState.CAPTURED, PaymentState.RETURNED):
        more_is_due = payment.state is PaymentState.CAPTURED and due_minor > known_minor
        paid_minor = due_minor if more_is_due else known_minor
        send_back(draft, payment, fact.amount_minor - paid_minor, "paid twice")
        return
    if payment.state is PaymentState.QUARANTINED and payment.refunded_minor:
        # A person has decided what becomes of it; the order may have been paid anew since.
        send_back_all(draft, payment, "what came of it before was sent back")
        return
    if _is_being_collected(payment):
        return
    if _is_right(draft, payment):
        untouched = payment.state is not PaymentState.QUARANTINED
        draft.move(payment, PaymentEvent.CAPTURE if untouched else PaymentEvent.APPROVE)
        forget_start(draft, payment.payment_id)
        use_money(draft, payment)
    elif payment.state is not PaymentState.QUARANTINED:
        draft.move(payment, PaymentEvent.MISMATCH, _mismatch(draft, payment))
        forget_start(draft, payment.payment_id)


def _taken_at_ms(draft: Draft, payment: Payment, fact: Fact) -> int:
    """When money was taken, by its provider's clock; not before it was asked for, nor later."""
    return believed_ms(fact.at_ms, payment.created_at_ms - SKEW_MS, draft.now_ms)


def _is_being_collected(payment: Payment) -> bool:
    """Whether carriers, who collect parcel by parcel, may still bring the rest."""
    return (
        payment.provider == CASH
        and payment.state in OPEN
        and payment.captured_minor < payment.amount_minor
    )


def _is_right(draft: Draft, payment: Payment) -> bool:
    """Whether it is what was asked for, once or several times (then the extra goes back).

    Of what carriers collect for a closed order all goes back, so it may be the money of one parcel.
    """
    of_closed = payment.provider == CASH and draft.order.state in _NEVER_EFFECTIVE
    asked_minor = payment.amount_minor
    return payment.captured_currency == draft.order.currency and (
        of_closed or (asked_minor > 0 and payment.captured_minor % asked_minor == 0)
    )


def _mismatch(draft: Draft, payment: Payment) -> str:
    return (
        f"{payment.captured_minor} {payment.captured_currency} came, "
        f"{payment.amount_minor} {draft.order.currency} was asked for"
    )


def _paid_by_another(draft: Draft, payment: Payment) -> bool:
    return any(
        other.state is PaymentState.CAPTURED and other is not payment
        for other in draft.order.payments
    )
