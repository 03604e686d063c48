"""The rules that an order must keep before it is shipped: one table (订单审核, O15).

Everything is computed again from the order's lines and payments; nothing is believed. What cannot
be computed, as what a coupon is worth, has a bound beyond which a person decides.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from order_service.catalogue.model import Article
from order_service.fulfilment.merchant_parts import held_parts
from order_service.fulfilment.remarks import REMARK_WORDS
from order_service.order.contradictions import contradictions, doubts
from order_service.order.model import Order
from order_service.order.refund_rows import RefundWhat
from order_service.payment.attempts import open_payments
from order_service.payment.methods import CASH

NO_ARTICLES: Final[Mapping[str, Article]] = {}


class Objection(NamedTuple):
    """An objection of a rule to an order."""

    rule: str
    detail: str
    """For a person; never personal itself."""

    @property
    def is_final(self) -> bool:
        """Whether no person may let the order through all the same."""
        return self.rule in _FINAL

    @property
    def is_flag(self) -> bool:
        """Whether it is only written down, and stops nothing."""
        return self.rule in _FLAGS


class ReviewRules(Struct, frozen=True):
    """Bounds beyond which a person decides. Amounts are what the caller says they are."""

    off_percent_max: int = 50
    """The most of the goods' price that discount and coupon take off."""
    freight_percent_max: int = 1_000
    """The most that freight is of the goods' price, and tax alike."""
    remark_words: tuple[str, ...] = REMARK_WORDS
    """Words by which a remark is to be read before its order goes on."""


class Asked(NamedTuple):
    """Facts that rules look at beside the order."""

    remarks: int
    """The number of its remarks that are to be read."""
    rules: ReviewRules
    articles: Mapping[str, Article]
    """By SKU: what gifts are worth."""


def objections_to(
    order: Order,
    remarks: int,
    rules: ReviewRules = ReviewRules(),  # noqa: B008 - it is frozen
    articles: Mapping[str, Article] = NO_ARTICLES,
) -> Sequence[Objection]:
    """The objections of all rules to an order, given the number of its remarks to be read."""
    asked = Asked(remarks, rules, articles)
    details = {name: detail_of(order, asked) for name, detail_of in REVIEW_RULES.items()}
    return [Objection(name, detail) for name, detail in details.items() if detail]


def _price(order: Order, _asked: Asked) -> str:
    computed = sum(line.unit_price_minor * line.quantity for line in order.lines)
    return _differs("the goods", order.amounts.goods_minor, computed)


def _discount(order: Order, _asked: Asked) -> str:
    amounts = order.amounts
    if amounts.discount_minor > amounts.goods_minor:
        return f"a discount of {amounts.discount_minor} on goods of {amounts.goods_minor}"
    computed = sum(line.amount_minor for line in order.lines)
    return _differs("all but the freight", amounts.total_minor - amounts.freight_minor, computed)


def _coupon(order: Order, _asked: Asked) -> str:
    left_minor = order.amounts.goods_minor - order.amounts.discount_minor
    if order.amounts.coupon_minor > left_minor:
        return f"a coupon of {order.amounts.coupon_minor} on {left_minor}"
    return ""


def _freight(order: Order, _asked: Asked) -> str:
    computed = sum(part.amounts.freight_minor for part in order.sub_orders)
    return _differs("the freight", order.amounts.freight_minor, computed)


def _total(order: Order, _asked: Asked) -> str:
    amounts = order.amounts
    wrong = _differs("the total", amounts.total_minor, amounts.added_up_minor)
    merchants_minor = sum(part.amounts.total_minor for part in order.sub_orders)
    return wrong or _differs("the merchants' totals", amounts.total_minor, merchants_minor)


def _payment(order: Order, _asked: Asked) -> str:
    if _kept_minor(order) <= 0 < order.amounts.total_minor:
        return f"nothing is captured and not refunded, {order.amounts.total_minor} are due"
    return ""


def _paid_amount(order: Order, _asked: Asked) -> str:
    kept_minor, due_minor = _kept_minor(order), _due_minor(order)
    if 0 < kept_minor < due_minor:
        return f"{kept_minor} are captured and not refunded, {due_minor} are due"
    return ""


def _due_minor(order: Order) -> int:
    """The total, less what somebody gave back of it while the sale stands."""
    given_back_minor = sum(
        row.amount_minor for row in order.refund_rows if row.what is not RefundWhat.EXCESS
    )
    return order.amounts.total_minor - given_back_minor


def _kept_minor(order: Order) -> int:
    """The money that the order keeps, or gets at the door."""
    if any(payment.provider == CASH for payment in open_payments(order)):
        return order.amounts.total_minor
    return order.together.kept_minor


def _remarks(_order: Order, asked: Asked) -> str:
    return f"remarks to be read: {asked.remarks}" if asked.remarks else ""


def _hold(order: Order, _asked: Asked) -> str:
    is_whole = len(held_parts(order)) == len(order.sub_orders)
    return "it is on hold" if is_whole else ""


def _reductions(order: Order, asked: Asked) -> str:
    """A discount or coupon is the caller's word; what costs nothing in the catalogue has none."""
    amounts, most = order.amounts, asked.rules.off_percent_max
    gifts_minor = sum(
        line.quantity * asked.articles[line.sku].price_minor
        for line in order.lines
        if not line.unit_price_minor and line.sku in asked.articles
    )
    worth_minor = amounts.goods_minor + gifts_minor
    off_minor = amounts.discount_minor + amounts.coupon_minor + gifts_minor
    if off_minor * 100 <= worth_minor * most:
        return ""
    return f"{off_minor} are taken off goods worth {worth_minor}, more than {most} %"


def _surcharges(order: Order, asked: Asked) -> str:
    amounts, most = order.amounts, asked.rules.freight_percent_max
    for what, minor in (("freight", amounts.freight_minor), ("tax", amounts.tax_minor)):
        if amounts.goods_minor and minor * 100 > amounts.goods_minor * most:
            return f"a {what} of {minor} on goods of {amounts.goods_minor}, more than {most} %"
    return ""


def _address(order: Order, _asked: Asked) -> str:
    return "; ".join(contradictions(order.delivery))


def _address_doubts(order: Order, _asked: Asked) -> str:
    return "; ".join(doubts(order.delivery))


REVIEW_RULES: Final[Mapping[str, Callable[[Order, Asked], str]]] = {
    "price": _price,
    "discount": _discount,
    "coupon": _coupon,
    "freight": _freight,
    "total": _total,
    "payment": _payment,
    # Somebody has approved another amount.
    "paid amount": _paid_amount,
    "reductions": _reductions,
    "surcharges": _surcharges,
    "address": _address,
    "remarks": _remarks,
    "hold": _hold,
    "address doubts": _address_doubts,
}
"""Given an order and what else is asked, each says what is wrong, or ""."""
# No person may let an unpaid order through.
_FINAL: Final = frozenset({"payment"})
# For these nobody has to be asked.
_FLAGS: Final = frozenset({"address doubts"})


def _differs(what: str, recorded_minor: int, computed_minor: int) -> str:
    if recorded_minor == computed_minor:
        return ""
    return f"{what}: {recorded_minor} on the order, {computed_minor} computed again"
