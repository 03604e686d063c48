"""How answers are printed: a table for people, or one JSON document; both on stdout."""

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableSequence, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TextIO, get_args, get_type_hints

from holdfast.cli.times import local_iso
from holdfast.money import amount_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

# Where there is no terminal a table is not folded to the width of one, unless COLUMNS says so.
PIPED_WIDTH = 10_000

# As `times.local_iso` writes them.
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9:]{5,8}")
_NAME = re.compile(r"[A-Z_]+")
NAME_PART_WIDTH = 8
_MINUTE_LENGTH = len("2030-01-31 18:00")
_JSON_WANTED = re.compile(r"(^| )(-o|--output)[ =]?json( |$)")

NOTHING_FITS = "Nothing fits: look at the spelling of what narrows the list, and at --tenant."


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether a command line, right or wrong, asks for JSON."""
    return _JSON_WANTED.search(" ".join(arguments)) is not None


def plain(value: Any) -> Any:
    """A value of the SDK as what JSON has: objects with enums as their names."""
    if hasattr(value, "DESCRIPTOR"):
        return {
            name: _plain_field(value, field) if field else getattr(value, name)
            for name, field in _fields_of(value.DESCRIPTOR)
        }
    if isinstance(value, Enum):
        return value.name
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


@cache
def _fields_of(message_type: Any) -> tuple[tuple[str, Any], ...]:
    """The names of a message's fields, each with its field where its value is not the answer."""
    return tuple(
        (field.name, field if field.enum_type or field.message_type or _is_special(field) else None)
        for field in message_type.fields
    )


def _is_special(field: Any) -> bool:
    return bool(field.has_presence or _is_list(field))


def _is_list(field: Any) -> bool:
    from holdfast.messages import is_repeated

    return is_repeated(field)


def _plain_field(message: Any, field: Any) -> Any:
    """A field of a protobuf message; None where it has a presence and is not set."""
    value = getattr(message, field.name)
    if isinstance(value, MutableSequence):
        return [_plain_value(item, field) for item in value]
    if field.has_presence and not message.HasField(field.name):
        return None
    return _plain_value(value, field)


def _plain_value(value: Any, field: Any) -> Any:
    return enum_name(field.enum_type, value) if field.enum_type else plain(value)


@cache
def enum_name(enum: Any, number: int) -> str:
    """The name of a protobuf enum's value, without the enum's own name before it."""
    named = enum.values_by_number.get(number)
    if named is None:
        return str(number)
    prefix = enum.values_by_number[0].name.removesuffix("UNSPECIFIED")
    return str(named.name.removeprefix(prefix))


def print_json(document: dict[str, Any]) -> None:
    """Prints the one JSON document of a command."""
    print(json.dumps(document, indent=2, default=plain))


def _shallow(value: Any) -> Any:
    """A value as a dictionary, for an encoder that asks again for what is in it."""
    if hasattr(value, "DESCRIPTOR") or not is_dataclass(value):
        return plain(value)
    kind: Any = type(value)
    names, read, enums = _reading_of(kind)
    found = dict(zip(names, read(value), strict=True))
    for name in enums:
        found[name] = plain(found[name])
    return found


@cache
def _reading_of(kind: Any) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]], list[str]]:
    """The fields of a dataclass, how they are read at once, and which of them may be enums.

    JSON would take an enum that is a number for the number.
    """
    names = tuple(field.name for field in fields(kind))
    kinds = get_type_hints(kind)
    enums = [name for name in names if _may_be_enum(kinds[name])]
    if len(names) == 1:
        return names, lambda value: (getattr(value, names[0]),), enums
    return names, attrgetter(*names), enums


def _may_be_enum(kind: Any) -> bool:
    return any(
        isinstance(each, type) and issubclass(each, Enum) for each in (kind, *get_args(kind))
    )


# Without indent json encodes in C, which is what makes long lists quick.
json_line = json.JSONEncoder(default=_shallow).encode


def stdout_console() -> "Console":
    """Where tables go."""
    from rich.console import Console

    return Console(width=_width_of(sys.stdout), highlight=False)


def stderr_console() -> "Console":
    """Where progress bars and remarks go."""
    from rich.console import Console

    return Console(stderr=True, width=_width_of(sys.stderr), highlight=False)


def _width_of(stream: TextIO) -> int | None:
    """The width of what is printed: the terminal's (None), what COLUMNS says, or hardly bounded."""
    if stream.isatty():
        return None
    columns = os.environ.get("COLUMNS", "")
    is_number = columns.isascii() and columns.isdecimal()
    return int(columns) if is_number and int(columns) else PIPED_WIDTH


def progress_bar() -> "Progress":
    """A progress bar on stderr; hidden where that is no terminal."""
    from rich.progress import Progress

    console = stderr_console()
    return Progress(console=console, transient=True, disable=not console.is_terminal)


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, to: "Console | None" = None
) -> None:
    """Prints rows under columns; whole numbers go to the right, grouped by thousands.

    Where that is wider than the terminal, moments are shortened and lines broken between words; if
    that is not enough, each row is printed as lines of its own. No word is left out, and none but
    the names of states broken: ids can be copied.
    """
    console = to or stdout_console()
    kept = [tuple(row) for row in rows]
    table = _table(columns, kept)
    if _width(table, console) > console.width:
        kept = [tuple(map(_shortened, row)) for row in kept]
        cells = _cut(kept, columns)
        between = _width(_table(columns, kept), console) - sum(map(_longest_line, cells))
        widths = fitting(cells, console.width - between)
        if widths is None:
            _print_one_by_one(columns, kept, console)
            return
        table = _table(columns, kept, widths)
    console.print(table)


