"""The lines of a file of stock.

The first line names the columns: `sku` and `on_hand`, and if wanted `location`, `safety_stock`,
`limit_per_buyer` and `expected_version`, in any order.
"""

import io
import re
from dataclasses import dataclass
from typing import NamedTuple

from holdfast.bounds import LIMIT_PER_BUYER_MAX, ON_HAND_MAX
from holdfast.cli.imports.check import BadLine, Cells, Kind, check, good_rows
from holdfast.cli.imports.files import Columns, Unreadable, open_csv
from holdfast.cli.imports.names import name_problem, oddity

COLUMNS = Columns(
    ("sku", "on_hand"), ("location", "safety_stock", "limit_per_buyer", "expected_version")
)
DEFAULT_LOCATION = "default"

VERSION_MAX = 10**15
_DIGITS = re.compile(r"[0-9]{1,18}")
_UNITS_MAX = {
    "on_hand": ON_HAND_MAX,
    "safety_stock": ON_HAND_MAX,
    "limit_per_buyer": LIMIT_PER_BUYER_MAX,
    "expected_version": VERSION_MAX,
}


class StockRow(NamedTuple):
    """A good line: what SetStock is called with, in units, and where it stands in the file.

    A setting without a column, or whose cell is empty, is None: it stays as it is.
    """

    line: int
    sku: str
    location: str
    on_hand: int
    safety_stock: int | None
    limit_per_buyer: int | None
    expected_version: int | None = None


@dataclass(frozen=True, slots=True)
class CheckedStock:
    """A checked file: its good lines and its bad ones, each in the file's order."""

    rows: tuple[StockRow, ...]
    bad: tuple[BadLine, ...]


def check_stock_csv(
    content: bytes, delimiter: str = "", *, as_written: bool = False
) -> CheckedStock:
    """Checks every line of a file; where the header is bad, that is the one bad line."""
    try:
        file = open_csv(io.BytesIO(content), COLUMNS, delimiter)
    except Unreadable as problem:
        return CheckedStock((), (BadLine(1, str(problem)),))
    checked = check(file, STOCK, as_written=as_written)
    return CheckedStock(tuple(good_rows(file, STOCK, checked, 0)), tuple(checked.bad))


def _problems(cells: Cells, odd_too: bool) -> list[str]:
    names = {"sku": cells["sku"], "location": _location(cells)}
    found = [name_problem(field, name) for field, name in names.items()]
    if odd_too and not any(found):
        found = [oddity(field, name) for field, name in names.items()]
    optional = (name for name in _UNITS_MAX if name != "on_hand" and cells.get(name))
    return [*found, *(_units_problem(name, cells[name]) for name in ("on_hand", *optional))]


def _units_problem(field: str, text: str) -> str:
    if not text:
        return f"{field}: is empty"
    units_max = _UNITS_MAX[field]
    if _DIGITS.fullmatch(text) and int(text) <= units_max:
        return ""
    return f"{field}: must be a whole number from 0 to {units_max:,}; got {text[:80]!a}"


def _row(line: int, cells: Cells) -> StockRow:
    return StockRow(
        line=line,
        sku=cells["sku"],
        location=_location(cells),
        on_hand=int(cells["on_hand"]),
        safety_stock=_units(cells.get("safety_stock")),
        limit_per_buyer=_units(cells.get("limit_per_buyer")),
        expected_version=_units(cells.get("expected_version")),
    )


def _location(cells: Cells) -> str:
    return cells.get("location") or DEFAULT_LOCATION


def _units(text: str | None) -> int | None:
    return int(text) if text else None


STOCK: Kind[StockRow] = Kind(
    COLUMNS,
    _problems,
    _row,
    key=lambda cells: (cells["sku"], _location(cells)),
    named=lambda cells: f"sku {cells['sku']} at {_location(cells)}",
)
