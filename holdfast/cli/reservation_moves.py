"""`holdfast reservation reserve|confirm|cancel|ship|return`: what an order service does, by hand.

Each movement has an id, made and printed unless given: the same id moves units once.
"""

import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from holdfast.cli.arguments import DispositionName, DurationMs, units_of_article
from holdfast.cli.asking import Yes, make_sure
from holdfast.cli.connection import DEFAULT_CONNECTION, Connection
from holdfast.cli.failures import usage_failure
from holdfast.cli.reservation_results import print_result

if TYPE_CHECKING:
    from holdfast.commands import LineLike
    from holdfast.sync_client import SyncClient
    from holdfast.types import Reservation, Result


def _check_units(_type: object, given: str | Sequence[str] | None) -> None:
    for text in (given,) if isinstance(given, str) else given or ():
        units_of_article(text)


ReservationId = Annotated[str, Parameter(help="The id its order service gave it.")]
Units = Annotated[
    str,
    Parameter(
        validator=_check_units,
        metavar="SKU=QUANTITY",
        negative=(),
        help="What of it, SKU=QUANTITY each [default: all that is left].",
    ),
]
Location = Annotated[
    str, Parameter(help="Where those units are [default: the one location that has the SKU].")
]
MovementId = Annotated[
    str, Parameter(name="--id", help="The id that makes it happen once; made unless given.")
]


def reserve(
    reservation_id: Annotated[str, Parameter(help="A new id, which makes it happen once.")],
    /,
    *units: Annotated[
        str,
        Parameter(
            validator=_check_units, metavar="SKU=QUANTITY", negative=(), help="What to hold."
        ),
    ],
    location: str = "default",
    buyer: str = "",
    ttl: DurationMs = 0,
    in_exchange_for: str = "",
    exchanged: Annotated[
        list[str] | None,
        Parameter(validator=_check_units, metavar="SKU=QUANTITY", negative=()),
    ] = None,
    connection: Connection = DEFAULT_CONNECTION,
) -> None:
    """Holds units for a buyer until a deadline, all of them or none.

    For example:
      holdfast reservation reserve order-1 MUG=2 --buyer customer-7
      holdfast reservation reserve order-2 MUG=1 --in-exchange-for order-1
      holdfast reservation reserve o-2 CUP=1 --in-exchange-for o-1 --exchanged M=1

    Parameters
    ----------
    location
        Where the units are.
    buyer
        Who buys, for the limit per buyer [default: in an exchange the other one's buyer].
    ttl
        How long, such as 90s, 15m or 1h30m [default: 15m].
    in_exchange_for
        The reservation whose shipped units the buyer gives back: they stop counting.
    exchanged
        Which of its units, SKU=QUANTITY each [default: all that the buyer has].
    """
    from holdfast.commands import ExchangedUnits

    if not units:
        raise usage_failure("say what to hold, as SKU=QUANTITY")
    if exchanged and not in_exchange_for:
        raise usage_failure("--exchanged needs --in-exchange-for RESERVATION")
    lines = [(*units_of_article(text), location) for text in units]
    with connection.client(lost_hint="Repeating it is safe") as client:
        other = None
        if in_exchange_for:
            known = client.get_reservation(in_exchange_for)
            buyer = buyer or known.buyer_id
            there = [_line(text, "", known) for text in exchanged or ()]
            other = ExchangedUnits(in_exchange_for, there)
        result = client.reserve(
            reservation_id, lines, ttl_ms=ttl, buyer_id=buyer, in_exchange_for=other
        )
    print_result(reservation_id, result, connection, "Reserved", other_id=in_exchange_for)


def confirm(
    reservation_id: ReservationId,
    /,
    *,
    reacquire: bool = False,
    connection: Connection = DEFAULT_CONNECTION,
) -> None:
    """Sells a live reservation.

    For example:
      holdfast reservation confirm order-1
      holdfast reservation confirm order-1 --reacquire

    Parameters
    ----------
    reacquire
        Take the stock again if the reservation has expired and there is enough.
    """
    hint = "Repeating it is safe"
    with connection.client(lost_hint=hint) as client:
        result = client.confirm(reservation_id, reacquire_if_expired=reacquire)
    print_result(reservation_id, result, connection, "Confirmed")


# What becomes of cancelled units, as a person is asked before.
_AFTER_CANCEL = {
    "RESELLABLE": "It goes on sale again.",
    "DAMAGED": "It is taken out of what is on hand, and counted as damaged.",
    "LOST": "It is taken out of what is on hand: it could not be found.",
}


