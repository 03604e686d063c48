"""Orders of other platforms from their files: every line is an order's, or is named."""

from pathlib import Path
from typing import Any

import pytest

from holdfast.cli.orders.orders_csv import fields_of
from holdfast.errors import HoldfastError, Reason
from holdfast.order.v1 import catalogue_pb2
from holdfast.order.v1 import order_pb2 as pb
from tests.unit.scripted_orders import Commands

SHOPIFY = (
    "Name,Email,Currency,Shipping,Taxes,Discount Amount,Lineitem quantity,Lineitem sku,"
    "Lineitem price,Shipping Name,Shipping Address1,Shipping City,Shipping Zip,Shipping Country,"
    "Shipping Phone,Tags\n"
    "#1001,a@b.example,GBP,4.00,0.00,1.00,2,MUG,12.50,Ada Lee,1 High St,London,SW1A 1AA,GB,"
    "02079460000 ext. 12,vip\n"
    "#1001,a@b.example,,,,,1,TEA,3.00,,,,,,,\n"
)
TAOBAO = (
    "订单编号;买家会员名;收货人姓名;联系手机;省;市;区;收货地址;货号;数量;单价\n"
    "334455;小李;李雷;138****5678;上海市;上海市;浦东新区;世纪大道1号;MUG;1;12,50\n"
)
PLAIN = "order,sku,quantity,price,name,phone\n"


def sent(orders: Commands) -> list[Any]:
    """The orders that have come."""
    batches = orders.service.asked(pb.PlaceOrdersRequest)
    return [request for batch in batches for request in batch.orders]


def placed(request: Any) -> Any:
    """Takes all orders but those of what is gone, and those of a currency that is none."""
    results = []
    for one in request.orders:
        if one.lines[0].sku == "GONE":
            detail = "GONE is not in the catalogue"
            refused = pb.OrderResult(outcome=pb.ORDER_OUTCOME_UNKNOWN_ARTICLE, detail=detail)
            results.append(pb.PlacedOrder(result=refused))
        elif one.delivery.name == "?":
            problem = {"field": "delivery.name", "problem": "must have a letter", "value": "?"}
            error = HoldfastError.of(Reason.INVALID_FIELD, **problem)
            results.append(
                pb.PlacedOrder(
                    reason=Reason.INVALID_FIELD, detail=error.message, reason_values=problem
                )
            )
        else:
            results.append(pb.PlacedOrder(result=pb.OrderResult(outcome=pb.ORDER_OUTCOME_APPLIED)))
    return pb.PlaceOrdersResponse(results=results)


def imported(orders: Commands, path: Path, text: str, *more: str) -> Any:
    """The document of an import of a file with this text."""
    path = path / "orders.csv"
    path.write_text(text)
    orders.service.answers.setdefault("PlaceOrders", placed)
    orders.service.answers.setdefault("ListWarehouses", catalogue_pb2.ListWarehousesResponse())
    return orders(f"orders import {path} --shop mall-1 -o json", *more)


def test_an_order_of_several_lines_is_placed_once_with_the_shop_as_channel_of_its_key(
    orders: Commands, tmp_path: Path
) -> None:
    ran = imported(orders, tmp_path, SHOPIFY, "--map", "order=Name")
    assert (ran.exit_status, ran.json()["imported"]) == (0, 1), ran.err
    assert "Columns that are not used: Tags" in ran.err
    (request,) = sent(orders)
    assert (request.source, request.channel) == (pb.ORDER_SOURCE_IMPORT, "mall-1")
    assert request.order_key == "1001"
    assert request.payment_method == "paid_elsewhere"
    assert [(it.sku, it.quantity, it.unit_price_minor) for it in request.lines] == [
        ("MUG", 2, 1_250),
        ("TEA", 1, 300),
    ]
    amounts = request.amounts
    assert (amounts.goods_minor, amounts.discount_minor, amounts.freight_minor) == (2_800, 100, 400)
    assert amounts.total_minor == 3_100
    assert request.delivery.phone == "02079460000 ext. 12"
    assert request.buyer_id.startswith("mall-1:")
    assert "a@b" not in request.buyer_id


