"""Checks all lines of a file before any is sent, and reads the good ones again. Pure but for that.

Of the rows only a number each is kept, to find what is there twice: a file may have millions.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from holdfast.cli.imports.files import Columns, CsvFile
from holdfast.cli.imports.names import look_of
from holdfast.csv_lines import CsvLine

LINES_NAMED_MAX = 5

Row = TypeVar("Row")
Cells = Mapping[str, str]


class BadLine(NamedTuple):
    """A line that cannot be imported, and every reason why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Kind(Generic[Row]):
    """The files of one kind: their columns, and how a line becomes a row."""

    columns: Columns
    problems: Callable[[Cells, bool], list[str]]
    """The problems of a line, empty ones among them; with True those that are only odd, too."""
    row: Callable[[int, Cells], Row]
    """The row of a good line, which has this number."""
    key: Callable[[Cells], tuple[str, ...]]
    """The texts that name the thing of a line: no other line may have the same."""
    named: Callable[[Cells], str]
    """The thing, for a person."""


@dataclass(slots=True)
class Checked:
    """The result of a check: how many lines are good, and the bad ones in the file's order."""

    good: int = 0
    bad: list[BadLine] = field(default_factory=list)
    bad_lines: set[int] = field(default_factory=set)


def check(file: CsvFile, kind: Kind[Row], *, as_written: bool) -> Checked:
    """Checks every line. With `as_written` names are taken that hardly anybody can have meant."""
    checked = Checked()
    lines_by_look: dict[int, int | list[int]] = {}
    for line, cells, problem in _lines(file, kind, odd_too=not as_written):
        if problem:
            checked.bad.append(BadLine(line, problem))
            continue
        checked.good += 1
        key = kind.key(cells)
        look = hash(key if as_written else tuple(map(look_of, key)))
        known = lines_by_look.setdefault(look, line)
        if isinstance(known, list):
            known.append(line)
        elif known != line:
            lines_by_look[look] = [known, line]
    twice = [found for found in lines_by_look.values() if isinstance(found, list)]
    if twice:
        bad = list(_named_twice(file, kind, twice))
        checked.good -= len(bad)
        checked.bad.extend(bad)
        checked.bad.sort()
    checked.bad_lines = {bad.line for bad in checked.bad}
    return checked


def good_rows(file: CsvFile, kind: Kind[Row], checked: Checked, first_line: int) -> Iterator[Row]:
    """The rows of the good lines from a line on."""
    for line in file.lines():
        if line.number >= first_line and line.number not in checked.bad_lines:
            yield kind.row(line.number, dict(zip(file.header, line.cells, strict=True)))


def _lines(file: CsvFile, kind: Kind[Row], *, odd_too: bool) -> Iterator[tuple[int, Cells, str]]:
    """Each line's number, its cells by their columns, and all that is wrong with it."""
    for line in file.lines():
        problem = _broken(file, line)
        if problem:
            yield line.number, {}, problem
        else:
            cells = dict(zip(file.header, line.cells, strict=True))
            yield line.number, cells, "; ".join(filter(None, kind.problems(cells, odd_too)))


def _broken(file: CsvFile, line: CsvLine) -> str:
    if line.problem or len(line.cells) == len(file.header):
        return line.problem
    return f"has {len(line.cells)} cells, the header has {len(file.header)}"


def _named_twice(file: CsvFile, kind: Kind[Row], groups: list[list[int]]) -> Iterator[BadLine]:
    """All lines of a thing that has several are bad: which one is meant is not known."""
    group_of = {line: group for group in groups for line in group}
    found: dict[int, tuple[tuple[str, ...], str]] = {}
    for line in file.lines():
        if line.number in group_of:
            cells = dict(zip(file.header, line.cells, strict=True))
            found[line.number] = kind.key(cells), kind.named(cells)
    for line_number, (key, named) in found.items():
        others = [it for it in group_of[line_number] if it != line_number][:LINES_NAMED_MAX]
        same = [str(it) for it in others if found[it][0] == key]
        if same:
            yield BadLine(line_number, f"{named} is also on line {', '.join(same)}")
        else:
            other = f"{found[others[0]][1]!a} on line {others[0]}"
            yield BadLine(line_number, f"{named} looks like {other} and is not the same: {named!a}")
