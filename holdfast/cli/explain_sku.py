"""`holdfast explain SKU`: its levels, the reservations that hold or held it, and their orders."""

from typing import TYPE_CHECKING, NamedTuple

from holdfast.cli.connection import Connection
from holdfast.cli.failures import UNREACHABLE, Failure
from holdfast.cli.orders.connection import OrdersConnection
from holdfast.cli.output import print_json, print_remark, table_of
from holdfast.cli.timeline import Happening, in_the_stock, order_of, print_timeline

if TYPE_CHECKING:
    from holdfast.types import Reservation, StockLevel

# Reservations that hold it, and as many that held it before.
HOLDERS_MAX = 100
NO_ORDER = "-"


class Holders(NamedTuple):
    """The reservations that have a line of a SKU."""

    now: list["Reservation"]
    before: list["Reservation"]
    """The reservations that hold nothing any more: shipped, given back or expired."""
    truncated: bool


class States(NamedTuple):
    """Where orders are."""

    by_order: dict[str, str]
    silent: str = ""
    """Why the order service does not answer, if it does not."""


def explain_sku(
    sku: str, levels: list["StockLevel"], connection: Connection, orders: OrdersConnection
) -> None:
    """Prints what is known of a SKU."""
    holders = _holders(connection, sku)
    states = _states(orders, [*holders.now, *holders.before])
    timeline = sku_happenings(holders, sku, states.by_order)
    if connection.as_json:
        print_json(
            {
                "kind": "sku",
                "sku": sku,
                "levels": levels,
                "holders": holders.now,
                "held_before": holders.before,
                "truncated": holders.truncated,
                "orders": states.by_order,
                "orders_silent": states.silent,
                "timeline": [happening._asdict() for happening in timeline],
            }
        )
        return
    _print_levels(levels)
    _print_holders(holders.now, sku, states.by_order)
    print_timeline(timeline)
    if holders.truncated:
        print_remark(f"More than {HOLDERS_MAX} hold it, or did; not all are shown.")
    if states.silent:
        print_remark(f"Where their orders are is not known: {states.silent}.")


def sku_happenings(holders: Holders, sku: str, states: dict[str, str]) -> list[Happening]:
    """The events of a SKU's units, the oldest first, with the states of their orders."""
    found: list[Happening] = []
    for holder in (*holders.now, *holders.before):
        state = states.get(order_of(holder.reservation_id))
        for each in in_the_stock(holder, holder.reservation_id, sku):
            now = f"the order is {state}" if state else ""
            found.append(each._replace(why=", ".join(filter(None, (each.why, now)))))
    return sorted(found, key=lambda happening: happening.at_ms)


def _holders(connection: Connection, sku: str) -> Holders:
    """Reads reservations until there are enough of both kinds."""
    from holdfast.types import State

    now: list[Reservation] = []
    before: list[Reservation] = []
    with connection.client() as client:
        for found in client.list_reservations(sku=sku):
            live = found.state in (State.RESERVED, State.CONFIRMED)
            (now if live else before).append(found)
            if min(len(now), len(before)) > HOLDERS_MAX:
                break
    truncated = max(len(now), len(before)) > HOLDERS_MAX
    return Holders(now[:HOLDERS_MAX], before[:HOLDERS_MAX], truncated)


def _states(orders: OrdersConnection, reservations: list["Reservation"]) -> States:
    """The states of the orders of reservations; a reservation without an order has none."""
    import asyncio

    from holdfast.cli.orders.tables import state_of
    from holdfast.errors import HoldfastError
    from holdfast.orders import OrderClient

    ids = sorted({order_of(found.reservation_id) for found in reservations})

    async def state(client: OrderClient, order_id: str) -> str:
        try:
            return state_of(await client.get(order_id))
        except HoldfastError as error:
            if error.reason in ("ORDER_NOT_FOUND", "INVALID_FIELD"):
                return ""
            raise

    async def asked(client: OrderClient) -> list[str]:
        return await asyncio.gather(*(state(client, order_id) for order_id in ids))

    try:
        found = orders.run(asked) if ids else []
    except Failure as failure:
        if failure.exit_status != UNREACHABLE:
            raise
        return States({}, failure.message)
    return States({order_id: where for order_id, where in zip(ids, found, strict=True) if where})


_print_levels = table_of(
    {
        "SKU": "sku",
        "Location": "location",
        "On hand": "on_hand",
        "Reserved": "reserved",
        "Confirmed": "confirmed",
        "Damaged": "damaged",
        "Incoming": "incoming",
        "Safety": "safety_stock",
        "Available": "available",
    }
)


def _print_holders(holders: list["Reservation"], sku: str, states: dict[str, str]) -> None:
    def held(holder: "Reservation") -> int:
        lines = [line for line in holder.lines if line.sku == sku]
        return sum(line.quantity - line.shipped - line.cancelled for line in lines)

    print_them = table_of(
        {
            "Held by": "reservation_id",
            "State": "state",
            "Order is": lambda holder: states.get(order_of(holder.reservation_id), NO_ORDER),
            "Units": held,
            "Buyer": "buyer_id",
            "Since": "created_at_ms",
            "Deadline": "expires_at_ms",
        }
    )
    print_them(holders)
