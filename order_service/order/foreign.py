"""Bounds of what others say: providers and carriers, whose words go into our database.

A number or a name beyond them says nothing that can be used. A text for people is put in order and
cut instead, because what it is about counts all the same.
"""

import re
from typing import Final

FOREIGN_MINOR_MAX: Final = 10**15
"""A thousand times the largest order: what was captured in all may be more than was asked for."""
FOREIGN_NAME_LENGTH_MAX: Final = 255
AT_MS_MAX: Final = 253_402_300_799_999
"""The end of the year 9999."""

_is_currency = re.compile(r"[A-Z]{3}|").fullmatch


class Unreadable(Exception):
    """A value that an outside gave is beyond its bounds; names the field, not the value."""


def check_foreign_name(field: str, value: str) -> None:
    """Raises Unreadable unless a number or name of theirs is printable and short; "" is."""
    if len(value) > FOREIGN_NAME_LENGTH_MAX or not value.isprintable():
        raise Unreadable(f"its {field} is not up to {FOREIGN_NAME_LENGTH_MAX} printable characters")


def check_foreign_money(field: str, minor: int, currency: str = "") -> None:
    """Raises Unreadable unless an amount is 0 to 10^15 minor units, of a currency or of ""."""
    if not 0 <= minor <= FOREIGN_MINOR_MAX:
        raise Unreadable(f"its {field} is not 0 to {FOREIGN_MINOR_MAX:,}")
    if not _is_currency(currency):
        raise Unreadable("its currency is not three capital letters")


def check_foreign_whole(field: str, value: int, most: int) -> None:
    """Raises Unreadable unless a number is 0 to `most`."""
    if not 0 <= value <= most:
        raise Unreadable(f"its {field} is not 0 to {most:,}")


def foreign_time(at_ms: int) -> int:
    """A time of theirs; 0, which is "not told", for one that no calendar has."""
    return at_ms if 0 <= at_ms <= AT_MS_MAX else 0


def foreign_text(value: str, length_max: int) -> str:
    """A text of theirs for people: on one line, without what cannot be printed, cut."""
    return "".join(filter(str.isprintable, " ".join(value.split())))[:length_max]
