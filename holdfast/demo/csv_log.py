"""Reads an order log from a CSV file of invoices, in the columns of the "Online Retail" data set.

One invoice is one order with all its lines; one whose number starts with `C` is a return. Prices
are in pounds, and are taken to the penny. The log's order is the file's. A row that cannot be
replayed is counted under a SkipReason; blank lines are not rows. An article's StockCode starts with
five digits (`85123A`); whatever else is sold on an invoice (`POST`, `D`, `M`, `DOT`, `C2`,
`BANK CHARGES`, `AMAZONFEE`, gift vouchers) has no stock.

The set is around in several forms, and programs that save tables add more: columns of its second
part have other names, semicolons and decimal commas come from a spreadsheet, `12.0` from a program
that took whole numbers for decimal ones, `c536379` and `85123a` from fingers. All are read.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import NamedTuple

from holdfast.csv_lines import CsvLine, csv_lines
from holdfast.demo.order_log import (
    GOODS_MINOR_MAX,
    LINES_PER_ORDER_MAX,
    PRICE_MINOR_MAX,
    UNITS_PER_LINE_MAX,
    DemoInputError,
    Order,
    OrderedLine,
    OrderLog,
    ReturnLine,
    SkipReason,
    prices_of,
)

COLUMNS = ("InvoiceNo", "StockCode", "Quantity", "UnitPrice", "CustomerID")
"""The columns that a file must have, in any order. `Description` is shown where it is there."""
DESCRIPTION = "Description"
ALIASES = {"invoice": "InvoiceNo", "price": "UnitPrice"}
"""Other names of columns. Spaces, underlines and case make no difference."""
DELIMITERS = (",", ";", "\t")
_NAMES = {name.lower(): name for name in (*COLUMNS, DESCRIPTION)} | ALIASES
FILE_BYTES_MAX = 512 * 1024 * 1024
FILE_LINES_MAX = 2_000_000
SKU_BYTES_MAX = 64
SNIFFED_BYTES = 4096

_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
_ARTICLE = re.compile(r"[0-9]{5}")
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,15}")
_WITH_ZERO = re.compile(r"([+-]?[0-9]{1,15})[.,]0")
_DECIMAL_COMMA = re.compile(r"([+-]?[0-9]+),([0-9]{1,4})")
_WORKBOOK = b"PK\x03\x04"
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")


def read_order_log(path: Path) -> OrderLog:
    """The order log in the file at `path`.

    Raises DemoInputError if it is not a readable CSV file of invoices, or holds no order.
    """
    if path.is_dir():
        raise DemoInputError(f"--orders {path} is a directory; name a CSV file")
    if not path.exists():
        raise DemoInputError(f"--orders {path} does not exist")
    if not path.is_file():
        raise DemoInputError(f"--orders {path} is not a regular file")
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise DemoInputError(f"--orders {path} is larger than {FILE_BYTES_MAX >> 20} MiB")
        content = path.read_bytes()
    except OSError as error:
        raise DemoInputError(f"--orders {path} cannot be read: {error.strerror}") from error
    try:
        return parse_order_log(decode_orders(content))
    except DemoInputError as error:
        raise DemoInputError(f"--orders {path}: {error}") from error


def decode_orders(content: bytes) -> str:
    """The text of an order file: UTF-8 (with or without BOM) if it is that, else Latin-1.

    Every byte sequence is Latin-1, so no text file fails. Raises DemoInputError for an empty file
    and for one that holds NUL bytes, which no CSV file does.
    """
    if not content.strip():
        raise DemoInputError("the file is empty")
    if content.startswith(_WORKBOOK):
        raise DemoInputError("the file is a workbook of a spreadsheet; save it as CSV")
    if b"\0" in content[:SNIFFED_BYTES]:
        raise DemoInputError("the file is not text; give a CSV file in Latin-1 or UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def parse_order_log(text: str) -> OrderLog:
    """The order log in the text of a CSV file, with a header row.

    Raises DemoInputError for a missing column, too many lines, or if no order is left.
    """
    lines, header = _with_header(text)
    invoices = _Invoices(header)
    for line in lines:
        if line.number > FILE_LINES_MAX:
            raise DemoInputError(f"the file has more than {FILE_LINES_MAX:,} lines")
        invoices.add(line)
    return invoices.order_log()


def _with_header(text: str) -> tuple[Iterator[CsvLine], list[str]]:
    """The lines after the first, and the columns that it names. Raises DemoInputError.

    The sign between columns is the one that makes the columns.
    """
    problems = []
    for sign in DELIMITERS:
        lines = csv_lines(text, sign)
        first = next(lines, None)
        header = [_column(name) for name in (first and first.cells) or ()]
        missing = [name for name in COLUMNS if name not in header]
        if not missing:
            return lines, header
        problems.append((len(missing), missing[0]))
    raise DemoInputError(
        f"column {min(problems)[1]} is missing; the first row must name {', '.join(COLUMNS)}, "
        "separated by commas, semicolons or tabs"
    )


def _column(name: str) -> str:
    """The name that we have for a column of a file."""
    plain = re.sub(r"[\s_]", "", name).lower()
    return _NAMES.get(plain, name.strip())


def _whole(text: str) -> str:
    """A whole number, or a text that names a thing, without the `.0` that a program has added."""
    found = _WITH_ZERO.fullmatch(text)
    return found[1] if found else text


def _amount(text: str) -> str:
    """An amount with a decimal point, without the sign of pounds."""
    text = text.removeprefix("£").strip()
    found = _DECIMAL_COMMA.fullmatch(text)
    return f"{found[1]}.{found[2]}" if found else text


class _Row(NamedTuple):
    """A row that can be replayed; `quantity` is positive, for a return too."""

    invoice_no: str
    customer_id: str
    sku: str
    quantity: int
    price_minor: int

    @property
    def is_return(self) -> bool:
        return self.invoice_no.startswith("C")


def _judge(cells: dict[str, str]) -> _Row | SkipReason:
    """The content of a row, or the first reason not to replay it."""
    invoice_no, sku, quantity_text, customer_id = (
        _whole(cells[name]) for name in ("InvoiceNo", "StockCode", "Quantity", "CustomerID")
    )
    price_text = _amount(cells["UnitPrice"])
    # `85123a` and `85123A` are one article, `c536379` is the return C536379.
    invoice_no, sku = invoice_no.upper(), sku.upper()
    if not _ID.fullmatch(invoice_no):
        return SkipReason.NO_INVOICE_ID
    if not _ARTICLE.match(sku):
        return SkipReason.NOT_AN_ARTICLE
    if len(sku.encode()) > SKU_BYTES_MAX or not sku.isprintable():
        return SkipReason.SKU_OUT_OF_BOUNDS
    if customer_id and not _ID.fullmatch(customer_id):
        return SkipReason.BAD_CUSTOMER_ID
    if not _WHOLE_NUMBER.fullmatch(quantity_text):
        return SkipReason.QUANTITY_NOT_A_NUMBER
    if not _NUMBER.fullmatch(price_text) or not math.isfinite(float(price_text)):
        return SkipReason.PRICE_NOT_A_NUMBER
    row = _Row(invoice_no, customer_id, sku, int(quantity_text), _minor(price_text))
    if abs(row.quantity) > UNITS_PER_LINE_MAX:
        return SkipReason.QUANTITY_TOO_LARGE
    if row.is_return:
        # The price of a return is ignored: the refund follows the order it belongs to.
        if row.quantity >= 0:
            return SkipReason.RETURN_NOT_NEGATIVE
        return row._replace(quantity=-row.quantity)
    if row.quantity <= 0:
        return SkipReason.QUANTITY_NOT_POSITIVE
    if row.price_minor <= 0:
        return SkipReason.PRICE_NOT_POSITIVE
    return row if row.price_minor <= PRICE_MINOR_MAX else SkipReason.PRICE_TOO_LARGE


def _minor(price_text: str) -> int:
    """A price in pounds as pence."""
    return int((Decimal(price_text) * 100).to_integral_value(ROUND_HALF_UP))


def _beyond_bounds(order: Order, prices_minor: Mapping[str, int]) -> SkipReason | None:
    """Why an order is too large to be placed, if it is."""
    if len(order.lines) > LINES_PER_ORDER_MAX:
        return SkipReason.TOO_MANY_LINES
    units = order.units_by_sku()
    if max(units.values()) > UNITS_PER_LINE_MAX:
        return SkipReason.TOO_MANY_UNITS
    goods_minor = sum(quantity * prices_minor[sku] for sku, quantity in units.items())
    return SkipReason.TOO_MUCH_MONEY if goods_minor > GOODS_MINOR_MAX else None


@dataclass(slots=True)
class _Invoice:
    """A sale as far as it has been read."""

    position: int
    customer_id: str
    lines: list[OrderedLine] = field(default_factory=list)


class _Invoices:
    """The rows read so far, put together to orders and returns."""

    def __init__(self, header: list[str]) -> None:
        self._header = header
        self._sales: dict[str, _Invoice] = {}
        self._returns: list[ReturnLine] = []
        self._descriptions: dict[str, str] = {}
        self._skipped: Counter[SkipReason] = Counter()
        self._rows = 0

    def add(self, line: CsvLine) -> None:
        """Takes the next row.

        A row with broken quoting or the wrong number of cells counts as all the lines it takes up:
        a quote that is never closed swallows rows, and these must not vanish from the counts.
        """
        if len(line.cells) != len(self._header):
            reason = SkipReason.BROKEN_QUOTING if line.problem else SkipReason.WRONG_COLUMN_COUNT
            self._rows += line.line_count
            self._skipped[reason] += line.line_count
            return
        self._rows += 1
        named = {name: cell.strip() for name, cell in zip(self._header, line.cells, strict=True)}
        row = _judge(named)
        if isinstance(row, SkipReason):
            self._skipped[row] += 1
            return
        self._add_row(line.number, row)
        if description := named.get(DESCRIPTION):
            self._descriptions.setdefault(row.sku, description)

    def _add_row(self, line_number: int, row: _Row) -> None:
        if row.is_return:
            return_id = f"line-{line_number}"
            self._returns.append(
                ReturnLine(line_number, return_id, row.customer_id, row.sku, row.quantity)
            )
            return
        invoice = self._sales.setdefault(row.invoice_no, _Invoice(line_number, row.customer_id))
        if invoice.customer_id != row.customer_id:
            self._skipped[SkipReason.OTHER_CUSTOMER] += 1
        else:
            invoice.lines.append(OrderedLine(row.sku, row.quantity, row.price_minor))

    def order_log(self) -> OrderLog:
        """The log. An invoice beyond the bounds of an order is skipped whole, and counted."""
        invoices = [
            Order(invoice.position, invoice_no, invoice.customer_id, tuple(invoice.lines))
            for invoice_no, invoice in self._sales.items()
        ]
        prices_minor = prices_of(invoices)
        orders = []
        for order in invoices:
            reason = _beyond_bounds(order, prices_minor)
            if reason:
                self._skipped[reason] += len(order.lines)
            else:
                orders.append(order)
        if not orders:
            raise DemoInputError(f"no order in {self._rows:,} rows{self._reasons()}")
        return OrderLog(
            tuple(orders), tuple(self._returns), self._descriptions, self._skipped, self._rows
        )

    def _reasons(self) -> str:
        reasons = "; ".join(f"{count:,} x {reason}" for reason, count in self._skipped.items())
        return f": {reasons}" if reasons else ""
