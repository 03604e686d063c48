"""How answers are printed: a table for people, or one JSON document; both on stdout."""

import json
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

# A table that does not go to a terminal is not folded to the width of one.
PIPED_WIDTH = 10_000

_JSON_WANTED = re.compile(r"(^| )(-o|--output)[ =]?json( |$)")


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether a command line, right or wrong, asks for JSON."""
    return _JSON_WANTED.search(" ".join(arguments)) is not None


def plain(value: Any) -> Any:
    """A value of the SDK as what JSON has: objects with enums as their names."""
    if hasattr(value, "DESCRIPTOR"):
        return {field.name: _plain_field(value, field) for field in value.DESCRIPTOR.fields}
    if isinstance(value, Enum):
        return value.name
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


def _plain_field(message: Any, field: Any) -> Any:
    """A field of a protobuf message; None where it has a presence and is not set."""
    value = getattr(message, field.name)
    if field.is_repeated:
        return [_plain_value(item, field) for item in value]
    if field.has_presence and not message.HasField(field.name):
        return None
    return _plain_value(value, field)


def _plain_value(value: Any, field: Any) -> Any:
    return enum_name(field.enum_type, value) if field.enum_type else plain(value)


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


def stdout_console() -> "Console":
    """Where tables go."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False)


def stderr_console() -> "Console":
    """Where progress bars and remarks go."""
    from rich.console import Console

    width = None if sys.stderr.isatty() else PIPED_WIDTH
    return Console(stderr=True, width=width, highlight=False)


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, to: "Console | None" = None
) -> None:
    """Prints rows under columns; whole numbers go to the right, grouped by thousands."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(Text(column))
    for row in rows:
        # Text, not str: a SKU may hold what rich takes for markup.
        table.add_row(*(Text(_cell(value), justify=_justify(value)) for value in row))
    (to or stdout_console()).print(table)


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, Enum) else str(value)


def _justify(value: object) -> Any:
    return "right" if isinstance(value, int) else "left"


def print_remark(text: str) -> None:
    """Prints a remark for a person to stderr, beside what is printed on stdout."""
    print(text, file=sys.stderr)
