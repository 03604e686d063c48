"""`holdfast stock import`: a whole CSV file, checked before any of it is sent."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from holdfast.cli.connection import DEFAULT_CONNECTION, Connection
from holdfast.cli.failures import usage_failure
from holdfast.cli.imports.check import BadLine
from holdfast.cli.imports.command import (
    DEFAULT_OPTIONS,
    FileName,
    Importing,
    ImportOptions,
    line_to_resume,
    read_lines,
    run_import,
)
from holdfast.cli.stock_csv import STOCK, StockRow

if TYPE_CHECKING:
    import asyncio

    from holdfast.cli.imports.sending import Batches, ImportReport
    from holdfast.client import Client

IMPORT_ID_BYTES = 8
TIMES_ASKED_MAX = 20
PAUSE_S = 1.0


def import_file(
    file: FileName,
    /,
    *,
    resume: str = "",
    options: ImportOptions = DEFAULT_OPTIONS,
    connection: Connection = DEFAULT_CONNECTION,
) -> None:
    """Imports stock levels from a CSV file with the columns sku,on_hand.

    The columns location, safety_stock, limit_per_buyer and expected_version may
    follow; a setting without a column, or whose cell is empty, stays as it is; a
    level of another version is refused. UTF-8, with a header line. The whole file
    is checked first and every bad line reported; nothing is imported from a bad
    file unless --skip-bad. An import that was interrupted says what is in, and
    how to go on: for an hour no line is set twice by that.

    For example:
      holdfast stock import stock.csv --dry-run
      holdfast stock import stock.csv --delimiter ";"
      zcat stock.csv.gz | holdfast stock import - --skip-bad -o json

    Parameters
    ----------
    resume
        Go on with an import: what it has printed when it was interrupted.
    """
    import_id, first_line = _import_of(resume)

    async def send(
        batches: "Batches[StockRow]", stop: "asyncio.Event", on_rows: Callable[[int], object]
    ) -> "ImportReport":
        from holdfast.cli.imports.sending import FIRST_TIMEOUT_MS, first_asked, send
        from holdfast.client import Client

        async with Client(connection.target, tenant=connection.tenant) as client:
            asked = client.get_status(timeout_ms=FIRST_TIMEOUT_MS)
            if silent := await first_asked(asked, batches):
                return silent
            return await send(batches, partial(_send_batch, client, import_id), stop, on_rows)

    def target() -> str:
        from holdfast.channel import target_or_default

        return target_or_default(connection.target)

    importing = Importing(
        partial(read_lines, STOCK, first_line),
        "stock levels",
        send,
        target,
        resume=lambda line: f"{import_id}:{line}",
    )
    with connection.failures():
        run_import(file, options, connection.as_json, importing)


def _import_of(resume: str) -> tuple[str, int]:
    """The id of an import, under which its lines are set once, and its first line."""
    if not resume:
        import secrets

        return secrets.token_hex(IMPORT_ID_BYTES), 0
    import_id, _, line = resume.partition(":")
    if not (len(import_id) == 2 * IMPORT_ID_BYTES and import_id.isalnum()):
        raise usage_failure(f"--resume: must be what an import has printed; got {resume!r}")
    return import_id, line_to_resume(line)


async def _send_batch(client: "Client", import_id: str, rows: list[StockRow]) -> list[BadLine]:
    """Sets the levels of some rows; the answer are those that were refused.

    A row that the server could not judge is sent again for a while. Raises HoldfastError.
    """
    import asyncio

    from holdfast.cli.imports.sending import TIMEOUT_MS
    from holdfast.errors import ERRORS, HoldfastError, Reason
    from holdfast.types import StockSetting

    refused: list[BadLine] = []
    for _ in range(TIMES_ASKED_MAX):
        settings = [
            StockSetting(
                row.sku,
                row.on_hand,
                row.location,
                row.safety_stock,
                row.limit_per_buyer,
                row.expected_version,
                setting_id=f"{import_id}-{row.line}",
            )
            for row in rows
        ]
        results = await client.set_stock_levels(settings, timeout_ms=TIMEOUT_MS)
        again = []
        for row, result in zip(rows, results, strict=True):
            reason = Reason.__members__.get(result.reason)
            if reason is not None and ERRORS[reason].retryable:
                again.append(row)
            elif result.reason:
                refused.append(BadLine(row.line, result.detail))
        if not again:
            return refused
        rows = again
        await asyncio.sleep(PAUSE_S)
    raise HoldfastError.of(Reason.STORE_UNREACHABLE)
