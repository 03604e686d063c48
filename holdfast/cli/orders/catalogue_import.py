"""`holdfast orders articles|warehouses|places import`: whole files, in requests of a thousand."""

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from holdfast.cli.imports.check import BadLine, Kind
from holdfast.cli.imports.command import (
    DEFAULT_OPTIONS,
    FileName,
    Importing,
    ImportOptions,
    line_to_resume,
    read_lines,
    run_import,
)
from holdfast.cli.orders.catalogue_csv import ARTICLES, PLACES, WAREHOUSES, CatalogueRow
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, NAMES, OrdersConnection
from holdfast.order.v1 import catalogue_pb2 as pb

if TYPE_CHECKING:
    import asyncio

    from holdfast.cli.imports.sending import Batches, ImportReport
    from holdfast.orders import OrderClient

_POSITION = re.compile(r"[a-z]+\[([0-9]+)\](?:\.(.*))?")

Request = Callable[[list[CatalogueRow]], Any]


def import_articles(
    file: FileName,
    /,
    *,
    resume: str = "",
    options: ImportOptions = DEFAULT_OPTIONS,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Imports articles from a CSV file with the column sku.

    The columns price with currency, title, merchant, zone, weight_g,
    temperature_min, temperature_max, customised, fragile and withdrawn may
    follow; what has no column, or an empty cell, stays as it is. A new article
    needs price and currency. The whole file is checked first. Importing a file
    again changes nothing more.

    For example:
      holdfast orders articles import articles.csv --dry-run
      holdfast orders articles import articles.csv --delimiter ";"

    Parameters
    ----------
    resume
        Go on with an import: what it has printed when it was interrupted.
    """

    def request(rows: list[CatalogueRow]) -> Any:
        things = [row.thing for row in rows]
        return pb.PutArticlesRequest(articles=things, only=sorted(rows[0].given))

    _import(file, options, connection, ARTICLES, "articles", request, resume)


def import_warehouses(
    file: FileName,
    /,
    *,
    resume: str = "",
    options: ImportOptions = DEFAULT_OPTIONS,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Imports warehouses from a CSV file with the columns location,country.

    The columns latitude with longitude, priority and closed may follow; what has
    no column, or an empty cell, stays as it is. The whole file is checked first.
    Importing a file again changes nothing more.

    For example:
      holdfast orders warehouses import warehouses.csv --dry-run
      holdfast orders warehouses import warehouses.csv --delimiter ";"

    Parameters
    ----------
    resume
        Go on with an import: what it has printed when it was interrupted.
    """

    def request(rows: list[CatalogueRow]) -> Any:
        things = [row.thing for row in rows]
        return pb.PutWarehousesRequest(warehouses=things, only=rows[0].given)

    _import(file, options, connection, WAREHOUSES, "warehouses", request, resume)


def import_places(
    file: FileName,
    /,
    *,
    resume: str = "",
    options: ImportOptions = DEFAULT_OPTIONS,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Imports places from a CSV file with the columns country,latitude,longitude.

    A column postcode_prefix or region may say which part of the country it is.
    The whole file is checked first. Importing a file again changes nothing more.

    For example:
      holdfast orders places import places.csv

    Parameters
    ----------
    resume
        Go on with an import: what it has printed when it was interrupted.
    """

    def request(rows: list[CatalogueRow]) -> Any:
        return pb.PutPlacesRequest(places=[row.thing for row in rows])

    _import(file, options, connection, PLACES, "places", request, resume)


def _import(
    file: FileName,
    options: ImportOptions,
    connection: OrdersConnection,
    kind: Kind[CatalogueRow],
    things: str,
    request: Request,
    resume: str,
) -> None:
    async def send(
        batches: "Batches[CatalogueRow]", stop: "asyncio.Event", on_rows: Callable[[int], object]
    ) -> "ImportReport":
        from holdfast.cli.imports.sending import FIRST_TIMEOUT_MS, first_asked, send
        from holdfast.orders import OrderClient

        async with OrderClient(connection.orders_target, tenant=connection.tenant) as client:
            asked = client.ask(pb.ListWarehousesRequest(), timeout_ms=FIRST_TIMEOUT_MS)
            if silent := await first_asked(asked, batches):
                return silent

            async def send_batch(rows: list[CatalogueRow]) -> list[BadLine]:
                return await _put(client, rows, request)

            return await send(batches, send_batch, stop, on_rows)

    def target() -> str:
        from holdfast.order_channel import orders_target_or_default

        return orders_target_or_default(connection.orders_target)

    first_line = line_to_resume(resume) if resume else 0
    read = partial(read_lines, kind, first_line)
    importing = Importing(read, things, send, target, group=lambda row: row.given, names=NAMES)
    with connection.failures():
        run_import(file, options, connection.as_json, importing)


async def _put(client: "OrderClient", rows: list[CatalogueRow], request: Request) -> list[BadLine]:
    """Puts some rows; the answer are those that were refused. Raises HoldfastError.

    A request is put whole or not at all, and its error names the first row that is wrong: without
    that the rest is put.
    """
    from holdfast.cli.imports.sending import TIMEOUT_MS
    from holdfast.errors import HoldfastError, Reason

    refused = []
    rows = list(rows)
    while rows:
        try:
            await client.ask(request(rows), timeout_ms=TIMEOUT_MS)
            break
        except HoldfastError as error:
            found = _POSITION.fullmatch(error.metadata.get("field", ""))
            if error.reason is not Reason.INVALID_FIELD or found is None:
                raise
            wrong = rows.pop(int(found[1]))
            refused.append(BadLine(wrong.line, _without_position(error.message)))
    return refused


def _without_position(message: str) -> str:
    """An error's text without the place in a request that nobody has written."""
    return re.sub(r"^[a-z]+\[[0-9]+\]\.?", "", message).removeprefix(": ")
