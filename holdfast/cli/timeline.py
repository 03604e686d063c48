"""The events that `holdfast explain` puts in order: of an order, a reservation or a SKU."""

import re
from typing import TYPE_CHECKING, NamedTuple

from holdfast.cli.output import table_of

if TYPE_CHECKING:
    from holdfast.types import Reservation

# The id of an order, and after it a kind of its parts (or of a replacement's reservation) and a
# number. Which letters there are, the order service knows.
_PART = re.compile(r"([0-9]{19})-[a-z][0-9]+")


class Happening(NamedTuple):
    """An event of the timeline: when it happened, to which subject, by whom and why."""

    at_ms: int
    subject: str
    """`order`, `stock`, or the id of a part of the order or of a reservation."""
    what: str
    by: str = ""
    why: str = ""


def order_of(thing: str) -> str:
    """The order that a part belongs to; anything else as it is."""
    part = _PART.fullmatch(thing)
    return part[1] if part else thing


def in_the_stock(reservation: "Reservation", subject: str, sku: str = "") -> list[Happening]:
    """The events of a reservation, or of its units of a SKU.

    The engine keeps when a reservation was made and when it last changed.
    """
    units = sum(line.quantity for line in reservation.lines if sku in ("", line.sku))
    made = Happening(reservation.created_at_ms, subject, "RESERVED", "engine", f"{units:,} units")
    if reservation.state.name == "RESERVED":
        return [made]
    last = Happening(reservation.updated_at_ms, subject, reservation.state.name, "engine")
    return [made, last]


print_timeline = table_of(
    {
        "When": "at_ms",
        "What": "subject",
        "Became": "what",
        "By": lambda happening: happening.by,
        "Why": lambda happening: happening.why,
    }
)
