"""The lines of files of articles, warehouses and places. Pure."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from holdfast.cli.imports.check import Cells, Kind
from holdfast.cli.imports.files import Columns
from holdfast.cli.imports.names import name_problem, oddity
from holdfast.cli.orders.arguments import NO_LIMIT, millicelsius
from holdfast.money import minor_units
from holdfast.order.v1 import catalogue_pb2 as pb

_YES_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_DEGREES = re.compile(r"[+-]?[0-9]{1,3}(\.[0-9]{1,9})?")


class CatalogueRow(NamedTuple):
    """A good line: what is put, and which of its fields the line has something for."""

    line: int
    thing: Any
    given: tuple[str, ...]


def _yes_no(text: str) -> bool:
    if text.lower() not in _YES_NO:
        raise ValueError(f"must be yes or no; got {text[:80]!a}")
    return _YES_NO[text.lower()]


def _grams(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,7}", text) or int(text) > 1_000_000:
        raise ValueError(f"must be whole grams from 0 to 1,000,000; got {text[:80]!a}")
    return int(text)


def _priority(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,7}", text) or int(text) > 1_000_000:
        raise ValueError(f"must be a whole number from 0 to 1,000,000; got {text[:80]!a}")
    return int(text)


def _limit(text: str) -> int | None:
    return None if text == NO_LIMIT else millicelsius(text)


# What a column of articles is in the contract, and how its cells are read.
_ARTICLE: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "title": ("title", str),
    "merchant": ("merchant_id", str),
    "currency": ("currency", str),
    "zone": ("zone", str),
    "weight_g": ("weight_g", _grams),
    "temperature_min": ("temperature_min_millicelsius", _limit),
    "temperature_max": ("temperature_max_millicelsius", _limit),
    "customised": ("customised", _yes_no),
    "fragile": ("fragile", _yes_no),
    "withdrawn": ("withdrawn", _yes_no),
}
# Likewise of warehouses, beside the name and the country.
_WAREHOUSE: Mapping[str, Callable[[str], Any]] = {
    "latitude": float,
    "longitude": float,
    "priority": _priority,
    "closed": _yes_no,
}
WAREHOUSE_COLUMNS = Columns(("location", "country"), tuple(_WAREHOUSE))
ARTICLE_COLUMNS = Columns(("sku",), ("price", *_ARTICLE))
PLACE_COLUMNS = Columns(("country", "latitude", "longitude"), ("postcode_prefix", "region"))


def _article_problems(cells: Cells, odd_too: bool) -> list[str]:
    found = [name_problem("sku", cells["sku"])]
    if odd_too and not found[0]:
        found = [oddity("sku", cells["sku"])]
    for name, (_, read) in _ARTICLE.items():
        found.append(_problem(name, cells.get(name, ""), read))
    price, currency = cells.get("price", ""), cells.get("currency", "")
    if bool(price) != bool(currency):
        found.append("price: give price and currency together, or neither")
    elif price:
        found.append(_problem("price", price, lambda text: minor_units(text, currency)))
    return found


def _problem(name: str, text: str, read: Callable[[str], Any]) -> str:
    """Why a cell cannot be read; "" if it can, or is empty."""
    try:
        if text:
            read(text)
    except ValueError as error:
        return f"{name}: {error}"
    return ""


def _article(line: int, cells: Cells) -> CatalogueRow:
    """An article. Where it is new, its title is its SKU, and its merchant the shop's own."""
    sku = cells["sku"]
    article = pb.Article(sku=sku, title=sku, merchant_id="default")
    given = []
    for name, (field, read) in _ARTICLE.items():
        if cells.get(name):
            given.append(field)
            value = read(cells[name])
            if value is not None:
                setattr(article, field, value)
    if cells.get("price"):
        given.append("price_minor")
        article.price_minor = minor_units(cells["price"], cells["currency"])
    return CatalogueRow(line, article, tuple(given) or ("sku",))


def _where_problems(cells: Cells) -> list[str]:
    """Why a line does not say where something is: its country and degrees."""
    found = [
        "" if re.fullmatch("[A-Z]{2}", cells["country"]) else "country: must be two capital letters"
    ]
    for name, most in (("latitude", 90.0), ("longitude", 180.0)):
        text = cells.get(name, "")
        if not _DEGREES.fullmatch(text) or abs(float(text)) > most:
            found.append(f"{name}: must be degrees from -{most:g} to {most:g}; got {text[:80]!a}")
    return found


def _warehouse_problems(cells: Cells, odd_too: bool) -> list[str]:
    found = [name_problem("location", cells["location"])]
    if odd_too and not found[0]:
        found = [oddity("location", cells["location"])]
    degrees = cells.get("latitude", "") + cells.get("longitude", "")
    found += _where_problems(cells) if degrees else _where_problems(cells)[:1]
    found += [_problem(name, cells.get(name, ""), read) for name, read in _WAREHOUSE.items()]
    return found


def _warehouse(line: int, cells: Cells) -> CatalogueRow:
    given = {name: read(cells[name]) for name, read in _WAREHOUSE.items() if cells.get(name)}
    given["country"] = cells["country"]
    warehouse = pb.Warehouse(location=cells["location"], **given)
    return CatalogueRow(line, warehouse, tuple(sorted(given)))


def _place_problems(cells: Cells, _odd_too: bool) -> list[str]:
    found = _where_problems(cells)
    if cells.get("postcode_prefix") and cells.get("region"):
        found.append("region: not together with a postcode_prefix")
    return found


def _place_key(cells: Cells) -> tuple[str, ...]:
    return cells["country"], cells.get("postcode_prefix", ""), cells.get("region", "")


def _place(line: int, cells: Cells) -> CatalogueRow:
    country, prefix, region = _place_key(cells)
    place = pb.Place(
        country=country,
        postcode_prefix=prefix,
        region=region,
        latitude=float(cells["latitude"]),
        longitude=float(cells["longitude"]),
    )
    return CatalogueRow(line, place, ())


ARTICLES: Kind[CatalogueRow] = Kind(
    ARTICLE_COLUMNS,
    _article_problems,
    _article,
    key=lambda cells: (cells["sku"],),
    named=lambda cells: f"sku {cells['sku']}",
)
WAREHOUSES: Kind[CatalogueRow] = Kind(
    WAREHOUSE_COLUMNS,
    _warehouse_problems,
    _warehouse,
    key=lambda cells: (cells["location"],),
    named=lambda cells: f"warehouse {cells['location']}",
)
PLACES: Kind[CatalogueRow] = Kind(
    PLACE_COLUMNS,
    _place_problems,
    _place,
    key=_place_key,
    named=lambda cells: " ".join(filter(None, _place_key(cells))),
)
