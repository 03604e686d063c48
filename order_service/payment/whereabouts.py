"""Where an order's money is: in escrow or in suspense, to go back, or gone. Pure.

The ledger is posted from these, and the audit holds it against them.
"""

from order_service.order.journals import Account, AccountKind
from order_service.order.lines import Line
from order_service.order.model import Order, Payment, Refund
from order_service.order.refund_amounts import left_minor
from order_service.order.refund_rows import RefundWhat
from order_service.order.states import PaymentState, RefundState
from order_service.payment.paying_back import freight_left_minor

_ESCROW = Account(AccountKind.ESCROW)
_SUSPENSE = Account(AccountKind.SUSPENSE)


def escrow_minor(order: Order) -> int:
    """The order's money in escrow: what was captured, and neither went back nor was earned."""
    return (
        sum(
            payment.captured_minor - payment.refunded_minor
            for payment in order.payments
            if holder_of(payment) == _ESCROW and payment.captured_currency == order.currency
        )
        + sum(row.amount_minor for row in order.refund_rows if row.what is RefundWhat.GOODWILL)
        - sum(
            goods_left_minor(order, number) + freight_left_minor(order, number)
            for number, part in enumerate(order.sub_orders)
            if part.earned
        )
    )


def holder_of(payment: Payment) -> Account:
    """The account that the money of a payment is on."""
    return _SUSPENSE if payment.state is PaymentState.QUARANTINED else _ESCROW


def gone_minor(refund: Refund) -> int:
    """The money in its own currency that its provider has sent back."""
    if refund.sent_currency:
        return refund.sent_minor if refund.sent_currency == refund.currency else 0
    return refund.amount_minor if refund.state is RefundState.DONE and not refund.by_hand else 0


def consumed_minor(refund: Refund) -> int:
    """The money of a refund that is no longer to be sent."""
    if refund.state is RefundState.DONE:
        return refund.amount_minor
    return min(refund.amount_minor, gone_minor(refund))


def lines_of(order: Order, number: int) -> list[Line]:
    """The lines of a merchant's part."""
    return [line for line in order.lines if line.sub_order_no == number]


def goods_left_minor(order: Order, number: int) -> int:
    """The money for a part's goods that did not go back."""
    return sum(left_minor(line) for line in lines_of(order, number))
