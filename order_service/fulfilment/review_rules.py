"""The rules that an order must keep before it is shipped: one table (订单审核, O15).

Everything is computed again from the order's lines and payments; nothing is believed.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from order_service.order.model import Order
from order_service.payment.attempts import open_payments
from order_service.payment.methods import CASH


class Objection(NamedTuple):
    """An objection of a rule to an order."""

    rule: str
    detail: str
    """For a person; never personal itself."""

    @property
    def is_final(self) -> bool:
        """Whether no person may let the order through all the same."""
        return self.rule in _FINAL


def objections_to(order: Order, remarks: int) -> Sequence[Objection]:
    """The objections of all rules to an order, given the number of its remarks."""
    details = {name: detail_of(order, remarks) for name, detail_of in REVIEW_RULES.items()}
    return [Objection(name, detail) for name, detail in details.items() if detail]


def _price(order: Order, _remarks: int) -> str:
    computed = sum(line.unit_price_minor * line.quantity for line in order.lines)
    return _differs("the goods", order.amounts.goods_minor, computed)


def _discount(order: Order, _remarks: int) -> str:
    amounts = order.amounts
    if amounts.discount_minor > amounts.goods_minor:
        return f"a discount of {amounts.discount_minor} on goods of {amounts.goods_minor}"
    computed = sum(line.amount_minor for line in order.lines)
    return _differs("all but the freight", amounts.total_minor - amounts.freight_minor, computed)


def _coupon(order: Order, _remarks: int) -> str:
    left_minor = order.amounts.goods_minor - order.amounts.discount_minor
    if order.amounts.coupon_minor > left_minor:
        return f"a coupon of {order.amounts.coupon_minor} on {left_minor}"
    return ""


def _freight(order: Order, _remarks: int) -> str:
    computed = sum(part.amounts.freight_minor for part in order.sub_orders)
    return _differs("the freight", order.amounts.freight_minor, computed)


def _total(order: Order, _remarks: int) -> str:
    amounts = order.amounts
    wrong = _differs("the total", amounts.total_minor, amounts.added_up_minor)
    merchants_minor = sum(part.amounts.total_minor for part in order.sub_orders)
    return wrong or _differs("the merchants' totals", amounts.total_minor, merchants_minor)


def _payment(order: Order, _remarks: int) -> str:
    if _kept_minor(order) <= 0 < order.amounts.total_minor:
        return f"nothing is captured and not refunded, {order.amounts.total_minor} are due"
    return ""


def _paid_amount(order: Order, _remarks: int) -> str:
    kept_minor = _kept_minor(order)
    if 0 < kept_minor < order.amounts.total_minor:
        return f"{kept_minor} are captured and not refunded, {order.amounts.total_minor} are due"
    return ""


def _kept_minor(order: Order) -> int:
    """The money that the order keeps, or gets at the door."""
    if any(payment.provider == CASH for payment in open_payments(order)):
        return order.amounts.total_minor
    return order.together.kept_minor


def _remarks(_order: Order, remarks: int) -> str:
    return f"remarks to be read: {remarks}" if remarks else ""


REVIEW_RULES: Final[Mapping[str, Callable[[Order, int], str]]] = {
    "price": _price,
    "discount": _discount,
    "coupon": _coupon,
    "freight": _freight,
    "total": _total,
    "payment": _payment,
    # Somebody has approved another amount, or given a part of it back.
    "paid amount": _paid_amount,
    "remarks": _remarks,
}
"""Given an order and the number of its remarks, each says what is wrong, or ""."""
# No person may let an unpaid order through.
_FINAL: Final = frozenset({"payment"})


def _differs(what: str, recorded_minor: int, computed_minor: int) -> str:
    if recorded_minor == computed_minor:
        return ""
    return f"{what}: {recorded_minor} on the order, {computed_minor} computed again"
