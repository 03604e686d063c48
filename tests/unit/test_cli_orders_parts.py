"""`holdfast orders` names merchants' parts, shows findings, and finds receipts by any number."""

import pytest

from holdfast.order.v1 import fulfilment_pb2, order_pb2
from tests.unit.scripted_orders import Commands

ORDER = "3766223186315821678"


@pytest.mark.parametrize(
    "line",
    [
        f"orders cancel {ORDER} sold-out --merchant tea-house --yes",
        f"orders review approve {ORDER} --merchant tea-house",
        f"orders review refuse {ORDER} no --merchant tea-house",
        f"orders review hold {ORDER} why --merchant tea-house",
        f"orders review release {ORDER} why --merchant tea-house",
        "orders review list --merchant tea-house",
        "orders list --merchant tea-house",
    ],
)
def test_a_merchants_part_can_be_named(orders: Commands, line: str) -> None:
    applied = order_pb2.OrderResult(outcome=order_pb2.ORDER_OUTCOME_APPLIED)
    reviewed = fulfilment_pb2.ReviewOrderResponse(outcome=order_pb2.ORDER_OUTCOME_APPLIED)
    orders.service.answers |= {
        **dict.fromkeys(("CancelOrder", "HoldOrder", "ReleaseHold"), applied),
        "ReviewOrder": reviewed,
        "ListReviews": fulfilment_pb2.ListReviewsResponse(),
        "ListOrders": order_pb2.ListOrdersResponse(),
    }
    assert orders(line).exit_status == 0
    assert orders.service.requests[-1].merchant_id == "tea-house"


@pytest.mark.parametrize(
    ("order_ids", "printed"),
    [
        ([ORDER], "a receipt"),
        ([ORDER, "cart-91"], "a receipt"),
        ([ORDER, "3766223186315821679"], f"name one of {ORDER}, 3766223186315821679"),
        ([], "no order has the number cart-91"),
    ],
    ids=["one order", "its id", "several", "none"],
)
def test_a_receipt_is_found_by_any_number_of_its_order(
    orders: Commands, order_ids: list[str], printed: str
) -> None:
    found = [
        order_pb2.FoundOrder(order=order_pb2.OrderSummary(order_id=order_id))
        for order_id in order_ids
    ]
    receipt = order_pb2.Receipt(text="a receipt\n")
    orders.service.answers |= {
        "FindOrders": order_pb2.FindOrdersResponse(found=found),
        "GetReceipt": order_pb2.GetReceiptResponse(
            outcome=order_pb2.ORDER_OUTCOME_APPLIED, receipt=receipt
        ),
    }
    ran = orders("orders receipt cart-91")
    assert printed in ran.out + ran.err
    if printed == "a receipt":
        assert orders.service.requests[-1].order_id == order_ids[-1]


def test_placing_shows_what_of_the_delivery_does_not_go_together(orders: Commands) -> None:
    orders.service.answers["PlaceOrder"] = order_pb2.OrderResult(
        outcome=order_pb2.ORDER_OUTCOME_APPLIED,
        order=order_pb2.Order(order_id=ORDER, currency="GBP"),
        findings=["the street has no number"],
    )
    line = "orders place --line MUG=2@12.50 --buyer b-7 --currency GBP --name Ada --phone 1"
    assert "Note: the street has no number." in orders(line).out
    assert not orders.service.requests[-1].delivery.country


@pytest.mark.parametrize(
    ("held", "shown"), [(["potter"], "(the part of potter)"), ([], "since ")], ids=["a part", "all"]
)
def test_an_order_says_what_of_it_is_on_hold(orders: Commands, held: list[str], shown: str) -> None:
    parts = [
        order_pb2.SubOrder(merchant_id=name, held=name in held) for name in ("potter", "tea-house")
    ]
    orders.service.answers["GetOrder"] = order_pb2.Order(
        order_id=ORDER, currency="GBP", held_at_ms=1_795_000_000_000, sub_orders=parts
    )
    assert shown in orders(f"orders get {ORDER}").out
