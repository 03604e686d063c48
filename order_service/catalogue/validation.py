"""Checks what is put into a catalogue. Each check raises InvalidField, naming the field."""

from collections.abc import Callable, Hashable, Sequence
from typing import Final, TypeVar

from msgspec import Struct, structs

from holdfast.money import MINOR_DIGITS
from order_service.catalogue.model import Article, Place, Warehouse, plain_postcode
from order_service.order.address_rules import region_name, rules_of
from order_service.order.fields import (
    check_id,
    check_money,
    check_name,
    check_whole,
    checked_text,
    shown,
)
from order_service.order.refusals import InvalidField

PUT_MAX: Final = 1_000
TITLE_LENGTH_MAX: Final = 200
ZONE_LENGTH_MAX: Final = 64
WEIGHT_G_MAX: Final = 1_000_000
MILLICELSIUS_MAX: Final = 1_000_000
PRIORITY_MAX: Final = 1_000_000
PREFIX_LENGTH_MAX: Final = 16
REGION_LENGTH_MAX: Final = 100

Thing = TypeVar("Thing")


def check_only(kind: type[Struct] | None, only: Sequence[str]) -> None:
    """Checks the names of the fields that are to change in things of a kind. InvalidField."""
    known = kind.__struct_fields__ if kind else ()
    for name in only:
        if name not in known:
            raise InvalidField("only", "must name fields of what is put", shown(name))


def checked_articles(articles: Sequence[Article]) -> list[Article]:
    """Articles that can be put, with their texts put in order."""
    return _all("articles", articles, _checked_article, lambda article: article.sku)


def checked_warehouses(warehouses: Sequence[Warehouse]) -> list[Warehouse]:
    """Warehouses that can be put."""
    return _all("warehouses", warehouses, _checked_warehouse, lambda warehouse: warehouse.location)


def checked_places(places: Sequence[Place]) -> list[Place]:
    """Places that can be put, with their regions named as deliveries name them."""
    return _all(
        "places",
        places,
        _checked_place,
        lambda each: (each.country, each.region, each.postcode_prefix),
    )


def _all(
    field: str,
    things: Sequence[Thing],
    checked: Callable[[str, Thing], Thing],
    key_of: Callable[[Thing], Hashable],
) -> list[Thing]:
    if not 1 <= len(things) <= PUT_MAX:
        raise InvalidField(field, f"must be 1 to {PUT_MAX:,}", len(things))
    known: set[Hashable] = set()
    found: list[Thing] = []
    for position, thing in enumerate(things):
        found.append(checked(f"{field}[{position}]", thing))
        key = key_of(found[-1])
        if key in known:
            raise InvalidField(f"{field}[{position}]", "must not be named twice", shown(key))
        known.add(key)
    return found


def _checked_article(field: str, article: Article) -> Article:
    check_name(f"{field}.sku", article.sku)
    check_id(f"{field}.merchant_id", article.merchant_id)
    title = checked_text(f"{field}.title", article.title, TITLE_LENGTH_MAX, length_min=1)
    check_money(f"{field}.price_minor", article.price_minor)
    if article.currency not in MINOR_DIGITS:
        problem = "must be a currency's code (ISO 4217)"
        raise InvalidField(f"{field}.currency", problem, shown(article.currency))
    zone = checked_text(f"{field}.zone", article.zone, ZONE_LENGTH_MAX)
    check_whole(f"{field}.weight_g", article.weight_g, 0, WEIGHT_G_MAX)
    coldest, warmest = article.temperature_min_millicelsius, article.temperature_max_millicelsius
    for which, limit in (("min", coldest), ("max", warmest)):
        if limit is not None:
            name = f"{field}.temperature_{which}_millicelsius"
            check_whole(name, limit, -MILLICELSIUS_MAX, MILLICELSIUS_MAX)
    if coldest is not None and warmest is not None and coldest > warmest:
        name = f"{field}.temperature_max_millicelsius"
        raise InvalidField(name, f"must be at least the min, {coldest}", warmest)
    return structs.replace(article, title=title, zone=zone)


def _checked_warehouse(field: str, warehouse: Warehouse) -> Warehouse:
    check_name(f"{field}.location", warehouse.location)
    _check_country(field, warehouse.country)
    if (warehouse.latitude is None) != (warehouse.longitude is None):
        raise InvalidField(f"{field}.latitude", "must be set with longitude, or neither", "one")
    if warehouse.latitude is not None and warehouse.longitude is not None:
        _check_position(field, warehouse.latitude, warehouse.longitude)
    check_whole(f"{field}.priority", warehouse.priority, 0, PRIORITY_MAX)
    return warehouse


def _checked_place(field: str, place: Place) -> Place:
    _check_country(field, place.country)
    prefix = checked_text(f"{field}.postcode_prefix", place.postcode_prefix, PREFIX_LENGTH_MAX)
    region = checked_text(f"{field}.region", place.region, REGION_LENGTH_MAX)
    if prefix and region:
        raise InvalidField(
            f"{field}.region", "must be empty where there is a prefix", shown(region)
        )
    _check_position(field, place.latitude, place.longitude)
    return structs.replace(
        place, postcode_prefix=plain_postcode(prefix), region=region_name(place.country, region)
    )


def _check_country(field: str, country: str) -> None:
    if len(country) != 2 or not country.isascii() or not country.isupper() or not rules_of(country):
        problem = "must be a country's code (ISO 3166-1 alpha-2)"
        raise InvalidField(f"{field}.country", problem, shown(country))


def _check_position(field: str, latitude: float, longitude: float) -> None:
    for name, value, most in (("latitude", latitude, 90), ("longitude", longitude, 180)):
        if not -most <= value <= most:  # also what is not a number
            raise InvalidField(f"{field}.{name}", f"must be -{most} to {most}", value)
