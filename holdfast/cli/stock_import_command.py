"""`holdfast stock import`: a whole CSV file, checked before any of it is sent."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.cli.connection import DEFAULT_CONNECTION, Connection, quiet_grpc
from holdfast.cli.failures import USAGE, Failure, failure_of_call
from holdfast.cli.output import print_json, print_remark, print_table, progress_bar, stderr_console

if TYPE_CHECKING:
    from holdfast.cli.stock_csv import BadLine, CheckedStock, StockRow
    from holdfast.cli.stock_import import ImportReport

BAD_LINES_SHOWN_MAX = 100


def import_file(
    file: Path,
    /,
    *,
    skip_bad: bool = False,
    dry_run: bool = False,
    connection: Connection = DEFAULT_CONNECTION,
) -> None:
    """Imports stock levels from a CSV file with the columns sku,on_hand.

    The columns location, safety_stock and limit_per_buyer may follow; a setting
    without a column, or whose cell is empty, stays as it is. UTF-8, with a header
    line. The whole file is checked first and every bad line reported; nothing is
    imported from a bad file unless --skip-bad. Importing a file again is safe.

    For example:
      holdfast stock import stock.csv --dry-run
      holdfast stock import stock.csv
      zcat stock.csv.gz | holdfast stock import - --skip-bad -o json

    Parameters
    ----------
    file
        The CSV file; - reads standard input.
    skip_bad
        Import the good lines of a file that has bad ones.
    dry_run
        Check the file only; no server is needed.
    """
    from holdfast.cli.stock_csv import check_stock_csv

    checked = check_stock_csv(_content(file))
    refused_whole = bool(checked.bad) and not (skip_bad and checked.rows)
    if dry_run or refused_whole:
        _report(connection, checked, None, dry_run)
    else:
        report = _import(checked.rows, connection)
        _report(connection, checked, report, dry_run)
        _check_report(report, len(checked.rows), connection)
    if refused_whole:
        raise Failure(
            f"{file}: {_lines(len(checked.bad))} bad, nothing was imported. Mend the file, or "
            "import its good lines with --skip-bad",
            reason="BAD_FILE",
            details={"bad": len(checked.bad), "good": len(checked.rows)},
        )


def _lines(count: int) -> str:
    return "1 line is" if count == 1 else f"{count:,} lines are"


def _content(file: Path) -> bytes:
    from holdfast.cli.stock_csv import FILE_BYTES_MAX

    try:
        with file.open("rb") as stream:
            return stream.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise Failure(
            f"cannot read {file}: {error.strerror}. Name a CSV file, or - for standard input",
            reason="FILE_UNREADABLE",
            exit_status=USAGE,
            details={"file": str(file)},
        ) from error


def _import(rows: Sequence["StockRow"], connection: Connection) -> "ImportReport":
    import asyncio

    quiet_grpc()
    from holdfast.cli.stock_import import import_rows
    from holdfast.client import Client

    async def run() -> "ImportReport":
        with progress_bar() as progress:
            bar = progress.add_task("Importing", total=len(rows))
            async with Client(connection.target, tenant=connection.tenant) as client:
                return await import_rows(rows, client, lambda: progress.advance(bar))

    return asyncio.run(run())


def _report(
    connection: Connection, checked: "CheckedStock", report: "ImportReport | None", dry_run: bool
) -> None:
    imported = report.imported if report else 0
    refused = report.refused if report else []
    if connection.as_json:
        print_json(
            {
                "imported": imported,
                "good": len(checked.rows),
                "bad": [line._asdict() for line in checked.bad],
                "refused": [line._asdict() for line in refused],
                "dry_run": dry_run,
            }
        )
        return
    _print_bad_lines("Bad lines", checked.bad)
    _print_bad_lines("Lines the server refused", refused)
    if dry_run:
        print(f"Good lines: {len(checked.rows):,}. Bad lines: {len(checked.bad):,}.")
    elif report:
        print(f"Imported {imported:,} of {len(checked.rows):,} stock levels.")


def _print_bad_lines(title: str, lines: Sequence["BadLine"]) -> None:
    if not lines:
        return
    print_remark(f"{title}: {len(lines):,}")
    shown = lines[:BAD_LINES_SHOWN_MAX]
    print_table(("Line", "Reason"), shown, to=stderr_console())
    if len(shown) < len(lines):
        print_remark(f"... and {len(lines) - len(shown):,} more; -o json names them all.")


def _check_report(report: "ImportReport", rows: int, connection: Connection) -> None:
    if report.ended_by:
        from holdfast.channel import target_or_default

        raise failure_of_call(
            report.ended_by,
            target_or_default(connection.target),
            f"{report.imported:,} of {rows:,} stock levels were imported; importing the file again "
            "is safe",
        )
    if report.refused:
        raise Failure(
            f"the server refused {len(report.refused):,} of {rows:,} lines; the others were "
            "imported",
            reason="LINES_REFUSED",
            details={"refused": len(report.refused)},
        )
