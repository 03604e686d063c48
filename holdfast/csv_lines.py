"""The one reader of CSV: lines with their numbers, without blank ones, broken ones named."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import NamedTuple


class CsvLine(NamedTuple):
    """A line of a CSV file. A quoted cell may run over several lines: `number` is of the first."""

    number: int
    cells: list[str]
    line_count: int
    """The number of lines of the file that it takes up."""
    problem: str = ""
    """Why it is not CSV; it has no cells then. Empty for a good line."""


def csv_lines(text: str | Iterable[str], delimiter: str = ",") -> Iterator[CsvLine]:
    """The lines of a text that are not blank, with those that cannot be read as CSV.

    A text may come as its lines, one after the other, their ends kept.
    """
    # Not str.splitlines, which takes the Latin-1 byte 0x85 for the end of a line.
    lines = io.StringIO(text, newline="") if isinstance(text, str) else text
    reader = csv.reader(lines, strict=True, delimiter=delimiter)
    while True:
        number, cells, problem = reader.line_num + 1, [], ""
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problem = f"is not CSV: {error}"
        if cells or problem:
            yield CsvLine(number, cells, reader.line_num + 1 - number, problem)
