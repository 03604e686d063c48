"""The receipt (小票): what is printed, and where it stays the same (O18)."""

from datetime import timedelta, timezone
from functools import partial
from typing import Any

from order_service.fulfilment.cancelling import cancel
from order_service.fulfilment.cancelling_parcels import cancel_shipment
from order_service.fulfilment.warehouse import hand_over
from order_service.order.model import Line, Order
from order_service.order.placed import Amounts
from order_service.order.receipts import COLUMNS, _width, issue_receipt, receipt_of
from order_service.order.records import TrackingKind
from order_service.order.states import PaymentState, RefundState
from tests.order_service import samples
from tests.order_service.fulfilment.parcels import (
    ON_DELIVERY,
    carrier_reports,
    cash,
    decided,
    labelled,
    paid_at_the_door,
    paid_order,
    planned_order,
    refunded,
    shipped_order,
)

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


def test_a_cancelled_order_says_so_and_where_its_money_is() -> None:
    order = paid_order()
    decided(order, partial(cancel, answers=(), reason="changed their mind"))
    issued = decided(order, issue_receipt)
    assert (issued.is_cancelled, [each.amount_minor for each in issued.refunds]) == (True, [2_000])
    ending = issued.text.splitlines()[-3:]
    assert ending == [
        "Paid by SANDBOX                      20.00",
        "Going back                          -20.00",
        "KEPT CNY                              0.00",
    ]
    assert "CANCELLED" in issued.text
    order.refunds[0].state = RefundState.FAILED
    assert "To go back " in decided(order, issue_receipt).text


def test_an_order_whose_money_went_back_has_a_receipt_all_the_same() -> None:
    order = shipped_order()
    refunded(order, order.shipments[0])
    order.payments[0].state = PaymentState.RETURNED
    assert "Going back                          -13.57\n" in decided(order, issue_receipt).text


def test_what_was_left_out_at_the_door_is_not_in_the_total() -> None:
    order = planned_order(payments=[cash(2_000)], **ON_DELIVERY)
    first, second = order.shipments
    decided(order, partial(cancel_shipment, shipment_id=first.shipment_id, why="not found"))
    labelled(order, second)
    second.collect_minor = 643
    decided(order, partial(hand_over, shipment_id=second.shipment_id))
    carrier_reports(order, second, TrackingKind.SIGNED)
    paid_at_the_door(order, second, 643)
    text = decided(order, issue_receipt).text
    assert "Not sent:\n  3 x A thing\n" in text
    assert "Not delivered                       -13.57\n" in text
    assert "TOTAL CNY                             6.43\n" in text
    assert "Paid by SANDBOX                       6.43\n" in text


def test_a_receipt_is_in_the_words_and_the_time_of_its_shop() -> None:
    order = paid_order()
    zone = timezone(timedelta(hours=8), "CST")
    text = decided(order, partial(issue_receipt, language="zh", zone=zone)).text
    assert "下单    2033-05-18 11:33 CST\n" in text
    assert "合计 CNY                             20.00\n" in text
    assert {_width(line) for line in text.splitlines() if line.startswith("合计")} == {COLUMNS}
