"""The demo's conclusions about money: that it is right, and every way in which it is not."""

import pytest

from holdfast.demo.money import MoneyAccount, Sums, share_minor, sums_of, waiting_minor
from holdfast.order.v1 import order_pb2, payment_pb2

Order = order_pb2.Order
Refund = order_pb2.Refund


def order_of(
    state: "Order.State.ValueType", captured_minor: int, refunded_minor: int = 0
) -> order_pb2.Order:
    """An order of 10.00 with one payment, o-p1."""
    refunds = [Refund(amount_minor=refunded_minor, state=Refund.DONE)] if refunded_minor else []
    return Order(
        order_id="o",
        state=state,
        amounts=order_pb2.Amounts(total_minor=1_000),
        payments=[order_pb2.Payment(payment_id="o-p1", captured_minor=captured_minor)],
        refunds=refunds,
    )


def account_of(paid_minor: int, returned_minor: int = 0) -> MoneyAccount:
    account = MoneyAccount("GBP")
    if paid_minor:
        account.paid("o-p1", paid_minor)
    account.returned("o", returned_minor)
    return account


def differences(account: MoneyAccount, order: order_pb2.Order) -> list[str]:
    """The differences of one order, where all books agree with it."""
    sums = Sums(
        sum(payment.captured_minor for payment in order.payments),
        sum(refund.amount_minor for refund in order.refunds),
    )
    return account.differences([order], sums, sums, 0)


@pytest.mark.parametrize(
    ("state", "captured", "refunded", "returned"),
    [
        (Order.DELIVERED, 1_000, 0, 0),
        (Order.COMPLETED, 2_000, 1_000, 0),
        (Order.COMPLETED, 1_000, 300, 300),
        (Order.CANCELLED, 1_000, 1_000, 0),
        (Order.EXPIRED, 0, 0, 0),
    ],
)
def test_money_that_is_an_orders_or_went_back_is_right(
    state: "Order.State.ValueType", captured: int, refunded: int, returned: int
) -> None:
    order = order_of(state, captured, refunded)
    assert differences(account_of(captured, returned), order) == []


@pytest.mark.parametrize(
    ("state", "captured", "refunded", "returned"),
    [
        (Order.DELIVERED, 0, 0, 0),
        (Order.DELIVERED, 2_000, 0, 0),
        (Order.DELIVERED, 1_000, 300, 0),
        (Order.DELIVERED, 1_000, 0, 300),
        (Order.CANCELLED, 1_000, 0, 0),
        (Order.EXPIRED, 1_000, 999, 0),
    ],
)
def test_money_that_an_order_may_not_keep_or_lacks_is_found(
    state: "Order.State.ValueType", captured: int, refunded: int, returned: int
) -> None:
    (difference,) = differences(account_of(captured, returned), order_of(state, captured, refunded))
    assert difference.startswith("order o, ")


def test_money_that_is_on_its_way_back_has_not_gone_back() -> None:
    order = order_of(Order.CANCELLED, 1_000, 1_000)
    order.refunds[0].state = Refund.REQUESTED
    assert differences(account_of(1_000), order)


def test_a_payment_that_the_shop_never_heard_of_is_found() -> None:
    found = differences(account_of(1_000), order_of(Order.EXPIRED, 0))
    assert any(
        "payment o-p1: captured, and paid by the buyer: 0.00 GBP, 10.00" in one for one in found
    )


@pytest.mark.parametrize(
    ("ours", "theirs", "waiting", "named"),
    [
        (Sums(1_001, 0), Sums(1_000, 0), 0, "captured by the books, and by all orders"),
        (Sums(1_000, 1), Sums(1_000, 0), 0, "refunded by the books, and by all orders"),
        (Sums(1_000, 0), Sums(999, 0), 0, "captured by the books, and by the provider"),
        (Sums(1_000, 0), Sums(1_000, 1), 0, "refunded by the books, and by the provider"),
        (Sums(1_000, 0), Sums(1_000, 0), 1, "waiting to go back"),
    ],
)
def test_books_that_do_not_agree_are_found(
    ours: Sums, theirs: Sums, waiting: int, named: str
) -> None:
    order = order_of(Order.SHIPPED, 1_000)
    found = account_of(1_000).differences([order], ours, theirs, waiting)
    assert any(one.startswith(named) for one in found)


def test_the_books_of_all_providers_are_added_up() -> None:
    books = [
        payment_pb2.PaymentBook(captured_minor=5, refunded_minor=2, refunding_minor=1),
        payment_pb2.PaymentBook(captured_minor=7, quarantined_minor=3),
    ]
    assert sums_of(books) == Sums(12, 2)
    assert waiting_minor(books) == 4


def test_the_shares_of_all_units_add_up_to_the_line() -> None:
    line = order_pb2.OrderLine(quantity=7, amount_minor=1_000)
    shares = [share_minor(line, before, 1) for before in range(7)]
    assert sum(shares) == 1_000
    assert max(shares) - min(shares) <= 1
    assert share_minor(line, 0, 7) == 1_000
