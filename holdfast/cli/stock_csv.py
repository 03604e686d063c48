"""Checks a CSV file of stock before any of it is sent. Pure: bytes in, rows and bad lines out.

The first line names the columns: `sku` and `on_hand`, and if wanted `location`, `safety_stock` and
`limit_per_buyer`, in any order. UTF-8, with or without a byte order mark.
"""

import codecs
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from holdfast.bounds import LIMIT_PER_BUYER_MAX, NAME_BYTES_MAX, ON_HAND_MAX
from holdfast.csv_lines import CsvLine, csv_lines

REQUIRED = ("sku", "on_hand")
OPTIONAL = ("location", "safety_stock", "limit_per_buyer")
FILE_BYTES_MAX = 256 * 1024 * 1024

_DIGITS = re.compile(r"[0-9]{1,18}")
_UNITS_MAX = {
    "on_hand": ON_HAND_MAX,
    "safety_stock": ON_HAND_MAX,
    "limit_per_buyer": LIMIT_PER_BUYER_MAX,
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


class BadLine(NamedTuple):
    """A line that cannot be imported, and every reason why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class CheckedStock:
    """A checked file: its good lines and its bad ones, each in the file's order."""

    rows: tuple[StockRow, ...]
    bad: tuple[BadLine, ...]


def check_stock_csv(content: bytes) -> CheckedStock:
    """Checks every line of the file; where the header is bad, that is the one bad line."""
    if len(content) > FILE_BYTES_MAX:
        return _unreadable(f"the file is larger than {FILE_BYTES_MAX >> 20} MiB; split it")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _unreadable("the file is UTF-16; save it as UTF-8")
    # Bytes that are not UTF-8 become surrogates, so that the lines that hold them can be named.
    text = content.decode("utf-8-sig", errors="surrogateescape")
    lines = csv_lines(text)
    header = next(lines, None)
    if header is None:
        return _unreadable("the file is empty; its first line must name the columns sku,on_hand")
    if problem := header.problem or _header_problem(header.cells):
        return _unreadable(problem)
    return _without_duplicates([_check_line(header.cells, line) for line in lines])


def _unreadable(problem: str) -> CheckedStock:
    return CheckedStock((), (BadLine(1, problem),))


def _header_problem(header: Sequence[str]) -> str:
    allowed = (*REQUIRED, *OPTIONAL)
    if len(header) == 1 and re.search(r"[;\t]", header[0]):
        return "columns must be separated by commas, not by semicolons or tabs"
    unknown = [name for name in header if name not in allowed]
    if unknown:
        return f"unknown column {unknown[0]!a}; the columns are {', '.join(allowed)}"
    for name in allowed:
        if header.count(name) > 1:
            return f"column {name} is there twice"
        if name in REQUIRED and name not in header:
            return f"column {name} is missing; the first line must name the columns sku,on_hand"
    return ""


def _check_line(header: Sequence[str], line: CsvLine) -> StockRow | BadLine:
    if line.problem:
        return BadLine(line.number, line.problem)
    if len(line.cells) != len(header):
        return BadLine(line.number, f"has {len(line.cells)} cells, the header has {len(header)}")
    cells = dict(zip(header, line.cells, strict=True))
    location = cells.get("location") or "default"
    problems = [
        _name_problem("sku", cells["sku"]),
        _name_problem("location", location),
        _units_problem("on_hand", cells["on_hand"]),
        *(_units_problem(name, cells[name]) for name in OPTIONAL[1:] if cells.get(name)),
    ]
    if any(problems):
        return BadLine(line.number, "; ".join(filter(None, problems)))
    return StockRow(
        line=line.number,
        sku=cells["sku"],
        location=location,
        on_hand=int(cells["on_hand"]),
        safety_stock=_units(cells.get("safety_stock")),
        limit_per_buyer=_units(cells.get("limit_per_buyer")),
    )


def _units(text: str | None) -> int | None:
    return int(text) if text else None


def _name_problem(field: str, name: str) -> str:
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        return f"{field}: is not UTF-8; got {name!a}"
    if not name:
        return f"{field}: is empty"
    if length > NAME_BYTES_MAX:
        return f"{field}: is {length} bytes long, at most {NAME_BYTES_MAX} are allowed"
    if not name.isprintable():
        return f"{field}: holds a character that cannot be printed; got {name!a}"
    if name != name.strip():
        # Allowed on the wire, but in a file it makes another SKU that looks the same.
        return f"{field}: has spaces around it; got {name!a}"
    return ""


def _units_problem(field: str, text: str) -> str:
    if not text:
        return f"{field}: is empty"
    units_max = _UNITS_MAX[field]
    if _DIGITS.fullmatch(text) and int(text) <= units_max:
        return ""
    return f"{field}: must be a whole number from 0 to {units_max:,}; got {text[:80]!a}"


def _without_duplicates(judged: Sequence[StockRow | BadLine]) -> CheckedStock:
    """All lines of a SKU and location that has several are bad: which one is meant is not known."""
    lines_by_level = defaultdict(list)
    for row in judged:
        if isinstance(row, StockRow):
            lines_by_level[row.sku, row.location].append(row.line)
    rows: list[StockRow] = []
    bad: list[BadLine] = []
    for row in judged:
        if isinstance(row, BadLine):
            bad.append(row)
            continue
        others = [line for line in lines_by_level[row.sku, row.location][:5] if line != row.line]
        if others:
            also = ", ".join(map(str, others))
            bad.append(BadLine(row.line, f"sku {row.sku} at {row.location} is also on line {also}"))
        else:
            rows.append(row)
    return CheckedStock(tuple(rows), tuple(bad))
