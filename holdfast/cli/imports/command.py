"""The body of every import command: check, send, say what is in, and how to go on."""

import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, NamedTuple

from cyclopts import Parameter

from holdfast.cli.arguments import read_as
from holdfast.cli.failures import INTERRUPTED, USAGE, Failure, failure_of_call, usage_failure
from holdfast.cli.imports.check import BadLine, Checked, Kind, check, good_rows
from holdfast.cli.imports.files import Unreadable, delimiter_of, open_csv, open_file
from holdfast.cli.output import print_json, print_remark, print_table, progress_bar, stderr_console

if TYPE_CHECKING:
    import asyncio

    from holdfast.cli.imports.sending import Batches, ImportReport

BAD_LINES_SHOWN_MAX = 100
SAID_EVERY_S = 10.0

Delimiter = Annotated[str, read_as(delimiter_of, "SIGN")]
FileName = Annotated[Path, Parameter(help="The CSV file; - reads standard input.")]


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a file is taken."""

    delimiter: Delimiter = ""
    """The sign between columns: ; or comma, semicolon, tab, pipe [default: as the first line has
    it]."""
    as_written: bool = False
    """Take names that look mangled by a spreadsheet, or like another line's."""
    skip_bad: bool = False
    """Import the good lines of a file that has bad ones."""
    dry_run: bool = False
    """Check the file only; no server is needed."""


DEFAULT_OPTIONS = ImportOptions()


class Read(NamedTuple):
    """A file that was checked, and the rows of its good lines, to be read once."""

    checked: Checked
    rows: Iterable[Any]


@dataclass(frozen=True, slots=True)
class Importing:
    """An import of one file: what it is of, and how its rows are sent."""

    read: Callable[[BinaryIO, "ImportOptions"], "Read"]
    """Checks the file, and gives its good rows."""
    things: str
    """Of what, in the plural: `stock levels`."""
    send: Callable[["Batches[Any]", "asyncio.Event", Callable[[int], object]], Awaitable[Any]]
    """Sends batches; the answer is an ImportReport."""
    target: Callable[[], str]
    group: Callable[[Any], Any] = lambda _row: None
    """Rows of different groups do not travel together."""
    resume: Callable[[int], str] = str
    """The text for --resume that goes on at a line."""
    go_on: str = "importing the file again is safe, and --resume {resume} goes on"
    batch_rows: int = 1_000
    names: str = "--target or HOLDFAST_TARGET"
    """The option and the variable that name another server."""


def run_import(file: Path, options: ImportOptions, as_json: bool, importing: Importing) -> None:
    """Imports a file and reports on it. Raises Failure unless all of it is in."""
    with _opened(file) as content:
        read = importing.read(content, options)
        checked = read.checked
        refused_whole = bool(checked.bad) and not (options.skip_bad and checked.good)
        report = None
        if not options.dry_run and not refused_whole:
            report = _sent(read, importing)
    resume = importing.resume(report.open_line) if report and report.open_line else None
    _print_report(as_json, checked, report, options.dry_run, importing.things, resume)
    if refused_whole:
        raise Failure(
            f"{file}: {_lines(len(checked.bad))} bad, nothing was imported. Mend the file, or "
            "import its good lines with --skip-bad",
            reason="BAD_FILE",
            details={"bad": len(checked.bad), "good": checked.good},
        )
    if report is not None:
        _check_report(report, checked.good, importing, resume)


def _lines(count: int) -> str:
    return "1 line is" if count == 1 else f"{count:,} lines are"


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    try:
        content = open_file(file)
    except OSError as error:
        raise Failure(
            f"cannot read {file}: {error.strerror}. Name a CSV file, or - for standard input",
            reason="FILE_UNREADABLE",
            exit_status=USAGE,
            details={"file": str(file)},
        ) from error
    with content:
        yield content


