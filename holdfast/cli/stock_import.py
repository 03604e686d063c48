"""Sends the rows of a checked stock file, some at a time."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import grpc

from holdfast.cli.stock_csv import BadLine, StockRow
from holdfast.client import Client
from holdfast.errors import HoldfastError

CALLS_AT_ONCE_MAX = 64

# Errors about one row alone. After any other error the next rows would fail, too.
_ABOUT_THE_ROW = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.ABORTED,
)


@dataclass(slots=True)
class ImportReport:
    """The result of an import: rows imported, rows refused, and the error that ended it early."""

    imported: int = 0
    refused: list[BadLine] = field(default_factory=list)
    ended_by: HoldfastError | None = None


async def import_rows(
    rows: Sequence[StockRow], client: Client, on_row: Callable[[], object]
) -> ImportReport:
    """Sets the stock of every row and calls `on_row` after each; ends early if the server does."""
    report = ImportReport()
    waiting = iter(rows)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(min(CALLS_AT_ONCE_MAX, len(rows))):
            tasks.create_task(_send(waiting, client, report, on_row))
    report.refused.sort()
    return report


async def _send(
    waiting: Iterator[StockRow], client: Client, report: ImportReport, on_row: Callable[[], object]
) -> None:
    for row in waiting:
        try:
            await client.set_stock(
                row.sku,
                row.on_hand,
                location=row.location,
                safety_stock=row.safety_stock,
                limit_per_buyer=row.limit_per_buyer,
            )
            report.imported += 1
        except HoldfastError as error:
            if error.code not in _ABOUT_THE_ROW:
                report.ended_by = report.ended_by or error
            else:
                report.refused.append(BadLine(row.line, error.message))
        if report.ended_by:
            return
        on_row()
