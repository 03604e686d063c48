"""Cash on delivery (货到付款): the carrier takes the money at the door, and reports it. Pure."""

from order_service.draft import Draft
from order_service.payment.facts import UnknownPayment, learn
from order_service.payment.methods import CASH
from order_service.payment.port import Fact, FactKind


def collected(draft: Draft, amount_minor: int, currency: str, waybill: str, at_ms: int) -> None:
    """The carrier has collected money for a parcel; once all of it came, the order is paid.

    What comes for an order that was closed, or above what it costs, goes back. To be called once
    per parcel. Raises UnknownPayment if the order is not paid at the door.
    """
    payments = [payment for payment in draft.order.payments if payment.provider == CASH]
    if not payments:
        raise UnknownPayment
    total_minor = payments[-1].captured_minor + amount_minor
    fact = Fact(FactKind.CAPTURED, payments[-1].payment_id, waybill, total_minor, currency, at_ms)
    learn(draft, CASH, fact)
