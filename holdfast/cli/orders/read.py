"""`holdfast orders get|list|timeline|receipt`: what is known about orders."""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from holdfast.cli.arguments import LIST_LIMIT_DEFAULT, Limit, MomentMs
from holdfast.cli.failures import Failure
from holdfast.cli.orders.arguments import OrderId, OrderStateName, SourceName
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, OrdersConnection, accepted
from holdfast.cli.orders.tables import (
    order_document,
    print_found,
    print_list,
    print_order,
    state_of,
)
from holdfast.cli.output import json_line, print_json, table_of
from holdfast.cli.times import local_iso
from holdfast.money import money_text
from holdfast.order.v1 import order_pb2 as pb

if TYPE_CHECKING:
    from holdfast.orders import OrderClient

FOLLOWED_EVERY_S = 1.0


def get(
    order_id: OrderId,
    /,
    *,
    personal: bool = False,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Shows one order with its lines, payments, refunds and parcels.

    For example:
      holdfast orders get 3766223186315821678
      holdfast orders get 3766223186315821678 --personal -o json

    Parameters
    ----------
    personal
        Show who receives it, and where, too.
    """
    order = connection.run(lambda client: client.get(order_id))
    if connection.as_json:
        print_json({"order": order_document(order, personal)})
    else:
        print_order(order, personal)


def list_(
    *,
    buyer: str = "",
    state: OrderStateName | None = None,
    source: SourceName | None = None,
    merchant: str = "",
    since: MomentMs | None = None,
    until: MomentMs | None = None,
    limit: Limit = LIST_LIMIT_DEFAULT,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Lists orders, the newest first.

    For example:
      holdfast orders list --state awaiting-payment
      holdfast orders list --buyer customer-7 --since 2030-01-31 -o json

    Parameters
    ----------
    buyer
        Only those of this buyer.
    state
        Only those in this state, such as awaiting-payment, confirmed or shipped.
    source
        Only those from web, app, phone, shop or import.
    merchant
        Only those of which this merchant has a part.
    since
        Only those placed then or later: an ISO time, or milliseconds since 1970.
    until
        Only those placed before.
    """
    request = pb.ListOrdersRequest(
        buyer_id=buyer,
        state=pb.Order.State.Value(state or "STATE_UNSPECIFIED"),
        source=pb.OrderSource.Value(f"ORDER_SOURCE_{source or 'UNSPECIFIED'}"),
        placed_from_at_ms=since or 0,
        placed_before_at_ms=until or 0,
        merchant_id=merchant,
    )
    print_list(connection, request, "orders", limit, _print_summaries)


_print_summaries = table_of(
    {
        "Order": "order_id",
        "State": "state",
        "Buyer": "buyer_id",
        "Total": lambda order: money_text(order.total_minor, order.currency),
        "Key": lambda order: " ".join(filter(None, (order.channel, order.order_key))),
        "Placed": "created_at_ms",
    }
)


def find(
    number: str,
    /,
    *,
    country: str = "",
    limit: Limit = LIST_LIMIT_DEFAULT,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Finds orders by a number that somebody holds in their hands.

    It may be an id of an order, payment, refund or parcel, an order key, a
    provider's number of a payment or refund, a waybill, a buyer's id, or the
    receiver's phone number. Exit status 1 if it leads to no order.

    For example:
      holdfast orders find pi_3PxYc2eZvKYlo2C1
      holdfast orders find "020 7946 0000" --country GB
      holdfast orders find cart-91 -o json

    Parameters
    ----------
    number
        The number, in quotes if it has spaces.
    country
        The country of a phone number that does not begin with + and its own.
    """
    request = pb.FindOrdersRequest(number=number, country=country)
    found = print_list(connection, request, "found", limit, _print_finds)
    if not found:
        raise Failure(f"no order has the number {number}", reason="ORDER_NOT_FOUND")


_print_finds = table_of(
    {
        "Order": lambda found: found.order.order_id,
        "Found by": "by",
        "Part": lambda found: found.part_id or "-",
        "State": lambda found: state_of(found.order),
        "Buyer": lambda found: found.order.buyer_id or "-",
        "Total": lambda found: money_text(found.order.total_minor, found.order.currency),
        "Placed": lambda found: local_iso(found.order.created_at_ms),
    }
)


def timeline(
    order_id: OrderId,
    /,
    *,
    follow: bool = False,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Shows who did what to an order, its payments and its parcels, and when.

    With what the stock and the carriers say, too: `holdfast explain ORDER`.

    For example:
      holdfast orders timeline 3766223186315821678
      holdfast orders timeline 3766223186315821678 --follow

    Parameters
    ----------
    follow
        Show what comes, too, until Ctrl-C; with -o json an entry a line.
    """

    async def read(client: "OrderClient") -> list[Any]:
        return [entry async for entry in client.timeline(order_id)]

    if follow:
        _follow(connection, lambda: connection.run(read))
        return
    entries = connection.run(read)
    print_found(connection, "entries", entries, _print_entries)


def _follow(connection: OrdersConnection, read: Callable[[], list[Any]]) -> None:
    """Prints the entries that there are, and again and again those that have come."""
    if not connection.as_json:
        _print_entries.parts(_as_they_come(read))
        return
    for entries in _as_they_come(read):
        for entry in entries:
            print(json_line(entry), flush=True)


def _as_they_come(read: Callable[[], list[Any]]) -> Iterator[list[Any]]:
    """A history is only added to: what is new stands at its end."""
    seen = 0
    while True:
        entries = read()
        yield entries[seen:]
        seen = len(entries)
        time.sleep(FOLLOWED_EVERY_S)


_print_entries = table_of(
    {
        "When": "at_ms",
        "What": lambda entry: entry.part_id or "order",
        "Became": "to_state",
        "By": "actor",
        "Why": lambda entry: entry.why,
    }
)


def receipt(
    number: str, /, *, country: str = "", connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION
) -> None:
    """Prints the receipt of a paid order: the same each time.

    For example:
      holdfast orders receipt 3766223186315821678
      holdfast orders receipt 3766223186315821678 | lp
      holdfast orders receipt cart-91

    Parameters
    ----------
    number
        The receipt's number, which is the order's, or any other that leads to the
        order, as with find.
    country
        The country of a phone number that does not begin with + and its own.
    """
    order_id = _order_of(connection, number, country)
    answer = accepted(connection.run(lambda client: client.receipt(order_id)))
    if connection.as_json:
        print_json({"receipt": answer.receipt})
    else:
        print(answer.receipt.text, end="")


def _order_of(connection: OrdersConnection, number: str, country: str) -> str:
    """The order of that id, or the only one that a number leads to. Raises Failure."""
    request = pb.FindOrdersRequest(number=number, country=country)
    response = connection.run(lambda client: client.ask(request))
    order_ids: list[str] = [found.order.order_id for found in response.found]
    if len(order_ids) == 1 or number in order_ids:
        return number if number in order_ids else order_ids[0]
    if not order_ids:
        raise Failure(f"no order has the number {number}", reason="ORDER_NOT_FOUND")
    raise Failure(
        f"several orders have the number {number}: name one of {', '.join(order_ids[:10])}",
        reason="INVALID_FIELD",
    )
