"""Cash on delivery (货到付款): the carrier takes the money at the door, and reports it. Pure."""

from order_service.draft import Draft
from order_service.payment.attempts import open_payments
from order_service.payment.facts import UnknownPayment, learn
from order_service.payment.methods import CASH
from order_service.payment.port import Fact, FactKind


def collected(draft: Draft, amount_minor: int, currency: str, waybill: str, at_ms: int) -> None:
    """The carrier has collected money for a parcel; once all of it came, the order is paid.

    To be called once per parcel. Raises UnknownPayment if the order is not paid at the door.
    """
    waiting = [payment for payment in open_payments(draft.order) if payment.provider == CASH]
    if not waiting:
        raise UnknownPayment
    total_minor = waiting[0].captured_minor + amount_minor
    fact = Fact(FactKind.CAPTURED, waiting[0].payment_id, waybill, total_minor, currency, at_ms)
    learn(draft, CASH, fact)
