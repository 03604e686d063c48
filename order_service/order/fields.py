"""The checks that fields of requests share. Each names the field that breaks its bounds.

Ids, names and units have the engine's bounds, because they go there.
"""

import re
from typing import Final

from holdfast.bounds import NAME_BYTES_MAX
from order_service.order.refusals import InvalidField
from order_service.order.text import tidied, unfit_in

ID_LENGTH_MAX: Final = 64
QUANTITY_MAX: Final = 1_000_000
MONEY_MINOR_MAX: Final = 10**12
SHOWN_LENGTH_MAX: Final = 80
EMAIL_LENGTH_MAX: Final = 254

is_id = re.compile(rf"[A-Za-z0-9._:-]{{1,{ID_LENGTH_MAX}}}").fullmatch
is_email = re.compile(r"[^\s@,;:<>()\[\]\"\\]{1,64}@(?:[\w-]{1,63}\.)+[\w-]{2,63}").fullmatch


def shown(value: object) -> str:
    """A value for a message, cut if it is long."""
    text = repr(value)
    return text if len(text) <= SHOWN_LENGTH_MAX else text[:SHOWN_LENGTH_MAX] + "..."


def concealed(value: str) -> str:
    """A text that a message may show for a personal value."""
    return f"{len(value)} characters"


def check_id(field: str, value: str, *, personal: bool = False) -> None:
    """Raises InvalidField unless a value is 1 to 64 characters of [A-Za-z0-9._:-].

    Whoever gives a `personal` one another form may have given a telephone number or an address.
    """
    if not is_id(value):
        problem = f"must be 1 to {ID_LENGTH_MAX} characters of A-Z a-z 0-9 . _ : -"
        raise InvalidField(field, problem, concealed(value) if personal else shown(value))


def check_name(field: str, value: str) -> None:
    """Raises InvalidField unless a value is 1 to 64 bytes of printable UTF-8."""
    if value.isprintable() and 0 < len(value.encode("utf-8", "replace")) <= NAME_BYTES_MAX:
        return
    problem = f"must be 1 to {NAME_BYTES_MAX} bytes of printable UTF-8"
    raise InvalidField(field, problem, shown(value))


def check_whole(field: str, value: int, least: int, most: int) -> None:
    """Raises InvalidField unless a number is within bounds."""
    if not least <= value <= most:
        raise InvalidField(field, f"must be {least:,} to {most:,}", value)


def check_money(field: str, value: int) -> None:
    """Raises InvalidField unless an amount is 0 to 10^12 minor units."""
    check_whole(field, value, 0, MONEY_MINOR_MAX)


def checked_text(
    field: str, value: str, length_max: int, *, length_min: int = 0, personal: bool = False
) -> str:
    """A text that a person typed, put in order on one line: runs of white space are one space.

    Raises InvalidField if it has a character that no text may have, or not `length_min` to
    `length_max` characters; what it says of a `personal` one is how long it is.
    """
    text = " ".join(tidied(value).split())
    _check_fit(field, text, length_min, length_max, value, personal)
    return text


def checked_lines_of_text(field: str, value: str, length_max: int) -> str:
    """A personal text that a person typed, of any number of lines. Raises InvalidField."""
    text = tidied(value)
    _check_fit(field, text, 0, length_max, value, True)
    return text


def _check_fit(
    field: str, text: str, length_min: int, length_max: int, typed: str, personal: bool
) -> None:
    """Raises InvalidField unless a text has its length and no character that none may have."""
    has_length = length_min <= len(text) <= length_max
    unfit = unfit_in(text) if has_length else ""
    if has_length and not unfit:
        return
    length = f"{length_min:,} to {length_max:,}" if length_min else f"at most {length_max:,}"
    problem = f"must be a text without {unfit}" if unfit else f"must be {length} characters"
    raise InvalidField(field, problem, concealed(typed) if personal else shown(typed))
