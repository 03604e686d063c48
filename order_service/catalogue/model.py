"""Articles, warehouses and places, and a shop's catalogue of them."""

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from msgspec import Struct

from order_service.catalogue.contracts import Contracts
from order_service.order.address_rules import region_name
from order_service.order.text import folded, plain

EARTH_RADIUS_KM = 6371.0
DEFAULT_LOCATION = "default"
"""The engine's name of the one location of a shop that names no warehouses."""


class Article(Struct, frozen=True):
    """Something that can be ordered."""

    sku: str
    merchant_id: str
    title: str
    price_minor: int
    """Of a unit, in minor units."""
    currency: str
    zone: str = ""
    """Where in a warehouse its units lie; "" for nowhere special."""
    weight_g: int = 0
    """0: unknown."""
    temperature_min_millicelsius: int | None = None
    """The coldest it may get on its way; None: no limit."""
    temperature_max_millicelsius: int | None = None
    customised: bool = False
    """Made for its buyer."""
    fragile: bool = False
    withdrawn: bool = False
    """No longer sold."""


class Position(NamedTuple):
    """A point on the earth, in degrees north and east."""

    latitude: float
    longitude: float

    def distance_km(self, other: "Position") -> float:
        """How far it is to another point, along a great circle."""
        north, other_north = math.radians(self.latitude), math.radians(other.latitude)
        half_east = math.radians(other.longitude - self.longitude) / 2
        half_chord_squared = (
            math.sin((other_north - north) / 2) ** 2
            + math.cos(north) * math.cos(other_north) * math.sin(half_east) ** 2
        )
        return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, half_chord_squared)))


class Warehouse(Struct, frozen=True):
    """Where stock lies."""

    location: str
    """The engine's name of it."""
    country: str
    """ISO 3166-1 alpha-2."""
    latitude: float | None = None
    longitude: float | None = None
    priority: int = 0
    """The smaller, the more preferred."""
    closed: bool = False
    """Takes no new orders."""

    @property
    def position(self) -> Position | None:
        """Where it is, if that is known."""
        if self.latitude is None or self.longitude is None:
            return None
        return Position(self.latitude, self.longitude)


class Place(Struct, frozen=True):
    """Where the addresses of a country, a region or a part of its postcodes are."""

    country: str
    postcode_prefix: str
    """Without spaces and hyphens; "" for any."""
    region: str
    """"" for any."""
    latitude: float
    longitude: float

    @property
    def position(self) -> Position:
        """Where they are."""
        return Position(self.latitude, self.longitude)


class Assortment(NamedTuple):
    """The articles of a shop, and its warehouses."""

    articles: Mapping[str, Article]
    """By SKU; also those that are withdrawn."""
    warehouses: tuple[Warehouse, ...]
    """Warehouses that take orders, the most preferred first."""
    places: "Atlas"
    contracts: Contracts = MappingProxyType({})


class Atlas:
    """Finds where an address is, given the places of a shop."""

    def __init__(self, places: Iterable[Place] = ()) -> None:
        self._places = {
            _key(place.country, place.postcode_prefix, place.region): place.position
            for place in places
        }
        self._prefix_lengths = sorted({len(prefix) for _, prefix, _ in self._places}, reverse=True)

    def position_of(self, country: str, postcode: str, region: str) -> Position | None:
        """The position of the place that fits best: the longest prefix of the postcode, else the
        region, else the country. None if no place fits.
        """
        if not self._places:
            return None
        code = plain_postcode(postcode)
        for length in self._prefix_lengths:
            found = self._places.get((country, code[:length], "")) if length else None
            if found and length <= len(code):
                return found
        return self._places.get(_key(country, "", region)) or self._places.get((country, "", ""))


def plain_postcode(postcode: str) -> str:
    """A postcode without what is only there to be read."""
    return plain(postcode).replace(" ", "").replace("-", "").upper()


def _key(country: str, postcode_prefix: str, region: str) -> tuple[str, str, str]:
    """The key of a place: regions are written in many ways, and get other names."""
    return country, postcode_prefix, folded(region_name(country, region))
