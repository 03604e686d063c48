"""Whether money of an order may go back now: not while a bank holds some of it. Pure."""

from collections.abc import Collection

from order_service.order.chargebacks import OPEN, Chargeback
from order_service.order.model import Order
from order_service.order.refusals import RefusalReason, Refused


def open_chargebacks(order: Order) -> list[Chargeback]:
    """The order's chargebacks that are not decided, the oldest first."""
    return [each for each in order.parts_of(Chargeback) if each.state in OPEN]


def check_undisputed(order: Order) -> None:
    """Refuses a refund while a bank decides. Raises Refused: UNDER_DISPUTE."""
    for chargeback in open_chargebacks(order):
        raise Refused(
            RefusalReason.UNDER_DISPUTE,
            chargeback_id=chargeback.chargeback_id,
            state=chargeback.state,
            order_id=order.order_id,
        )


def kept_by_banks(order: Order) -> Collection[str]:
    """The refunds that no provider has sent: a bank has kept their money."""
    return {each.refund_id for each in order.parts_of(Chargeback) if each.refund_id}
