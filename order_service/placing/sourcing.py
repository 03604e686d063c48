"""Chooses the warehouses that an order comes from (O5): fewest parcels, then nearest.

A parcel is one merchant's and one warehouse's, so each merchant's articles are sourced for
themselves. A line is divided among warehouses only where none of those chosen has all of it.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final, NamedTuple

from order_service.catalogue.model import DEFAULT_LOCATION, Assortment, Position, Warehouse
from order_service.order.placed import Delivery

EXACT_WAREHOUSES_MAX: Final = 10
"""Up to this number of locations all sets are compared; above it, the next is the one with most."""
EQUATOR_HALF_KM: Final = 20_037.0

Stock = Mapping[str, Mapping[str, int]]
"""Units that can be reserved, by SKU and location."""


class Origin(NamedTuple):
    """A location that an order can come from."""

    location: str
    distance_km: float


class Take(NamedTuple):
    """Units of an article from a warehouse."""

    sku: str
    quantity: int
    location: str


def origins_of(assortment: Assortment, delivery: Delivery) -> list[Origin]:
    """A shop's warehouses for a delivery, the nearest first; equals as they are preferred.

    Where a position is not known, a warehouse in the country of the delivery counts as near and any
    other as far.
    """
    if not assortment.warehouses:
        return [Origin(DEFAULT_LOCATION, 0.0)]
    if len(assortment.warehouses) == 1:
        return [Origin(assortment.warehouses[0].location, 0.0)]
    there = assortment.places.position_of(delivery.country, delivery.postcode, delivery.region)
    origins = [
        Origin(warehouse.location, _distance_km(warehouse, delivery.country, there))
        for warehouse in assortment.warehouses
    ]
    return sorted(origins, key=lambda origin: origin.distance_km)


def _distance_km(warehouse: Warehouse, country: str, there: Position | None) -> float:
    here = warehouse.position
    if here is not None and there is not None:
        return here.distance_km(there)
    return 0.0 if warehouse.country == country else EQUATOR_HALF_KM


def source(units: Mapping[str, int], stock: Stock, origins: Sequence[Origin]) -> list[Take] | None:
    """Where to take one merchant's units by SKU from; None if there are too few.

    `origins` are in the order in which they are preferred.
    """
    useful = [
        origin
        for origin in origins
        if any(stock.get(sku, {}).get(origin.location, 0) for sku in units)
    ]
    if not _covers(useful, units, stock):
        return None
    # What few warehouses have comes first: it rules out most sets.
    rarest_first = dict(sorted(units.items(), key=lambda unit: len(stock.get(unit[0], {}))))
    if len(useful) <= EXACT_WAREHOUSES_MAX:
        chosen = _fewest_then_nearest(rarest_first, stock, useful)
    else:
        chosen = _most_then_nearest(units, stock, useful)
    return [take for sku, wanted in units.items() for take in _takes(sku, wanted, stock, chosen)]


def _fewest_then_nearest(
    units: Mapping[str, int], stock: Stock, origins: Sequence[Origin]
) -> Sequence[Origin]:
    for count in range(1, len(origins) + 1):
        sets = [some for some in combinations(origins, count) if _covers(some, units, stock)]
        if sets:
            return min(sets, key=lambda some: sum(origin.distance_km for origin in some))
    return origins


def _most_then_nearest(
    units: Mapping[str, int], stock: Stock, origins: Sequence[Origin]
) -> Sequence[Origin]:
    missing = dict(units)
    chosen: set[str] = set()
    while any(missing.values()):

        def has(origin: Origin) -> int:
            return sum(
                min(wanted, stock.get(sku, {}).get(origin.location, 0))
                for sku, wanted in missing.items()
            )

        best = max((origin for origin in origins if origin.location not in chosen), key=has)
        chosen.add(best.location)
        for sku, wanted in missing.items():
            missing[sku] = max(0, wanted - stock.get(sku, {}).get(best.location, 0))
    return [origin for origin in origins if origin.location in chosen]


def _covers(origins: Sequence[Origin], units: Mapping[str, int], stock: Stock) -> bool:
    for sku, wanted in units.items():
        levels = stock.get(sku, {})
        if sum([levels.get(origin.location, 0) for origin in origins]) < wanted:
            return False
    return True


def _takes(sku: str, wanted: int, stock: Stock, origins: Sequence[Origin]) -> list[Take]:
    levels = stock[sku]
    for origin in origins:
        if levels.get(origin.location, 0) >= wanted:
            return [Take(sku, wanted, origin.location)]
    takes = []
    for origin in origins:
        quantity = min(wanted, levels.get(origin.location, 0))
        if quantity:
            takes.append(Take(sku, quantity, origin.location))
            wanted -= quantity
    return takes
