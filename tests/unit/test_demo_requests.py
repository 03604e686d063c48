"""How the demo asks for the orders of a log: what they cost, and who gets them."""

import pytest

from holdfast.demo.order_log import Order, OrderedLine, OrderLog
from holdfast.demo.plan import Review
from holdfast.demo.requests import (
    CARD,
    FREIGHT_MINOR,
    MERCHANTS,
    ZONES,
    catalogue_of,
    order_key,
    place_order,
    position_of,
)
from holdfast.order.v1 import order_pb2

MUGS = OrderedLine("MUG", 2, 250)


def order_of(*lines: OrderedLine, buyer_id: str = "b") -> Order:
    return Order(17, "536365", buyer_id, lines)


def place(order: Order, review: Review = Review.BY_ITSELF) -> order_pb2.PlaceOrderRequest:
    return place_order(order, 1, {"MUG": 300, "BED": 90_000}, CARD, review)


def test_what_the_buyer_paid_is_what_the_order_comes_to() -> None:
    order = order_of(MUGS, OrderedLine("MUG", 1, 300), OrderedLine("BED", 1, 90_000))
    request = place(order)
    assert [(line.sku, line.quantity) for line in request.lines] == [("MUG", 3), ("BED", 1)]
    amounts = request.amounts
    assert (amounts.goods_minor, amounts.discount_minor) == (90_900, 100)
    assert (amounts.freight_minor, amounts.total_minor) == (0, order.paid_minor())


def test_a_small_order_pays_for_its_freight() -> None:
    amounts = place(order_of(MUGS)).amounts
    assert (amounts.freight_minor, amounts.total_minor) == (FREIGHT_MINOR, 500 + FREIGHT_MINOR)
    total = amounts.goods_minor - amounts.discount_minor + amounts.freight_minor
    assert amounts.total_minor == total


def test_each_attempt_has_a_key_of_its_own_and_tells_its_order() -> None:
    order = order_of(MUGS)
    keys = [order_key(order, attempt) for attempt in (1, 2)]
    assert len(set(keys)) == 2
    assert {position_of(key) for key in keys} == {17}


def test_a_buyer_without_a_number_is_a_guest() -> None:
    assert place(order_of(MUGS)).buyer_id == "b"
    assert place(order_of(MUGS, buyer_id="")).buyer_id == "guest-17"


@pytest.mark.parametrize("review", [Review.APPROVED, Review.REFUSED])
def test_an_order_that_a_person_is_to_read_has_a_remark(review: Review) -> None:
    assert place(order_of(MUGS)).remark == ""
    assert place(order_of(MUGS), review).remark


def test_the_catalogue_has_every_article_once_at_its_highest_price() -> None:
    lines = tuple(OrderedLine(f"S{number}", 1, 100 + number) for number in range(1_500))
    cheaper = OrderedLine("S7", 1, 1)
    log = OrderLog((order_of(cheaper), order_of(*lines)), (), {"S7": "A  MUG\x7f"}, {}, 1_501)
    requests = list(catalogue_of(log))
    assert [len(request.articles) for request in requests] == [1_000, 500]
    articles = {article.sku: article for request in requests for article in request.articles}
    assert len(articles) == 1_500
    assert (articles["S7"].price_minor, articles["S7"].title) == (107, "A MUG")
    assert articles["S8"].title == "S8"
    assert {article.merchant_id for article in articles.values()} == set(MERCHANTS)
    assert {article.zone for article in articles.values()} == set(ZONES)
