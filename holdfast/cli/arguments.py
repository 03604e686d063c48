"""The headings of `--help`, and the types of arguments that cyclopts lacks or reads leniently.

cyclopts rounds 2.6 to 3 and reads 0x10 as 16: nothing to guess about when it is stock.
"""

import re
from collections.abc import Callable, Sequence
from enum import Enum
from functools import partial
from typing import Annotated, Any, NamedTuple

from cyclopts import Group, Parameter, Token

from holdfast.cli.times import duration_ms, moment_ms

# The headings of `--help`, in their order.
RUN = Group("Run", sort_key=1)
OPERATE = Group("Operate", sort_key=2)
SET_UP = Group("Set up", sort_key=3)
SERVER_AND_OUTPUT = Group("Server and output", sort_key=4)

ORDERS = Group("Orders", sort_key=11)
MONEY = Group("Money", sort_key=12)
PARCELS = Group("Warehouse and parcels", sort_key=13)
CASES = Group("Cases", sort_key=10)
SERVICE = Group("The service", sort_key=14)

PORT_MAX = 65_535
LIST_LIMIT_DEFAULT = 100

_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


def whole_number(text: str, least: int | None = None, most: int | None = None) -> int:
    """The number a text is, in digits. ValueError if it is none, or out of range."""
    number = int(text) if _WHOLE_NUMBER.fullmatch(text) else None
    if number is None:
        raise ValueError(f"must be a whole number such as 50; got {text!r}")
    if (least is not None and number < least) or (most is not None and number > most):
        bounds = f"from {least} to {most}" if most is not None else f"{least} or more"
        raise ValueError(f"must be {bounds}; got {number}")
    return number


class ArticleUnits(NamedTuple):
    """Units of an article."""

    sku: str
    quantity: int


def units_of_article(text: str) -> ArticleUnits:
    """Reads `SKU=QUANTITY`. Raises ValueError."""
    sku, equals, quantity = text.rpartition("=")
    if not (sku and equals):
        raise ValueError(f"must be SKU=QUANTITY such as MUG=2; got {text!r}")
    return ArticleUnits(sku, whole_number(quantity, least=1))


def decimal_number(text: str) -> float:
    """The number a text is, such as 0.8: not negative, no exponent. ValueError if it is none."""
    if not _DECIMAL_NUMBER.fullmatch(text):
        raise ValueError(f"must be a number such as 0.8; got {text!r}")
    return float(text)


def read_as(convert: Callable[[str], Any], metavar: str | None = None) -> Parameter:
    """A parameter of one word, read by `convert`, whose ValueError becomes a usage error."""

    def converter(_type: Any, tokens: Sequence[Token]) -> Any:
        return convert(tokens[0].value)

    return Parameter(converter=converter, metavar=metavar, n_tokens=1)


def named(names: Sequence[str], metavar: str) -> Parameter:
    """A parameter that is one of some names, whatever its case; dashes are underlines.

    A shell completes them. That they are an enum has cyclopts read them in either spelling.
    """

    def converter(_type: Any, tokens: Sequence[Token]) -> str:
        return tokens[0].value.upper().replace("-", "_")

    members = {name: name for name in names}
    choices = Enum("Choices", members)  # type: ignore[misc]  # mypy wants to see the names
    return Parameter(converter=converter, metavar=metavar, choices=choices, show_choices=False)


# The states of reservations; a test holds them against the SDK's.
RESERVATION_STATES = ("RESERVED", "CONFIRMED", "RELEASED", "EXPIRED", "FULFILLED", "CANCELLED")

# Where units go that a buyer no longer has; a test holds them against the SDK's.
DISPOSITIONS = ("RESELLABLE", "DAMAGED", "LOST")

Units = Annotated[int, read_as(whole_number)]
Count = Annotated[int, read_as(partial(whole_number, least=1))]
Limit = Annotated[
    Count, Parameter(help="At most this many are shown; the output says if there are more.")
]
Port = Annotated[int, read_as(partial(whole_number, least=0, most=PORT_MAX))]
Ratio = Annotated[float, read_as(decimal_number)]
DurationMs = Annotated[int, read_as(duration_ms, "DURATION")]
MomentMs = Annotated[int, read_as(moment_ms, "TIME")]
SortName = Annotated[str, named(("AGE", "DEADLINE"), "SORT")]
DispositionName = Annotated[str, named(DISPOSITIONS, "DISPOSITION")]
StateName = Annotated[str, named(RESERVATION_STATES, "STATE")]
