"""The tables of the catalogue.

Each row of the catalogue has the version of its shop's catalogue in which it was last put, so that
who knows a version reads only what is newer.
"""

from typing import Any, Final

from sqlalchemy import (
    REAL,
    CheckConstraint,
    Column,
    Double,
    Index,
    PrimaryKeyConstraint,
)

from order_service.storage.columns import count, small, whole, words
from order_service.storage.schema import table

# STRICT tables have REAL, which holds 64 bits there, and no DOUBLE PRECISION.
_DEGREES: Final[Any] = Double().with_variant(REAL, "sqlite")


def _degrees(name: str, *, nullable: bool = False) -> "Column[float]":
    return Column(name, _DEGREES, nullable=nullable)


catalogues = table(
    "catalogues",
    words("tenant"),
    count("version"),
    PrimaryKeyConstraint("tenant"),
)

articles = table(
    "articles",
    words("tenant"),
    words("sku"),
    words("merchant_id"),
    words("title"),
    whole("price_minor"),
    words("currency"),
    words("zone"),
    whole("weight_g"),
    whole("temperature_min_millicelsius", nullable=True),
    whole("temperature_max_millicelsius", nullable=True),
    small("customised"),
    small("fragile"),
    small("withdrawn"),
    count("version"),
    PrimaryKeyConstraint("tenant", "sku"),
    CheckConstraint("price_minor >= 0 AND weight_g >= 0", name="nothing_is_negative"),
)
Index("ix_articles_version", articles.c.tenant, articles.c.version)

warehouses = table(
    "warehouses",
    words("tenant"),
    words("location"),
    words("country"),
    _degrees("latitude", nullable=True),
    _degrees("longitude", nullable=True),
    count("priority"),
    small("closed"),
    count("version"),
    PrimaryKeyConstraint("tenant", "location"),
)

places = table(
    "places",
    words("tenant"),
    words("country"),
    words("postcode_prefix"),
    words("region"),
    _degrees("latitude"),
    _degrees("longitude"),
    count("version"),
    PrimaryKeyConstraint("tenant", "country", "region", "postcode_prefix"),
)
