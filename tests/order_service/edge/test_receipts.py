"""The receipt (小票): what is printed, and where it stays the same (O18)."""

from typing import Any

from order_service.order.model import Amounts, Line, Order
from order_service.order.receipts import COLUMNS, _width, receipt_of
from order_service.order.states import PaymentState
from tests.order_service import samples

AT_MS = 2_000_000_060_000


def receipt(**values: Any) -> str:
    """The text of the receipt of an order that was paid."""
    order = samples.order(**values)
    paid = samples.payment(state=PaymentState.CAPTURED, captured_minor=order.amounts.total_minor)
    return receipt_of(order, [paid], AT_MS).text


def test_a_receipt_is_made_of_what_was_bought_and_paid() -> None:
    assert receipt() == (
        "                 RECEIPT\n"
        "Order   4330000000000000000\n"
        "Shop    default\n"
        "Placed  2033-05-18 03:33 UTC\n"
        "Issued  2033-05-18 03:34 UTC\n"
        "------------------------------------------\n"
        "A thing\n"
        "  2 x 5.00                           10.00\n"
        "------------------------------------------\n"
        "Goods                                10.00\n"
        "Freight                               1.00\n"
        "TOTAL CNY                            11.00\n"
        "Paid by SANDBOX                      11.00\n"
    )


def test_what_was_taken_off_is_shown_below_zero() -> None:
    text = receipt(amounts=Amounts(1_000, 100, 50, 0, 25, 875))
    assert "Discount                             -1.00\n" in text
    assert "Coupon                               -0.50\n" in text
    assert "Tax                                   0.25\n" in text
    assert "Freight" not in text


def test_lines_of_one_article_from_two_warehouses_are_one() -> None:
    lines = [
        Line(1, 0, "SKU-1", "A thing", 2, 500, 1_000, location="north"),
        Line(2, 0, "SKU-1", "A thing", 1, 500, 500, location="south"),
    ]
    assert receipt(lines=lines).count("A thing") == 1
    assert "  3 x 5.00                           15.00\n" in receipt(lines=lines)


def test_no_line_is_wider_than_the_paper_in_any_script() -> None:
    names = ["西湖龙井茶叶礼盒装春茶明前特级送礼佳品" * 3, "Wide " * 30, "Ünïcödé " * 20, "茶" * 21]
    lines = [Line(number, 0, "S", name, 1, 1, 1) for number, name in enumerate(names, 1)]
    text = receipt(lines=lines)
    assert max(_width(line) for line in text.splitlines()) == COLUMNS


def test_a_receipt_names_nobody() -> None:
    order: Order = samples.order()
    for value in (order.delivery.name, order.delivery.phone, order.delivery.street, order.buyer_id):
        assert value not in receipt()
