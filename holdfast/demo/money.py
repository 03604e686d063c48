"""The demo's own account of the money: what buyers' banks sent, and what has to have gone back.

It learns of payments from the provider's answer to the buyer, and of returns from the returns desk.
From that alone it knows what every order may have kept at the end. Pure; whole minor units.
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from holdfast.money import money_text
from holdfast.order.v1 import order_pb2, payment_pb2

PROVIDER = "sandbox"

_S = order_pb2.Order
KEEPS_ITS_MONEY = frozenset(
    {
        _S.CONFIRMED,
        _S.IN_FULFILMENT,
        _S.PARTLY_SHIPPED,
        _S.SHIPPED,
        _S.DELIVERED,
        _S.COMPLETED,
    }
)
"""In every other state, the money that was paid for an order belongs to its buyer."""


class Sums(NamedTuple):
    """The sums of somebody's books."""

    captured_minor: int
    refunded_minor: int


class MoneyAccount:
    """The account of one replay in one currency."""

    def __init__(self, currency: str) -> None:
        self._currency = currency
        self._paid_minor: dict[str, int] = {}
        self._returned_minor: Counter[str] = Counter()

    @property
    def paid_minor(self) -> int:
        """All that buyers' banks have sent."""
        return sum(self._paid_minor.values())

    def paid(self, payment_id: str, captured_minor: int) -> None:
        """Notes all that a bank has sent for a payment so far."""
        self._paid_minor[payment_id] = captured_minor

    def returned(self, order_id: str, amount_minor: int) -> None:
        """Notes that units of an order came back, and how much of its money goes back for them."""
        self._returned_minor[order_id] += amount_minor

    def differences(
        self, orders: Iterable[order_pb2.Order], ours: Sums, theirs: Sums, waiting_minor: int
    ) -> list[str]:
        """Every way in which the money is not where it has to be.

        `orders` are all that were placed, `ours` the order service's books, `theirs` those of the
        provider; `waiting_minor` is in quarantine, or asked to go back and not known to have gone.
        """
        found = []
        captured_minor = refunded_minor = 0
        for order in orders:
            found += self._of_order(order)
            captured_minor += sum(payment.captured_minor for payment in order.payments)
            refunded_minor += _sent_back(order.refunds)
        of_orders = Sums(captured_minor, refunded_minor)
        for name, have, want in (
            ("captured by the books, and by all orders", ours[0], of_orders[0]),
            ("refunded by the books, and by all orders", ours[1], of_orders[1]),
            ("captured by the books, and by the provider", ours[0], theirs[0]),
            ("refunded by the books, and by the provider", ours[1], theirs[1]),
            ("captured by the books, and paid by the buyers", ours[0], self.paid_minor),
            ("waiting to go back, and nothing should", waiting_minor, 0),
        ):
            found += self._unless_equal(name, have, want)
        return found

    def _of_order(self, order: order_pb2.Order) -> list[str]:
        found = []
        for payment in order.payments:
            paid_minor = self._paid_minor.get(payment.payment_id, 0)
            name = f"payment {payment.payment_id}: captured, and paid by the buyer"
            found += self._unless_equal(name, payment.captured_minor, paid_minor)
        captured_minor = sum(payment.captured_minor for payment in order.payments)
        total_minor = order.amounts.total_minor if order.state in KEEPS_ITS_MONEY else 0
        keeps_minor = total_minor - self._returned_minor[order.order_id]
        name = f"order {order.order_id}, {_S.State.Name(order.state)}: kept, and due"
        kept_minor = captured_minor - _sent_back(order.refunds)
        return found + self._unless_equal(name, kept_minor, keeps_minor)

    def _unless_equal(self, name: str, have_minor: int, want_minor: int) -> list[str]:
        if have_minor == want_minor:
            return []
        have, want = (money_text(minor, self._currency) for minor in (have_minor, want_minor))
        return [f"{name}: {have}, {want}"]


def sums_of(books: Iterable[payment_pb2.PaymentBook]) -> Sums:
    """The sums of the order service's books."""
    listed = list(books)
    return Sums(
        sum(book.captured_minor for book in listed), sum(book.refunded_minor for book in listed)
    )


def waiting_minor(books: Iterable[payment_pb2.PaymentBook]) -> int:
    """The order service's money that is neither kept nor gone back."""
    return sum(book.refunding_minor + book.quarantined_minor for book in books)


def share_minor(line: order_pb2.OrderLine, units_before: int, units: int) -> int:
    """The price paid for `units` of a line after `units_before` of them were taken before.

    The shares of all units add up to the line's amount, to the unit.
    """
    until_before, until_now = (
        line.amount_minor * taken // line.quantity for taken in (units_before, units_before + units)
    )
    return until_now - until_before


def _sent_back(refunds: Iterable[order_pb2.Refund]) -> int:
    return sum(refund.amount_minor for refund in refunds if refund.state == order_pb2.Refund.DONE)