def test_headers_of_another_language_and_decimal_commas_are_known(
    orders: Commands, tmp_path: Path
) -> None:
    ran = imported(orders, tmp_path, TAOBAO)
    assert ran.exit_status == 0, ran.err
    (request,) = sent(orders)
    assert (request.order_key, request.currency) == ("334455", "CNY")
    assert request.lines[0].unit_price_minor == 1_250
    assert (request.delivery.phone, request.delivery.region) == ("138****5678", "上海市")


@pytest.mark.parametrize(
    ("rows", "line", "problem"),
    [
        ("1,MUG,x,5,A,1\n", 2, "quantity: must be a whole number"),
        ("1,MUG,1,5x,A,1\n", 2, "price: must be an amount of CNY"),
        ("1 2,MUG,1,5,A,1\n", 2, "order: must be up to 64 letters"),
        ("1,MUG,1,5,A,1\n1,TEA,1,5,B,1\n", 3, "name: differs from that of a line before"),
        ("1,MUG,1,5,A,1\n1,MUG,1,6,A,1\n", 3, "price: of MUG differs"),
        ("1,,1,5,A,1\n", 2, "sku: is empty"),
        ("1,MUG,1,5,A\n", 2, "has 5 cells, the header has 6"),
    ],
)
def test_an_order_that_cannot_be_placed_is_named_by_line_and_none_is(
    orders: Commands, tmp_path: Path, rows: str, line: int, problem: str
) -> None:
    ran = imported(orders, tmp_path, PLAIN + "9,TEA,1,3,B,2\n" + rows)
    (bad,) = ran.json()["bad"]
    assert (ran.exit_status, bad["line"], problem in bad["reason"]) == (1, line + 1, True), bad
    assert sent(orders) == []
    assert imported(orders, tmp_path, PLAIN + "9,TEA,1,3,B,2\n" + rows, "--skip-bad").json()[
        "imported"
    ] in (1, 2)


def test_a_refusal_is_named_by_line_and_the_other_orders_are_in(
    orders: Commands, tmp_path: Path
) -> None:
    rows = "1,MUG,1,5,A,1\n2,GONE,1,5,A,1\n3,MUG,1,5,A,1\n4,MUG,1,5,?,1\n"
    ran = imported(orders, tmp_path, PLAIN + rows)
    assert (ran.exit_status, ran.json()["imported"]) == (1, 2)
    assert ran.json()["refused"] == [
        {"line": 3, "reason": "2: GONE is not in the catalogue"},
        {"line": 5, "reason": "4: delivery.name: must have a letter; got ?"},
    ]


def test_many_orders_of_a_file_travel_together(orders: Commands, tmp_path: Path) -> None:
    rows = "".join(f"{number},MUG,1,5,A,1\n" for number in range(450))
    assert imported(orders, tmp_path, PLAIN + rows).json()["imported"] == 450
    sizes = [len(batch.orders) for batch in orders.service.asked(pb.PlaceOrdersRequest)]
    assert sorted(sizes) == [50, 200, 200]


def test_an_import_whose_orders_are_not_judged_is_not_done(
    orders: Commands, tmp_path: Path
) -> None:
    full = pb.PlacedOrder(reason="INTERNAL", detail="internal error")
    fine = pb.PlacedOrder(result=pb.OrderResult(outcome=pb.ORDER_OUTCOME_APPLIED))
    orders.service.answers["PlaceOrders"] = pb.PlaceOrdersResponse(results=[fine, full])
    ran = imported(orders, tmp_path, PLAIN + "1,MUG,1,5,A,1\n2,MUG,1,5,A,1\n")
    assert ran.exit_status != 0
    assert "import the file again" in ran.err


@pytest.mark.parametrize(
    ("header", "mapped", "problem"),
    [
        (["order", "sku", "price"], {}, "the column of quantity is missing"),
        (["order", "sku", "price", "quantity", "Qty"], {}, "the column of quantity is there twice"),
        (["order", "sku", "price", "quantity"], {"colour": "x"}, "the fields are order"),
    ],
)
def test_a_header_in_which_something_is_missing_says_how_to_name_it(
    header: list[str], mapped: dict[str, str], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        fields_of(header, mapped)


def test_a_total_that_does_not_add_up_is_named(orders: Commands, tmp_path: Path) -> None:
    text = "order,sku,quantity,price,total\n1,MUG,2,5,11\n2,MUG,2,5,10\n"
    ran = imported(orders, tmp_path, text, "--skip-bad")
    assert ran.json()["bad"][0]["reason"].startswith("total: is 11")
    assert ran.json()["imported"] == 1
