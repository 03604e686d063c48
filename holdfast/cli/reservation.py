"""`holdfast reservation ...`: what is held, sold and shipped, and for whom."""

from collections.abc import Callable
from heapq import nsmallest
from typing import TYPE_CHECKING, Any, Final

from cyclopts import App

from holdfast.cli.arguments import (
    LIST_LIMIT_DEFAULT,
    OPERATE,
    DurationMs,
    Limit,
    MomentMs,
    SortName,
    StateName,
)
from holdfast.cli.connection import DEFAULT_CONNECTION, Connection
from holdfast.cli.failures import usage_failure
from holdfast.cli.lists import print_rows
from holdfast.cli.output import NOTHING_FITS, print_json, print_remark, print_table, table_of
from holdfast.cli.reservation_moves import cancel, confirm, reserve, return_units, ship
from holdfast.cli.reservation_results import print_result
from holdfast.cli.times import left_or_ago, local_iso, now_ms

if TYPE_CHECKING:
    from holdfast.types import Reservation

app = App(name="reservation", group=OPERATE, help="Reads reservations, and moves them by hand.")

app.command(reserve)
app.command(confirm)
app.command(cancel)
app.command(ship)
app.command(return_units, name="return")

THERE_ARE_MORE = "There are more: raise --limit, or narrow with --state, --sku or --buyer."
_SORTS: "Final[dict[str, Callable[[Reservation], Any]]]" = {
    "AGE": lambda reservation: (reservation.created_at_ms, reservation.reservation_id),
    "DEADLINE": lambda reservation: (reservation.expires_at_ms, reservation.reservation_id),
}

print_lines = table_of(
    {
        "SKU": "sku",
        "Location": "location",
        "Quantity": "quantity",
        "Shipped": "shipped",
        "Cancelled": "cancelled",
        "Returned": "returned",
        "Exchanged": "exchanged",
    }
)


@app.command
def get(reservation_id: str, /, *, connection: Connection = DEFAULT_CONNECTION) -> None:
    """Shows one reservation.

    For example:
      holdfast reservation get order-1
      holdfast reservation get order-1 -o json

    Parameters
    ----------
    reservation_id
        The id its order service gave it.
    """
    with connection.client() as client:
        reservation = client.get_reservation(reservation_id)
    if connection.as_json:
        print_json({"reservation": reservation})
        return
    print_table(*_facts(reservation))
    if reservation.lines:
        print_lines(reservation.lines)
    else:
        print("It has no lines: it was released before it was made.")


@app.command(name="list")
def list_(
    *,
    state: StateName | None = None,
    sku: str = "",
    buyer: str = "",
    older_than: DurationMs = 0,
    due_within: DurationMs = 0,
    sort: SortName | None = None,
    limit: Limit = LIST_LIMIT_DEFAULT,
    connection: Connection = DEFAULT_CONNECTION,
) -> None:
    """Lists reservations, in no particular order or sorted.

    For example:
      holdfast reservation list --state reserved --sku SKU-1
      holdfast reservation list --state confirmed --older-than 7d --sort age
      holdfast reservation list --state reserved --due-within 5m --sort deadline
      holdfast reservation list --buyer customer-7 -o json

    Parameters
    ----------
    state
        Only those in this state: reserved, confirmed, released, expired, fulfilled or cancelled.
    sku
        Only those with a line of this article.
    buyer
        Only those of this buyer.
    older_than
        Only those that were made longer ago, such as 90s, 15m or 1h30m.
    due_within
        Only those whose deadline is over or comes so soon.
    sort
        By age, the oldest first, or by deadline, the nearest first. All that fit are read first.
    """
    from holdfast.types import State

    now = now_ms()
    with connection.client() as client:
        matching = client.list_reservations(
            State[state] if state else None,
            sku,
            buyer,
            created_before_ms=now - older_than if older_than else 0,
            expires_before_ms=now + due_within if due_within else 0,
        )
        if sort:
            matching = iter(nsmallest(limit + 1, matching, key=_SORTS[sort]))
        table = None if connection.as_json else _print_reservations.parts
        found = print_rows(matching, "reservations", limit, table, more=THERE_ARE_MORE)
    if not found and not connection.as_json:
        print_remark(NOTHING_FITS)


@app.command
def release(
    reservation_id: str,
    /,
    *,
    tombstone: bool = False,
    connection: Connection = DEFAULT_CONNECTION,
) -> None:
    """Gives a live reservation's units back to sale.

    An id never seen is refused, because it is likely mistyped. To make sure that
    a Reserve of it that is still on its way is refused when it arrives, use
    --tombstone.

    For example:
      holdfast reservation release order-1

    Parameters
    ----------
    reservation_id
        The id its order service gave it.
    tombstone
        Release an id never seen too, so that it can no longer be reserved.
    """
    hint = "" if tombstone else "Nothing was changed"
    with connection.client(hint) as client:
        if not tombstone:
            client.get_reservation(reservation_id)
        result = client.release(reservation_id)
    print_result(reservation_id, result, connection, "Released")


@app.command
def extend(
    reservation_id: str,
    /,
    *,
    ttl: DurationMs | None = None,
    until: MomentMs | None = None,
    connection: Connection = DEFAULT_CONNECTION,
) -> None:
    """Moves a live reservation's deadline, to at most 7 days from now.

    For example:
      holdfast reservation extend order-1 --ttl 15m
      holdfast reservation extend order-1 --until 2030-01-31T18:00

    Parameters
    ----------
    reservation_id
        The id its order service gave it.
    ttl
        How long from now, by this machine's clock: 90s, 15m, 1h30m.
    until
        The new deadline: an ISO time (local unless it has an offset) or milliseconds since 1970.
    """
    if ttl is not None and until is None:
        expires_at_ms = now_ms() + ttl
    elif until is not None and ttl is None:
        expires_at_ms = until
    else:
        raise usage_failure("give either --ttl DURATION or --until TIME, and not both")
    with connection.client() as client:
        result = client.extend(reservation_id, expires_at_ms)
    print_result(reservation_id, result, connection, "Extended")


def _facts(reservation: "Reservation") -> tuple[tuple[str, str], list[tuple[str, str]]]:
    """The table of what a reservation is, lines aside."""
    deadline = local_iso(reservation.expires_at_ms)
    if reservation.expires_at_ms:
        deadline += f" ({left_or_ago(reservation.expires_at_ms, now_ms())})"
    return ("Reservation", reservation.reservation_id), [
        ("State", reservation.state.name),
        ("Tenant", reservation.tenant),
        ("Buyer", reservation.buyer_id or "-"),
        ("Created", local_iso(reservation.created_at_ms)),
        ("Deadline", deadline),
        ("Updated", local_iso(reservation.updated_at_ms)),
    ]


def _left(reservation: "Reservation") -> str:
    live = reservation.state.name == "RESERVED"
    return left_or_ago(reservation.expires_at_ms, now_ms()) if live else ""


_print_reservations = table_of(
    {
        "Reservation": "reservation_id",
        "State": "state",
        "Lines": lambda reservation: len(reservation.lines),
        "Units": lambda reservation: sum(line.quantity for line in reservation.lines),
        "Buyer": "buyer_id",
        "Created": "created_at_ms",
        "Deadline": "expires_at_ms",
        "": _left,
    }
)