def cancel(
    reservation_id: ReservationId,
    /,
    *units: Units,
    location: Location = "",
    disposition: DispositionName = "RESELLABLE",
    id_: MovementId = "",
    yes: Yes = False,
    connection: Connection = DEFAULT_CONNECTION,
) -> None:
    """Takes back the sale of units that were not shipped.

    Of an order of the order service use `holdfast orders cancel`, or its books
    and the stock no longer agree.

    For example:
      holdfast reservation cancel order-1
      holdfast reservation cancel order-1 MUG=1 --id cancel-7
      holdfast reservation cancel order-1 MUG=1 --disposition lost

    Parameters
    ----------
    disposition
        What became of them: resellable, damaged, or lost where nobody found them.
    """
    from holdfast.types import Disposition

    what = " ".join(units) or "all that is left"
    make_sure(f"Cancel {what} of {reservation_id}? {_AFTER_CANCEL[disposition]}", yes=yes)
    _move(
        reservation_id,
        units,
        location,
        ("cancellation_id", id_ or _new_id("can")),
        connection,
        lambda client, name, lines: client.cancel(
            reservation_id, name, lines, disposition=Disposition[disposition]
        ),
        "Cancelled",
    )


def ship(
    reservation_id: ReservationId,
    /,
    *units: Units,
    location: Location = "",
    id_: MovementId = "",
    connection: Connection = DEFAULT_CONNECTION,
) -> None:
    """Takes sold units out of the stock: they have left the building.

    For example:
      holdfast reservation ship order-1
      holdfast reservation ship order-1 MUG=1 --id parcel-1
    """
    _move(
        reservation_id,
        units,
        location,
        ("shipment_id", id_ or _new_id("ship")),
        connection,
        lambda client, name, lines: client.ship(reservation_id, name, lines),
        "Shipped",
    )


def return_units(
    reservation_id: ReservationId,
    /,
    *units: Units,
    location: Location = "",
    to_location: str = "",
    for_exchange: str = "",
    disposition: DispositionName | None = None,
    damaged: bool = False,
    id_: MovementId = "",
    connection: Connection = DEFAULT_CONNECTION,
) -> None:
    """Takes shipped units back into the stock.

    For example:
      holdfast reservation return order-1 MUG=1
      holdfast reservation return order-1 --to-location bj
      holdfast reservation return order-1 --disposition damaged --id return-7

    Parameters
    ----------
    to_location
        The location that takes them [default: where they were sold from].
    for_exchange
        The reservation that was made in exchange for them: the limit is not given back
        twice.
    disposition
        What became of them: resellable, damaged, or lost [default: resellable].
    damaged
        Short for --disposition damaged.
    """
    from holdfast.types import Disposition

    if damaged and disposition not in (None, "DAMAGED"):
        raise usage_failure(f"give either --damaged or --disposition {disposition.lower()}")
    became = Disposition[disposition or ("DAMAGED" if damaged else "RESELLABLE")]
    _move(
        reservation_id,
        units,
        location,
        ("return_id", id_ or _new_id("ret")),
        connection,
        lambda client, name, lines: client.return_units(
            reservation_id,
            name,
            lines,
            disposition=became,
            to_location=to_location,
            for_exchange=for_exchange,
        ),
        "Returned",
    )


def _new_id(kind: str) -> str:
    return f"{kind}-{uuid.uuid4().hex}"


def _move(
    reservation_id: str,
    units: Sequence[str],
    location: str,
    named: tuple[str, str],
    connection: Connection,
    send: Callable[["SyncClient", str, "Sequence[LineLike]"], "Result"],
    done: str,
) -> None:
    """Sends a movement under its id, and prints what came of it."""
    name, movement_id = named
    hint = f"If it may have been done, repeat it with --id {movement_id}"
    with connection.client(lost_hint=hint) as client:
        lines: list[Any] = []
        if units:
            reservation = client.get_reservation(reservation_id)
            lines = [_line(text, location, reservation) for text in units]
        result = send(client, movement_id, lines)
    print_result(reservation_id, result, connection, done, **{name: movement_id})


def _line(text: str, location: str, reservation: "Reservation") -> tuple[str, int, str]:
    """A line as it was typed, at the location that is given or that alone has the SKU."""
    sku, quantity = units_of_article(text)
    places = [location] if location else [it.location for it in reservation.lines if it.sku == sku]
    if len(places) > 1:
        raise usage_failure(f"{sku} is at {', '.join(places)}: say where with --location")
    return sku, quantity, places[0] if places else "default"
