"""The rates of a merchant's contract, and what of a part of an order they make whose. Pure.

Rates are basis points, and what they come to is rounded down.
"""

from collections.abc import Callable, Mapping
from typing import Final

from order_service.catalogue.contracts import Contract
from order_service.order.lines import Line
from order_service.order.model import Order
from order_service.order.placed import SubOrder
from order_service.order.refund_amounts import settled_units, spread
from order_service.payment.whereabouts import lines_of

FULL_BP: Final = 10_000


TermsOf = Callable[[str, SubOrder], Contract]
"""The contract of a merchant's part, for the shop. Raises UnknownTerms."""


class UnknownTerms(Exception):
    """This process does not know the contract of a part yet."""


def share(amount_minor: int, rate_bp: int) -> int:
    """A rate of an amount, rounded down."""
    return amount_minor * rate_bp // FULL_BP


def coupons_of(order: Order, number: int, terms: Contract) -> Mapping[int, int]:
    """The platform's share of the coupon on each line of a part, by the line's number."""
    lines = lines_of(order, number)
    whole_minor = share(order.sub_orders[number].amounts.coupon_minor, terms.coupon_bp)
    weights = [line.amount_minor for line in lines]
    if not whole_minor or not sum(weights):
        weights = [line.quantity for line in lines]
    return dict(zip((line.line_no for line in lines), spread(whole_minor, weights), strict=True))


def coupon_upto(line: Line, coupon_minor: int, units: int) -> int:
    """The share of a line's coupon that is of its first `units` to go back."""
    return coupon_minor * units // line.quantity


def coupon_left_minor(order: Order, number: int, terms: Contract) -> int:
    """The platform's share of the coupon that is of units which are kept."""
    if not terms.coupon_bp:
        return 0
    coupons = coupons_of(order, number, terms)
    return sum(
        coupons[line.line_no] - coupon_upto(line, coupons[line.line_no], settled_units(line))
        for line in lines_of(order, number)
    )
