"""Lists of any length, printed while they are read: memory holds a few thousand rows.

Rows are read ahead in a thread, so that the server works on the next ones while these are printed.
"""

import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from itertools import islice
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any, Generic, TypeVar

from holdfast.cli.output import json_line, print_remark

T = TypeVar("T")

ROWS_AT_A_TIME = 1_000
AHEAD_MAX = 4
POLL_S = 0.1
CLOSING_S_MAX = 1.0

Rows = list[Any]


def print_rows(
    rows: Iterable[Any],
    name: str,
    limit: int,
    print_table: Callable[[Iterator[Rows]], None] | None,
    *,
    more: str,
) -> int:
    """Prints `limit` rows at most: by `print_table`, or without it as a document under `name`.

    `more` is the remark where there are others. Nothing is printed before the first rows are read:
    if that fails, there is only the error. Returns how many rows there were to print.
    """
    counted = _Counted(rows, limit)
    with closing(ahead(counted)) as some:
        first = next(some, [])
        parts = _with_first(first, some)
        if print_table is None:
            _print_document(name, parts, counted)
        else:
            print_table(parts)
            if counted.truncated:
                print_remark(more)
    return counted.count


class _Counted:
    """Rows up to a limit, counted; `truncated` once there was another."""

    def __init__(self, rows: Iterable[Any], limit: int) -> None:
        self._rows = rows
        self._limit = limit
        self.count = 0
        self.truncated = False

    def __iter__(self) -> Iterator[Any]:
        for row in self._rows:
            if self.count == self._limit:
                self.truncated = True
                return
            self.count += 1
            yield row

    def close(self) -> None:
        """Ends the reading of more."""
        if isinstance(self._rows, Generator):
            self._rows.close()


def _with_first(first: Rows, others: Iterator[Rows]) -> Iterator[Rows]:
    yield first
    yield from others


def _print_document(name: str, parts: Iterator[Rows], counted: _Counted) -> None:
    """Prints one JSON document with a row a line."""
    out = sys.stdout
    out.write(f'{{\n  "{name}": [')
    between = "\n    "
    for part in parts:
        if part:
            out.write(between + ",\n    ".join(map(json_line, part)))
            between = ",\n    "
    ends = "\n  ]" if counted.count else "]"
    out.write(f'{ends},\n  "truncated": {json_line(counted.truncated)}\n}}\n')


def ahead(rows: Iterable[T], size: int = ROWS_AT_A_TIME) -> Generator[list[T], None, None]:
    """Gives rows some at a time, while a thread reads the next. Raises what reading them raises.

    Rows that can be closed are, in that thread.
    """
    reading = _Reading(rows, size)
    reading.start()
    try:
        while True:
            part = reading.next()
            if part is None:
                return
            yield part
    finally:
        reading.stop.set()
        reading.join(CLOSING_S_MAX)


class _Reading(Thread, Generic[T]):
    """A thread that reads rows, a few parts more than were taken."""

    def __init__(self, rows: Iterable[T], size: int) -> None:
        super().__init__(daemon=True)
        self._rows = rows
        self._size = size
        self._parts: Queue[list[T] | BaseException | None] = Queue(AHEAD_MAX)
        self.stop = Event()

    def run(self) -> None:
        """Reads until there are no more, or nobody wants them."""
        rows = iter(self._rows)
        try:
            while not self.stop.is_set() and (part := list(islice(rows, self._size))):
                self._put(part)
            self._put(None)
        except BaseException as error:  # noqa: BLE001 - whoever takes the parts raises it
            self._put(error)
        finally:
            if close := getattr(self._rows, "close", None):
                close()

    def next(self) -> list[T] | None:
        """The next part; None after the last."""
        while True:
            try:
                part = self._parts.get(timeout=POLL_S)  # or Ctrl-C would not be heard
            except Empty:
                continue
            if isinstance(part, BaseException):
                raise part
            return part

    def _put(self, part: "list[T] | BaseException | None") -> None:
        while not self.stop.is_set():
            try:
                self._parts.put(part, timeout=POLL_S)
            except Full:
                continue
            return
