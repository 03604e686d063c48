"""`holdfast orders import`: the orders of another platform, from a file that it has written."""

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, BinaryIO

from cyclopts import Parameter

from holdfast.bounds import ORDERS_MAX
from holdfast.cli.failures import usage_failure
from holdfast.cli.imports.check import BadLine, Checked
from holdfast.cli.imports.command import (
    DEFAULT_OPTIONS,
    FileName,
    Importing,
    ImportOptions,
    Read,
    run_import,
)
from holdfast.cli.imports.files import Unreadable, open_any_csv
from holdfast.cli.orders.arguments import ShortageName
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, NAMES, OrdersConnection
from holdfast.cli.orders.orders_csv import Defaults, ImportedOrder, fields_of, orders_of
from holdfast.cli.output import print_remark
from holdfast.order.v1 import order_pb2 as pb
from holdfast.order.v1.catalogue_pb2 import ListWarehousesRequest

if TYPE_CHECKING:
    import asyncio

    from holdfast.cli.imports.sending import Batches, ImportReport
    from holdfast.orders import OrderClient

_SHOP = re.compile(r"[A-Za-z0-9._-]{1,24}")


def import_orders(
    file: FileName,
    /,
    *,
    shop: Annotated[str, Parameter(name=("--shop", "--channel"))],
    map_: Annotated[list[str], Parameter(name="--map", metavar="FIELD=HEADER", negative=())] = [],  # noqa: B006 - cyclopts makes a list of its own
    currency: str = "CNY",
    country: str = "",
    method: str = "paid_elsewhere",
    shortage: ShortageName = "ALL_OR_NOTHING",
    options: ImportOptions = DEFAULT_OPTIONS,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Takes in orders that were placed on another platform, from its CSV file.

    A line for each article of an order. Columns are found by their headers, ours
    (order, sku, quantity, price, name, phone, ...) or those of usual platforms;
    others are named with --map. The key of an order is the platform's number in
    the channel of its shop, so the same order twice is one order, and importing
    the file again goes on where it was interrupted.

    For example:
      holdfast orders import orders.csv --shop mall-1 --dry-run
      holdfast orders import orders.csv --shop mall-1 --currency GBP --country GB
      holdfast orders import orders.csv --shop mall-1 --map order="Order Ref" \\
        --map sku="Item code" --method cash_on_delivery

    Parameters
    ----------
    shop
        The channel that has numbered them, such as the shop's name on the platform.
    map_
        The header of the column of one of our fields; may be given more than once.
    currency
        The currency, where the file has no column for it.
    country
        The country, where the file has no column for it [default: the service's
        default country].
    method
        How they are paid: paid_elsewhere for what the platform has taken.
    shortage
        What happens when not all can be reserved: all-or-nothing, ship-available
        or wait.
    """
    if not _SHOP.fullmatch(shop):
        raise usage_failure("--shop: must be 1 to 24 of A-Z a-z 0-9 . _ -")
    policy = pb.ShortagePolicy.Value(f"SHORTAGE_POLICY_{shortage}")
    defaults = Defaults(shop, currency, country, method, policy)

    async def send(
        batches: "Batches[ImportedOrder]", stop: "asyncio.Event", on_rows: Callable[[int], object]
    ) -> "ImportReport":
        from holdfast.cli.imports.sending import FIRST_TIMEOUT_MS, first_asked, send
        from holdfast.orders import OrderClient

        async with OrderClient(connection.orders_target, tenant=connection.tenant) as client:
            asked = client.ask(ListWarehousesRequest(), timeout_ms=FIRST_TIMEOUT_MS)
            if silent := await first_asked(asked, batches):
                return silent
            return await send(batches, partial(_place_batch, client), stop, on_rows)

    def target() -> str:
        from holdfast.order_channel import orders_target_or_default

        return orders_target_or_default(connection.orders_target)

    importing = Importing(
        partial(_read, defaults, _mapped(map_)),
        "orders",
        send,
        target,
        go_on="import the file again: what is in is known, and the rest is placed",
        batch_rows=ORDERS_MAX,
        names=NAMES,
    )
    with connection.failures():
        run_import(file, options, connection.as_json, importing)


def _mapped(texts: list[str]) -> dict[str, str]:
    """The headers by our fields, from FIELD=HEADER each. Raises Failure."""
    found = {}
    for text in texts:
        name, equals, header = text.partition("=")
        if not (name and equals and header):
            raise usage_failure(
                f'--map: must be FIELD=HEADER such as order="Order Ref"; got {text}'
            )
        found[name] = header.strip()
    return found


def _read(
    defaults: Defaults, mapped: dict[str, str], content: BinaryIO, options: ImportOptions
) -> Read:
    """The orders of a file; a header in which something is missing is the one bad line."""
    try:
        table = open_any_csv(content, options.delimiter)
        fields = fields_of(table.header, mapped)
    except (Unreadable, ValueError) as problem:
        return Read(Checked(0, [BadLine(1, str(problem))]), ())
    unused = [name for name, field in zip(table.header, fields, strict=True) if not field and name]
    if unused:
        print_remark(f"Columns that are not used: {', '.join(unused)}")
    orders, bad = orders_of(table.lines(), fields, defaults)
    return Read(Checked(len(orders), bad), orders)


async def _place_batch(client: "OrderClient", orders: list[ImportedOrder]) -> list[BadLine]:
    """Places some orders; the answer are those that were refused. Raises HoldfastError."""
    from holdfast.cli.imports.sending import TIMEOUT_MS

    requests = [order.request for order in orders]
    placed = await client.place_many(requests, timeout_ms=TIMEOUT_MS)
    problems = map(_problem_of, placed)
    return [
        BadLine(order.line, f"{order.request.order_key}: {problem}")
        for order, problem in zip(orders, problems, strict=True)
        if problem
    ]


def _problem_of(placed: pb.PlacedOrder) -> str:
    """Why an order was refused; "" if it was taken. Raises HoldfastError if that is not known."""
    from holdfast.errors import HoldfastError, Reason

    if placed.reason == Reason.INVALID_FIELD:
        return placed.detail
    if placed.reason:
        values = dict(placed.reason_values)
        raise HoldfastError.from_parts(placed.reason, placed.detail, values)
    answer = placed.result
    if answer.outcome == pb.ORDER_OUTCOME_APPLIED:
        return ""
    return answer.detail or pb.OrderOutcome.Name(answer.outcome).removeprefix("ORDER_OUTCOME_")
