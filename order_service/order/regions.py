"""The regions of a country, found by any of the names that people write for them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final, NamedTuple

from order_service.order.region_names import (
    KINDS_BEHIND,
    KINDS_BESIDE,
    NAMES_OF_TODAY,
    NEW_REGIONS,
    OTHER_NAMES,
    SAME_SIGN,
)
from order_service.order.text import folded

BEGINNING_LENGTH_MIN: Final = 2
SPELLINGS_KEPT: Final = 1_000
"""Names of a country's regions, as people have written them, of which it is kept what they mean."""

_NAME_LISTS: Final = ("sub_keys", "sub_names", "sub_lnames", "sub_lfnames")
# Countries whose data has postcodes of towns only, and how many of their digits tell the region.
_REGION_DIGITS: Final = {"CN": 2}


class Region(NamedTuple):
    """A province, state or prefecture."""

    name: str
    """As its country writes it."""
    key: str
    """The data's name of it."""
    postcodes: "re.Pattern[str] | None"
    """How its postcodes begin."""


class Regions:
    """The regions of one country."""

    def __init__(self, names: Iterable[tuple[str, Region]]) -> None:
        """`names` are the regions, each with every name that it has."""
        known = list(names)
        signs = [(sign_of(name), region) for name, region in known]
        self._named = dict(reversed(signs))  # the first name of two that are equal counts
        self._bare = _unambiguous((_bare(name), region) for name, region in known)
        self._begun = _unambiguous(
            (sign[:end], region)
            for sign, region in signs
            for end in range(BEGINNING_LENGTH_MIN, len(sign))
        )
        # Buyers of a country live in few regions, and write them in few ways.
        self._found = lru_cache(SPELLINGS_KEPT)(self._find)

    def __bool__(self) -> bool:
        return bool(self._named)

    def find(self, typed: str) -> Region | None:
        """The region of a name, in any spelling, or of how only the names of one begin: nobody
        types 内蒙古自治区 in full.
        """
        return self._found(typed)

    def _find(self, typed: str) -> Region | None:
        sign, bare = sign_of(typed), _bare(typed)
        return (
            self._named.get(sign)
            or self._named.get(bare)
            or self._bare.get(bare)
            or self._begun.get(sign)
            or self._begun.get(bare)
        )

    def nearest(self, typed: str) -> Region:
        """The region that has the name which is most like a text."""
        close = get_close_matches(sign_of(typed), self._named, n=1, cutoff=0)
        return self._named[close[0]]


def regions_of(country: str, data: Mapping[str, Any]) -> Regions:
    """The regions of a country by the names they have in any of its languages, and others."""
    beginnings = _beginnings(country, data)
    today = NAMES_OF_TODAY.get(country, {})
    of_keys: dict[str, Region] = {
        key: Region(key, key, None) for key in NEW_REGIONS.get(country, ())
    }
    names = list(of_keys.items())
    for key, name in _named_keys(country, data):
        if key not in of_keys:
            prefix = data.get(f"{country}/{key}", {}).get("zip") or beginnings.get(key)
            postcodes = re.compile(prefix, re.ASCII) if prefix else None
            of_keys[key] = Region(today.get(key, key), key, postcodes)
            names.append((of_keys[key].name, of_keys[key]))
        names.append((name, of_keys[key]))
    others = OTHER_NAMES.get(country, {})
    return Regions([*names, *((name, of_keys[key]) for name, key in others.items())])


def sign_of(name: str) -> str:
    """A name as it is compared: `folded`, with one sign for those that stand for each other."""
    return folded(name).translate(SAME_SIGN)


def _bare(name: str) -> str:
    """The sign of a name without the kind of region that it names, such as Province or 省."""
    words = [word for word in re.split(r"[\s-]+", name) if folded(word) not in KINDS_BESIDE]
    return KINDS_BEHIND.sub("", sign_of(" ".join(words)))


def _named_keys(country: str, data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The data's key of each region with each of its names: lists of names are in the order of the
    list of keys of the same language.
    """
    for tag, row in data.items():
        if tag == country or tag.startswith(f"{country}--"):
            keys = row.get("sub_keys", "").split("~")
            for names in _NAME_LISTS:
                pairs = zip(keys, row.get(names, "").split("~"), strict=False)
                yield from ((key, name) for key, name in pairs if name)


def _beginnings(country: str, data: Mapping[str, Any]) -> Mapping[str, str]:
    """By key: how the postcodes of a region begin, by those of its towns, where the data tells no
    more than these.
    """
    digits = _REGION_DIGITS.get(country)
    found: defaultdict[str, set[str]] = defaultdict(set)
    if digits:
        for tag, row in data.items():
            _, _, below = tag.partition("/")
            for postcode in re.findall("[0-9]+", row.get("sub_zipexs", "") if below else ""):
                found[below.partition("/")[0]].add(postcode[:digits])
    return {key: "|".join(sorted(starts)) for key, starts in found.items()}


def _unambiguous(names: Iterable[tuple[str, Region]]) -> Mapping[str, Region]:
    """The regions by those names that only one of them has."""
    regions: dict[str, Region | None] = {}
    for name, region in names:
        other = regions.setdefault(name, region)
        if other is not None and other.key != region.key:
            regions[name] = None
    return {name: region for name, region in regions.items() if name and region is not None}
