"""Sends the rows of a checked file in batches, several under way, and knows what is in."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from holdfast.cli.imports.check import BadLine
from holdfast.errors import HoldfastError

BATCH_ROWS = 1_000
BATCHES_UNDER_WAY_MAX = 4
FIRST_TIMEOUT_MS = 2_000
TIMEOUT_MS = 60_000
"""Of a batch, with its attempts: a server may be replaced meanwhile."""


class HasLine(Protocol):
    """A row, with the number of its line."""

    @property
    def line(self) -> int:
        """The number of its line."""


Row = TypeVar("Row", bound=HasLine)

SendBatch = Callable[[list[Row]], Awaitable[list[BadLine]]]
"""Sends some rows; the answer are those that were refused. Raises HoldfastError if none is in."""


@dataclass(slots=True)
class ImportReport:
    """The result of an import: rows that are in, rows refused, and why it ended early if it did."""

    imported: int = 0
    refused: list[BadLine] = field(default_factory=list)
    ended_by: HoldfastError | None = None
    open_line: int | None = None
    """The first line that is not known to be in, where it ended early."""


class Batches(Generic[Row]):
    """Rows put together to batches of one group each, in the order of the file as far as can be."""

    def __init__(
        self, rows: Iterable[Row], group: Callable[[Row], Hashable], size: int = BATCH_ROWS
    ) -> None:
        self._rows = iter(rows)
        self._size = size
        self._group = group
        self._pending: dict[Hashable, list[Row]] = defaultdict(list)

    def __iter__(self) -> Iterator[list[Row]]:
        for row in self._rows:
            group = self._group(row)
            self._pending[group].append(row)
            if len(self._pending[group]) == self._size:
                yield self._pending.pop(group)
        while self._pending:
            yield self._pending.pop(next(iter(self._pending)))

    def open_lines(self) -> Iterator[int]:
        """The first lines of what was put together and not taken, and of what comes next."""
        for rows in self._pending.values():
            yield rows[0].line
        for row in self._rows:
            yield row.line
            return


async def first_asked(asking: Awaitable[object], batches: Batches[Row]) -> ImportReport | None:
    """The report of an import whose server does not answer a first call; None if it does.

    Later calls are patient, because what is under way is worth it.
    """
    try:
        await asking
    except HoldfastError as error:
        return ImportReport(ended_by=error, open_line=min(batches.open_lines(), default=None))
    return None


async def send(
    batches: Batches[Row],
    send_batch: SendBatch[Row],
    stop: asyncio.Event,
    on_rows: Callable[[int], object],
) -> ImportReport:
    """Sends all batches; ends early after `stop`, or when the server does.

    What is under way is waited for, so that the report is right. `on_rows` learns of progress.
    """
    report = ImportReport()
    open_lines: list[int] = []
    under_way: set[asyncio.Task[None]] = set()

    async def send_one(batch: list[Row]) -> None:
        try:
            refused = await send_batch(batch)
        except HoldfastError as error:
            report.ended_by = report.ended_by or error
            open_lines.append(batch[0].line)
            return
        report.refused.extend(refused)
        report.imported += len(batch) - len(refused)
        on_rows(len(batch))

    for batch in batches:
        if stop.is_set() or report.ended_by:
            open_lines.append(batch[0].line)
            break
        under_way.add(asyncio.create_task(send_one(batch)))
        if len(under_way) >= BATCHES_UNDER_WAY_MAX:
            _, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
    if under_way:
        await asyncio.wait(under_way)
    if stop.is_set() or report.ended_by:
        open_lines.extend(batches.open_lines())
        report.open_line = min(open_lines, default=None)
    report.refused.sort()
    return report