def table_of(
    columns: Mapping[str, str | Callable[[Any], object]],
) -> "TableOf":
    """A function that prints messages of the contract, or values of the SDK, in these columns.

    A column is a field, printed for people: times in local time, money in its currency, "-" for an
    empty text; or a function that returns what is printed.
    """
    return TableOf(columns)


class TableOf:
    """Prints things in columns, see `table_of`."""

    def __init__(self, columns: Mapping[str, str | Callable[[Any], object]]) -> None:
        self._columns = columns
        self._shown: dict[type, list[Callable[[Any], object]]] = {}

    def __call__(self, things: Iterable[Any]) -> None:
        """Prints them as a table."""
        print_table(tuple(self._columns), map(self._row, things))

    def parts(self, parts: Iterator[Sequence[Any]]) -> None:
        """Prints parts as they come: the first as a table, rows of others below it, unfolded."""
        first = [self._row(thing) for thing in next(parts, ())]
        print_table(tuple(self._columns), first)
        sys.stdout.flush()
        widths = [max(map(len, cells)) for cells in _cut(first, tuple(self._columns))]
        for things in parts:
            sys.stdout.write("".join(_line(self._row(thing), widths) for thing in things))
            sys.stdout.flush()

    def _row(self, thing: Any) -> list[object]:
        kind = type(thing)
        if kind not in self._shown:
            self._shown[kind] = [_showing(kind, column) for column in self._columns.values()]
        return [shown(thing) for shown in self._shown[kind]]


def _line(row: Sequence[object], widths: Sequence[int]) -> str:
    """A row as the table above it has them."""
    cells = [
        f"{value:{width},}" if isinstance(value, int) else _cell(value).ljust(width)
        for value, width in zip(row, widths, strict=True)
    ]
    return f" {'   '.join(cells)}\n"


def _showing(kind: Any, column: str | Callable[[Any], object]) -> Callable[[Any], object]:
    """How a column of things of a kind is printed: found once, because lists are long."""
    if callable(column):
        return column
    read = attrgetter(column)
    if column.endswith("at_ms"):
        return lambda thing: local_iso(read(thing))
    if column.endswith("_minor"):
        return lambda thing: amount_text(read(thing), thing.currency)
    field = kind.DESCRIPTOR.fields_by_name.get(column) if hasattr(kind, "DESCRIPTOR") else None
    if field and field.enum_type and not _is_list(field):
        return lambda thing: enum_name(field.enum_type, read(thing))
    return lambda thing: _shown(read(thing))


def _shown(value: Any) -> object:
    if type(value) is int:
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Enum):
        return value.name
    return "-" if value == "" else value


def fitting(columns: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """How wide columns can be that have `room` together; None if it is too narrow for some word.

    Those that want least more than their longest word get it first.
    """
    widths = [_longest_word(cells) for cells in columns]
    spare = room - sum(widths)
    if spare < 0:
        return None
    wanted = [_longest_line(cells) - width for cells, width in zip(columns, widths, strict=True)]
    for number in sorted(range(len(columns)), key=wanted.__getitem__):
        given = min(wanted[number], spare)
        widths[number] += given
        spare -= given
    return widths


def _table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], widths: Sequence[int] | None = None
) -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(Text(column), width=widths[number] if widths else None, overflow="fold")
    for row in rows:
        # Text, not str: a SKU may hold what rich takes for markup.
        table.add_row(*(Text(_cell(value), justify=_justify(value)) for value in row))
    return table


def _print_one_by_one(
    columns: Sequence[str], rows: Iterable[Sequence[object]], console: "Console"
) -> None:
    """Prints each row as lines of a name and a value; what does not fit, the terminal folds."""
    from rich.text import Text

    room = max(map(len, columns))
    for row in rows:
        for column, value in zip(columns, row, strict=True):
            console.print(Text(f" {column:{room}}  {_cell(value)}"), soft_wrap=True)
        console.print()


def _width(table: "Table", console: "Console") -> int:
    """How wide a table would be if there were room for it."""
    from rich.measure import Measurement

    options = console.options.update(max_width=PIPED_WIDTH)
    return Measurement.get(console, options, table).maximum


def _cut(rows: Iterable[Sequence[object]], columns: Sequence[str]) -> list[list[str]]:
    """The texts of each column, from its title down."""
    texts = [columns, *([_cell(value) for value in row] for row in rows)]
    return [[row[number] for row in texts] for number in range(len(columns))]


def _longest_line(cells: Iterable[str]) -> int:
    from rich.cells import cell_len

    return max(cell_len(line) for cell in cells for line in cell.splitlines() or [""])


def _longest_word(cells: Iterable[str]) -> int:
    """Of names such as OUT_FOR_DELIVERY only a part: nobody copies them."""
    from rich.cells import cell_len

    return max(
        min(cell_len(word), NAME_PART_WIDTH) if _NAME.fullmatch(word) else cell_len(word)
        for cell in cells
        for word in cell.split() or [""]
    )


def _shortened(value: object) -> object:
    """A cell where there is little room: of a moment the minute, without the offset."""
    is_moment = isinstance(value, str) and _MOMENT.fullmatch(value)
    return str(value)[:_MINUTE_LENGTH] if is_moment else value


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, Enum) else str(value)


def _justify(value: object) -> Any:
    return "right" if isinstance(value, int) else "left"


def print_remark(text: str) -> None:
    """Prints a remark for a person to stderr, beside what is printed on stdout."""
    print(text, file=sys.stderr)
