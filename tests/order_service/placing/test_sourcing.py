"""Where an order comes from: all of it, never more than there is, fewest parcels, then nearest."""

from itertools import combinations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from order_service.catalogue.model import Assortment, Atlas, Place, Position, Warehouse
from order_service.placing.sourcing import (
    EXACT_WAREHOUSES_MAX,
    Origin,
    Stock,
    Take,
    origins_of,
    source,
)
from tests.order_service.placing.wanted import DELIVERY

BERLIN, PARIS, TOKYO = (52.52, 13.405), (48.8566, 2.3522), (35.6762, 139.6503)


def origins(*locations: str) -> list[Origin]:
    """Warehouses at growing distances."""
    return [Origin(location, float(distance)) for distance, location in enumerate(locations)]


@st.composite
def worlds(draw: st.DrawFn, warehouses_max: int) -> tuple[dict[str, int], Stock, list[Origin]]:
    """Units wanted, stock, and warehouses."""
    some_origins = origins(*"abcdefghijklmnopqrstuvwxyz"[: draw(st.integers(1, warehouses_max))])
    skus = [f"S{number}" for number in range(draw(st.integers(1, 4)))]
    units = {sku: draw(st.integers(1, 6)) for sku in skus}
    levels = st.dictionaries(
        st.sampled_from([origin.location for origin in some_origins]), st.integers(0, 6)
    )
    return units, {sku: draw(levels) for sku in skus}, some_origins


def assert_covered(takes: list[Take], units: dict[str, int], stock: Stock) -> None:
    """Every unit is taken, none twice, none that is not there."""
    assert len({(take.sku, take.location) for take in takes}) == len(takes)
    for take in takes:
        assert 0 < take.quantity <= stock[take.sku][take.location]
    for sku, wanted in units.items():
        assert sum(take.quantity for take in takes if take.sku == sku) == wanted


def can_come_from(some: tuple[Origin, ...], units: dict[str, int], stock: Stock) -> bool:
    """Whether warehouses have enough together."""
    return all(
        sum(stock[sku].get(origin.location, 0) for origin in some) >= wanted
        for sku, wanted in units.items()
    )


@given(worlds(warehouses_max=7))
def test_few_warehouses_give_the_fewest_parcels_and_of_these_the_nearest(
    world: tuple[dict[str, int], Stock, list[Origin]],
) -> None:
    units, stock, some_origins = world
    takes = source(units, stock, some_origins)
    if takes is None:
        assert not can_come_from(tuple(some_origins), units, stock)
        return
    assert_covered(takes, units, stock)
    distance = {origin.location: origin.distance_km for origin in some_origins}
    used = {take.location for take in takes}
    best = min(
        (count, sum(origin.distance_km for origin in some))
        for count in range(1, len(some_origins) + 1)
        for some in combinations(some_origins, count)
        if can_come_from(some, units, stock)
    )
    assert (len(used), sum(distance[location] for location in used)) == best


@given(worlds(warehouses_max=26))
def test_many_warehouses_give_every_unit_and_no_more_than_they_have(
    world: tuple[dict[str, int], Stock, list[Origin]],
) -> None:
    units, stock, some_origins = world
    assume(len(some_origins) > EXACT_WAREHOUSES_MAX)
    takes = source(units, stock, some_origins)
    if takes is None:
        assert not can_come_from(tuple(some_origins), units, stock)
    else:
        assert_covered(takes, units, stock)


def test_one_parcel_from_afar_is_better_than_two_from_near() -> None:
    stock = {"A": {"near": 1, "far": 1}, "B": {"nearer": 1, "far": 1}}
    takes = source({"A": 1, "B": 1}, stock, origins("near", "nearer", "far"))
    assert takes == [Take("A", 1, "far"), Take("B", 1, "far")]


def test_a_line_is_divided_only_where_no_chosen_warehouse_has_all_of_it() -> None:
    stock = {"A": {"near": 2, "far": 3}, "B": {"near": 1}}
    assert source({"A": 3, "B": 1}, stock, origins("near", "far")) == [
        Take("A", 3, "far"),
        Take("B", 1, "near"),
    ]
    assert source({"A": 5, "B": 1}, stock, origins("near", "far")) == [
        Take("A", 2, "near"),
        Take("A", 3, "far"),
        Take("B", 1, "near"),
    ]


def test_of_two_pairs_of_warehouses_the_one_that_is_nearer_in_all_is_taken() -> None:
    stock = {"A": {"nearest": 1, "near": 2, "nearby": 2, "far": 3}}
    takes = source({"A": 4}, stock, origins("nearest", "near", "nearby", "farther", "far"))
    assert takes == [Take("A", 2, "near"), Take("A", 2, "nearby")]


def test_among_many_warehouses_the_one_that_has_most_comes_first() -> None:
    many = origins(*(f"w{number:02}" for number in range(EXACT_WAREHOUSES_MAX + 5)))
    stock = {"A": {origin.location: 1 for origin in many} | {"w14": 9}}
    assert source({"A": 9}, stock, many) == [Take("A", 9, "w14")]
    assert source({"A": 100}, stock, many) is None


def assortment(*warehouses: Warehouse, places: list[Place] | None = None) -> Assortment:
    """A catalogue without articles."""
    return Assortment({}, warehouses, Atlas(places or []))


def test_the_nearest_warehouse_comes_first() -> None:
    shop = assortment(
        Warehouse("berlin", "DE", *BERLIN),
        Warehouse("tokyo", "JP", *TOKYO),
        places=[Place("CN", "", "", 31.23, 121.47)],
    )
    assert [origin.location for origin in origins_of(shop, DELIVERY)] == ["tokyo", "berlin"]


def test_where_the_destination_is_not_known_its_country_comes_first_then_the_shops_order() -> None:
    shop = assortment(
        Warehouse("berlin", "DE", *BERLIN),
        Warehouse("paris", "FR", *PARIS),
        Warehouse("shanghai", "CN", 31.23, 121.47),
    )
    assert [origin.location for origin in origins_of(shop, DELIVERY)] == [
        "shanghai",
        "berlin",
        "paris",
    ]


def test_a_shop_without_warehouses_has_the_engines_default_location() -> None:
    assert [origin.location for origin in origins_of(assortment(), DELIVERY)] == ["default"]


def test_an_address_is_at_the_place_that_fits_it_best() -> None:
    atlas = Atlas(
        [
            Place("GB", "", "", 1.0, 0.0),
            Place("GB", "", "Kent", 2.0, 0.0),
            Place("GB", "SW", "", 3.0, 0.0),
            Place("GB", "SW1A", "", 4.0, 0.0),
        ]
    )
    assert atlas.position_of("GB", "SW1A 1AA", "Kent") == Position(4.0, 0.0)
    assert atlas.position_of("GB", "SW2", "Kent") == Position(3.0, 0.0)
    assert atlas.position_of("GB", "E1 6AN", "kent") == Position(2.0, 0.0)
    assert atlas.position_of("GB", "", "Devon") == Position(1.0, 0.0)
    assert atlas.position_of("FR", "SW1A", "Kent") is None
    assert Atlas().position_of("GB", "SW1A", "") is None


@pytest.mark.parametrize(
    ("here", "there", "km"), [(BERLIN, PARIS, 877.5), (BERLIN, TOKYO, 8_918), (TOKYO, TOKYO, 0)]
)
def test_distances_are_those_of_great_circles(
    here: tuple[float, float], there: tuple[float, float], km: float
) -> None:
    assert Position(*here).distance_km(Position(*there)) == pytest.approx(km, rel=0.005)
