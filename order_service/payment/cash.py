"""Cash on delivery (货到付款): the carrier takes the money at the door, and reports it. Pure."""

from order_service.order.draft import Draft
from order_service.order.model import Payment
from order_service.order.states import PaymentEvent, PaymentState
from order_service.payment.attempts import OPEN, abandon
from order_service.payment.facts import UnknownPayment, learn, settle
from order_service.payment.methods import CASH
from order_service.payment.providers.port import Fact, FactKind


def collected(
    draft: Draft,
    amount_minor: int,
    currency: str,
    waybill: str,
    at_ms: int,
    due_minor: int = 0,
) -> None:
    """The carrier has collected money for a parcel; once all of it came, the order is paid.

    What comes for an order that was closed goes back, and so does what is above what it costs or,
    where the payment has ended with less, above `due_minor`: what is due for what was delivered. To
    be called once per parcel. Raises UnknownPayment if the order is not paid at the door.
    """
    payment = _cash_payment(draft)
    if payment is None:
        raise UnknownPayment
    total_minor = payment.captured_minor + amount_minor
    fact = Fact(FactKind.CAPTURED, payment.payment_id, waybill, total_minor, currency, at_ms)
    learn(draft, CASH, fact, due_minor)


def judge_collected(draft: Draft, due_minor: int) -> None:
    """Carriers bring no more: what they brought pays for what was delivered, or waits for a person.

    `due_minor` is what is due for that; where it is nothing, there is nothing to be paid.
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
            settle(draft, payment)
    elif is_open:
        why = f"{came[0]} {came[1]} came, {due[0]} {due[1]} was due for what was delivered"
        draft.move(payment, PaymentEvent.MISMATCH, why)


def _cash_payment(draft: Draft) -> Payment | None:
    """The last attempt to pay at the door, in whatever state it is."""
    payments = [payment for payment in draft.order.payments if payment.provider == CASH]
    return payments[-1] if payments else None
