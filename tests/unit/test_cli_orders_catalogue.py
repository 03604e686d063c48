"""The catalogue by command line: an article that is known changes in what is given of it only."""

from typing import Any

import pytest

from holdfast.cli.failures import USAGE
from holdfast.order.v1 import catalogue_pb2 as pb
from tests.unit.scripted_orders import Commands

FISH = pb.Article(
    sku="FISH",
    merchant_id="m-1",
    title="A fish",
    price_minor=3_000,
    currency="GBP",
    zone="cold",
    weight_g=900,
    temperature_min_millicelsius=-30_000,
    temperature_max_millicelsius=-18_000,
    fragile=True,
)


def put(orders: Commands, known: list[pb.Article], line: str) -> pb.Article:
    """The article that a command puts where some are known."""
    orders.service.answers["ListArticles"] = pb.ListArticlesResponse(articles=known)
    orders.service.answers["PutArticles"] = pb.PutArticlesResponse(version=2)
    ran = orders(f"orders articles put {line}")
    assert ran.exit_status == 0, ran.err
    asked, request = orders.service.requests
    assert asked.sku == request.articles[0].sku
    return request.articles[0]  # type: ignore[no-any-return]  # the service keeps any request


def but(**values: Any) -> pb.Article:
    """The fish with other values; None is not set."""
    other = pb.Article()
    other.CopyFrom(FISH)
    for name, value in values.items():
        other.ClearField(name) if value is None else setattr(other, name, value)  # type: ignore[arg-type]
    return other


@pytest.mark.parametrize(
    ("line", "article"),
    [
        ("FISH 31", but(price_minor=3_100)),
        ("FISH --withdrawn", but(withdrawn=True)),
        ("FISH --no-fragile --customised", but(fragile=False, customised=True)),
        ("FISH --temperature-max -17.5", but(temperature_max_millicelsius=-17_500)),
        ("FISH --temperature-min none", but(temperature_min_millicelsius=None)),
        (
            "FISH 31 --merchant m-2 --zone A --weight-g 0",
            but(price_minor=3_100, merchant_id="m-2", zone="A", weight_g=0),
        ),
    ],
)
def test_only_what_is_given_of_an_article_changes(
    orders: Commands, line: str, article: pb.Article
) -> None:
    assert put(orders, [FISH], line) == article


def test_a_new_article_has_its_sku_for_a_title(orders: Commands) -> None:
    article = put(orders, [], "MUG 12.50")
    assert article == pb.Article(
        sku="MUG", merchant_id="default", title="MUG", price_minor=1_250, currency="CNY"
    )


@pytest.mark.parametrize(
    ("known", "line", "problem"),
    [
        ([], "MUG --title Mug", "PRICE: give one"),
        ([FISH], "FISH --currency EUR", "PRICE: give one"),
        ([], "MUG 1.234", "PRICE: must be an amount of CNY"),
        ([FISH], "FISH 1.234", "PRICE: must be an amount of GBP"),
    ],
)
def test_a_price_is_an_amount_and_there_where_there_is_none_to_keep(
    orders: Commands, known: list[pb.Article], line: str, problem: str
) -> None:
    orders.service.answers["ListArticles"] = pb.ListArticlesResponse(articles=known)
    ran = orders(f"orders articles put {line}")
    assert (ran.exit_status, problem in ran.err) == (USAGE, True)
    assert orders.service.asked(pb.PutArticlesRequest) == []


@pytest.mark.parametrize(
    ("line", "only"),
    [
        ("FISH 31", ["currency", "price_minor"]),
        ("FISH --withdrawn --zone A", ["withdrawn", "zone"]),
        ("FISH --temperature-min none", ["temperature_min_millicelsius"]),
    ],
)
def test_a_put_names_what_it_changes_so_that_others_may_change_the_rest_meanwhile(
    orders: Commands, line: str, only: list[str]
) -> None:
    put(orders, [FISH], line)
    assert list(orders.service.requests[1].only) == only


def test_a_warehouse_changes_in_what_is_given_of_it_only(orders: Commands) -> None:
    orders.service.answers["PutWarehouses"] = pb.PutWarehousesResponse(version=2)
    assert orders("orders warehouses put leeds GB --closed").exit_status == 0
    (request,) = orders.service.requests
    assert list(request.only) == ["closed", "country"]
    assert request.warehouses[0] == pb.Warehouse(location="leeds", country="GB", closed=True)
