"""The bounds of a catalogue's fields: each field at its bounds and beyond."""

import math
from typing import Any

import pytest
from msgspec import structs

from order_service.catalogue.model import Article, Place, Warehouse
from order_service.catalogue.validation import (
    checked_articles,
    checked_places,
    checked_warehouses,
)
from order_service.order.refusals import InvalidField

TEA = Article("TEA", "merchant-1", "Green tea", 500, "CNY")
NORTH = Warehouse("north", "CN", 39.9, 116.4)
SHANGHAI = Place("CN", "20", "", 31.23, 121.47)


@pytest.mark.parametrize(
    "values",
    [
        {"sku": "茶" * 21},
        {"title": "a" * 200},
        {"price_minor": 0},
        {"price_minor": 10**12},
        {"weight_g": 1_000_000},
        {"zone": "z" * 64},
        {"temperature_min_millicelsius": -1_000_000},
        {"temperature_min_millicelsius": 4_000, "temperature_max_millicelsius": 4_000},
    ],
)
def test_an_article_at_its_bounds_is_taken(values: dict[str, Any]) -> None:
    article = structs.replace(TEA, **values)
    assert checked_articles([article]) == [article]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sku", ""),
        ("sku", "茶" * 22),
        ("merchant_id", ""),
        ("merchant_id", "a b"),
        ("title", ""),
        ("title", "a" * 201),
        ("title", "a\x00"),
        ("price_minor", -1),
        ("price_minor", 10**12 + 1),
        ("currency", "XYZ"),
        ("zone", "z" * 65),
        ("weight_g", 1_000_001),
        ("temperature_min_millicelsius", -1_000_001),
        ("temperature_max_millicelsius", 1_000_001),
    ],
)
def test_an_article_beyond_its_bounds_is_refused_by_position_and_field(
    field: str, value: Any
) -> None:
    with pytest.raises(InvalidField) as refused:
        checked_articles([TEA, structs.replace(TEA, **{"sku": "CUP", field: value})])
    assert refused.value.field == f"articles[1].{field}"


def test_temperatures_that_leave_nothing_between_them_are_refused() -> None:
    with pytest.raises(InvalidField, match="temperature_max_millicelsius: must be at least"):
        checked_articles(
            [structs.replace(TEA, temperature_min_millicelsius=5, temperature_max_millicelsius=4)]
        )


def test_nothing_too_much_and_the_same_twice_are_refused() -> None:
    with pytest.raises(InvalidField, match="articles: must be 1 to 1,000; got 0"):
        checked_articles([])
    with pytest.raises(InvalidField, match="articles: must be 1 to 1,000; got 1001"):
        checked_articles([structs.replace(TEA, sku=str(n)) for n in range(1_001)])
    with pytest.raises(InvalidField, match=r"articles\[1\]: must not be named twice"):
        checked_articles([TEA, TEA])


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("location", {"location": ""}),
        ("country", {"country": "cn"}),
        ("country", {"country": "ZZ"}),
        ("country", {"country": "China"}),
        ("latitude", {"latitude": 90.1}),
        ("latitude", {"latitude": math.nan}),
        ("longitude", {"longitude": -180.1}),
        ("longitude", {"longitude": math.inf}),
        ("latitude", {"longitude": None}),
        ("priority", {"priority": 1_000_001}),
    ],
)
def test_a_warehouse_beyond_its_bounds_is_refused_by_its_field(
    field: str, values: dict[str, Any]
) -> None:
    assert checked_warehouses([NORTH]) == [NORTH]
    with pytest.raises(InvalidField) as refused:
        checked_warehouses([structs.replace(NORTH, **values)])
    assert refused.value.field == f"warehouses[0].{field}"


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("country", {"country": ""}),
        ("postcode_prefix", {"postcode_prefix": "1" * 17}),
        ("region", {"region": "上海市"}),
        ("latitude", {"latitude": -91.0}),
        ("longitude", {"longitude": 181.0}),
    ],
)
def test_a_place_beyond_its_bounds_is_refused_by_its_field(
    field: str, values: dict[str, Any]
) -> None:
    with pytest.raises(InvalidField) as refused:
        checked_places([structs.replace(SHANGHAI, **values)])
    assert refused.value.field == f"places[0].{field}"


def test_a_place_is_named_as_deliveries_name_it() -> None:
    (by_region,) = checked_places([Place("CN", "", "shanghai", 31.23, 121.47)])
    assert by_region.region == "上海市"
    (by_prefix,) = checked_places([Place("GB", "sw1a 1", "", 51.5, -0.1)])
    assert by_prefix.postcode_prefix == "SW1A1"
