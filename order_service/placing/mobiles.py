"""Mobile numbers in their plain form, which are most of all numbers, by the library's own data.

`phonenumbers` takes any text apart, in some 60 us. A text that is digits, with a space or hyphen
between them at most, is what it says: it needs only the patterns of its country. A test holds each
country's against the library.
"""

import re
from functools import cache
from typing import Final, NamedTuple

from phonenumbers import PhoneMetadata, region_code_for_country_code

_is_plain: Final = re.compile(r"\+?[0-9]+(?:[ -][0-9]+)*").fullmatch
_NOTHING: Final = r"(?!)"


class _Mobiles(NamedTuple):
    """The mobile numbers of a country."""

    code: str
    number: "re.Pattern[str]"
    prefix: "re.Pattern[str]"
    """The digits that may be dialled before a number at home; a carrier's are a group of it."""
    abroad: "re.Pattern[str]"
    """The digits that are dialled before a number of another country."""
    has_code_alone: bool
    """Whether the library reads numbers that begin with + and the code by this country's data."""


def mobile_of(typed: str, country: str) -> str | None:
    """The E.164 form of a mobile number of a country; None for what is written in another way, or
    is no such number: the library may know more.
    """
    mobiles = _mobiles_of(country)
    if mobiles is None or not _is_plain(typed):
        return None
    digits = typed.replace(" ", "").replace("-", "")
    if digits[0] == "+":
        if not mobiles.has_code_alone or not digits.startswith(mobiles.code, 1):
            return None
        digits = digits[1 + len(mobiles.code) :]
    elif mobiles.abroad.match(digits):
        return None
    prefix = mobiles.prefix.match(digits)
    if prefix is not None:
        if prefix.lastindex:
            return None
        digits = digits[prefix.end() :]
    return f"+{mobiles.code}{digits}" if mobiles.number.fullmatch(digits) else None


@cache
def _mobiles_of(country: str) -> _Mobiles | None:
    """The data of a country, by two capital letters; None if the library has none."""
    data = PhoneMetadata.metadata_for_region(country)
    if data is None or data.mobile is None or not data.mobile.national_number_pattern:
        return None
    code = data.country_code or 0
    return _Mobiles(
        str(code),
        re.compile(data.mobile.national_number_pattern),
        re.compile(data.national_prefix_for_parsing or _NOTHING),
        re.compile(data.international_prefix or _NOTHING),
        region_code_for_country_code(code) == country,
    )