def read_lines(kind: Kind[Any], first_line: int, content: BinaryIO, options: ImportOptions) -> Read:
    """A file with a row in each line, from a line on; a bad header is the one bad line."""
    try:
        table = open_csv(content, kind.columns, options.delimiter)
    except Unreadable as problem:
        return Read(Checked(0, [BadLine(1, str(problem))]), ())
    with progress_bar() as progress:
        progress.add_task("Checking", total=None)
        checked = check(table, kind, as_written=options.as_written)
    return Read(checked, good_rows(table, kind, checked, first_line))


def _sent(read: Read, importing: Importing) -> "ImportReport":
    import asyncio

    from holdfast.cli.connection import quiet_grpc

    quiet_grpc()
    from holdfast.cli.imports.sending import Batches

    async def run() -> "ImportReport":
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        # The second one ends the process: whoever presses twice means it.
        loop.add_signal_handler(signal.SIGINT, partial(_stop, loop, stop))
        batches = Batches(read.rows, importing.group, importing.batch_rows)
        with _progress(read.checked.good, importing.things) as on_rows:
            report: ImportReport = await importing.send(batches, stop, on_rows)
            return report

    return asyncio.run(run())


def _stop(loop: "asyncio.AbstractEventLoop", stop: "asyncio.Event") -> None:
    stop.set()
    loop.remove_signal_handler(signal.SIGINT)


@contextmanager
def _progress(total: int, things: str) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal; elsewhere a line on stderr every few seconds."""
    done = 0
    said_at_s = time.monotonic()
    with progress_bar() as progress:
        bar = progress.add_task("Importing", total=total)

        def on_rows(count: int) -> None:
            nonlocal done, said_at_s
            done += count
            progress.advance(bar, count)
            if progress.disable and time.monotonic() - said_at_s > SAID_EVERY_S:
                said_at_s = time.monotonic()
                print_remark(f"{done:,} of {total:,} {things}")
                sys.stderr.flush()

        yield on_rows


def _print_report(
    as_json: bool,
    checked: Checked,
    report: "ImportReport | None",
    dry_run: bool,
    things: str,
    resume: str | None,
) -> None:
    imported = report.imported if report else 0
    refused = report.refused if report else []
    if as_json:
        print_json(
            {
                "imported": imported,
                "good": checked.good,
                "bad": [line._asdict() for line in checked.bad],
                "refused": [line._asdict() for line in refused],
                "dry_run": dry_run,
                "resume": resume,
            }
        )
        return
    _print_bad_lines("Bad lines", checked.bad)
    _print_bad_lines("Lines the server refused", refused)
    if dry_run:
        print(f"Good lines: {checked.good:,}. Bad lines: {len(checked.bad):,}.")
    elif report:
        print(f"Imported {imported:,} of {checked.good:,} {things}.")


def _print_bad_lines(title: str, lines: Sequence[BadLine]) -> None:
    if not lines:
        return
    print_remark(f"{title}: {len(lines):,}")
    shown = lines[:BAD_LINES_SHOWN_MAX]
    print_table(("Line", "Reason"), shown, to=stderr_console())
    if len(shown) < len(lines):
        print_remark(f"... and {len(lines) - len(shown):,} more; -o json names them all.")


def _check_report(
    report: "ImportReport", rows: int, importing: Importing, resume: str | None
) -> None:
    so_far = f"{report.imported:,} of {rows:,} {importing.things} were imported"
    go_on = f"{so_far}; {importing.go_on.format(resume=resume)}"
    if report.ended_by:
        target = importing.target()
        raise failure_of_call(report.ended_by, target, go_on, names=importing.names)
    if resume:
        raise Failure(
            f"interrupted: {go_on}",
            reason="INTERRUPTED",
            exit_status=INTERRUPTED,
            details={"imported": report.imported, "good": rows, "resume": resume},
        )
    if report.refused:
        raise Failure(
            f"the server refused {len(report.refused):,} of {rows:,} lines; the others were "
            "imported",
            reason="LINES_REFUSED",
            details={"refused": len(report.refused)},
        )


def line_to_resume(text: str) -> int:
    """The line that --resume names. Raises Failure."""
    if not (text.isascii() and text.isdecimal()):
        raise usage_failure(f"--resume: must be what an import has printed; got {text!r}")
    return int(text)
