"""Files of the catalogue: what a line names is put, the rest stays; a wrong row is named."""

from pathlib import Path
from typing import Any

import pytest

from holdfast.errors import HoldfastError, Reason
from holdfast.order.v1 import catalogue_pb2 as pb
from tests.unit.scripted_orders import Commands


def sent(orders: Commands) -> list[Any]:
    """The requests that have come but for the first, which asks whether anybody is there."""
    asked = pb.ListWarehousesRequest
    return [request for request in orders.service.requests if not isinstance(request, asked)]


def imported(orders: Commands, path: Path, kind: str, text: str, *more: str) -> Any:
    """The document of an import of a file with this text."""
    path = path / "file.csv"
    path.write_text(text)
    orders.service.answers.setdefault("PutArticles", pb.PutArticlesResponse(version=1))
    orders.service.answers.setdefault("PutWarehouses", pb.PutWarehousesResponse(version=1))
    orders.service.answers.setdefault("PutPlaces", pb.PutPlacesResponse(version=1))
    orders.service.answers.setdefault("ListWarehouses", pb.ListWarehousesResponse())
    return orders(f"orders {kind} import {path} -o json", *more)


def test_each_line_of_articles_changes_what_it_has_something_for(
    orders: Commands, tmp_path: Path
) -> None:
    text = (
        "sku;price;currency;title;fragile\n"
        "MUG;12.50;GBP;A mug;yes\nTEA;3;GBP;;\nCUP;4.05;GBP;A cup;no\n"
    )
    ran = imported(orders, tmp_path, "articles", text)
    assert (ran.exit_status, ran.json()["imported"]) == (0, 3), ran.err
    by_only = {tuple(it.only): it.articles for it in orders.service.asked(pb.PutArticlesRequest)}
    assert {only: [it.sku for it in those] for only, those in by_only.items()} == {
        ("currency", "fragile", "price_minor", "title"): ["MUG", "CUP"],
        ("currency", "price_minor"): ["TEA"],
    }
    (tea,) = by_only["currency", "price_minor"]
    assert tea == pb.Article(
        sku="TEA", title="TEA", merchant_id="default", price_minor=300, currency="GBP"
    )


def test_a_row_that_the_service_refuses_is_named_and_the_others_are_put(
    orders: Commands, tmp_path: Path
) -> None:
    def put(request: Any) -> Any:
        for position, article in enumerate(request.articles):
            if article.currency == "XXX":
                field = f"articles[{position}].currency"
                return HoldfastError.of(
                    Reason.INVALID_FIELD, field=field, problem="must be a currency", value="XXX"
                )
        return pb.PutArticlesResponse(version=1)

    orders.service.answers["PutArticles"] = put
    text = "sku,price,currency\nA,1,GBP\nB,1,XXX\nC,1,GBP\nD,1,XXX\n"
    ran = imported(orders, tmp_path, "articles", text)
    assert (ran.exit_status, ran.json()["imported"]) == (1, 2)
    assert [bad["line"] for bad in ran.json()["refused"]] == [3, 5]
    assert ran.json()["refused"][0]["reason"].startswith("currency: must be a currency")


@pytest.mark.parametrize(
    ("kind", "text", "problem"),
    [
        ("articles", "sku,price\nA,1\n", "price: give price and currency together"),
        ("articles", "sku,price,currency\nA,1.234,GBP\n", "price: must be an amount of GBP"),
        ("articles", "sku,fragile\nA,maybe\n", "fragile: must be yes or no"),
        ("articles", "sku,title\n1E+05,x\n", "a number that was shortened"),
        ("articles", "sku,title\nA,x\nA,y\n", "sku A is also on line 3"),
        ("warehouses", "location,country\nW 1 ,CN\n", "location: has spaces around it"),
        ("warehouses", "location,country\nW,china\n", "country: must be two capital"),
        ("warehouses", "location,country,latitude\nW,CN,31\n", "longitude: must be degrees"),
        ("warehouses", "location,country,priority\nW,CN,1.5\n", "priority: must be a whole"),
        ("warehouses", "location,country\nW,CN\nW,GB\n", "warehouse W is also on line 3"),
        ("places", "country,latitude,longitude\nCN,91,0\n", "latitude: must be degrees"),
        ("places", "country,latitude,longitude\ncn,9,0\n", "country: must be two capital"),
        ("places", "country,latitude,longitude\nCN,1,2\nCN,3,4\n", "CN is also on line 3"),
    ],
)
def test_what_is_wrong_with_a_line_is_named_and_nothing_is_put(
    orders: Commands, tmp_path: Path, kind: str, text: str, problem: str
) -> None:
    ran = imported(orders, tmp_path, kind, text)
    assert (ran.exit_status, problem in ran.json()["bad"][0]["reason"]) == (1, True), ran.out
    assert sent(orders) == []


def test_each_line_of_warehouses_changes_what_it_has_something_for(
    orders: Commands, tmp_path: Path
) -> None:
    text = "location,country,latitude,longitude,priority,closed\n"
    text += "north,GB,53.8,-1.5,,no\nsouth,GB,,,,\neast,CN,31,121.5,,yes\n"
    ran = imported(orders, tmp_path, "warehouses", text)
    assert (ran.exit_status, ran.json()["imported"]) == (0, 3), ran.err
    by_only = {tuple(request.only): list(request.warehouses) for request in sent(orders)}
    assert by_only == {
        ("closed", "country", "latitude", "longitude"): [
            pb.Warehouse(location="north", country="GB", latitude=53.8, longitude=-1.5),
            pb.Warehouse(location="east", country="CN", latitude=31, longitude=121.5, closed=True),
        ],
        ("country",): [pb.Warehouse(location="south", country="GB")],
    }


def test_places_are_put_as_they_are_written(orders: Commands, tmp_path: Path) -> None:
    text = "country,postcode_prefix,latitude,longitude\nCN,20,31.23,121.47\nGB,,54,-2\n"
    assert imported(orders, tmp_path, "places", text).exit_status == 0
    (request,) = sent(orders)
    assert list(request.places) == [
        pb.Place(country="CN", postcode_prefix="20", latitude=31.23, longitude=121.47),
        pb.Place(country="GB", latitude=54, longitude=-2),
    ]
