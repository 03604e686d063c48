"""The order log that the demo replays: what buyers ordered and what they sent back.

Pure values. `csv_log` reads one from a file, `synthetic_log` makes one from a seed.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

CURRENCY = "GBP"
ON_HAND_UNITS_MAX = 10**12
LINES_PER_ORDER_MAX = 200
UNITS_PER_LINE_MAX = 1_000_000
PRICE_MINOR_MAX = 100_000_000
GOODS_MINOR_MAX = 10**12


class DemoInputError(Exception):
    """The demo was asked for something it cannot do; the message names the field and the value."""


class SkipReason(StrEnum):
    """Why a row of an order file is not replayed. The value is what the report says."""

    BROKEN_QUOTING = "broken quoting"
    WRONG_COLUMN_COUNT = "not as many columns as the header"
    NO_INVOICE_ID = "InvoiceNo is not 1 to 64 of A-Z a-z 0-9 . _ : -"
    BAD_CUSTOMER_ID = "CustomerID is not at most 64 of A-Z a-z 0-9 . _ : -"
    OTHER_CUSTOMER = "CustomerID differs from the invoice's first row"
    NOT_AN_ARTICLE = "StockCode is not an article (postage, discount, fees)"
    SKU_OUT_OF_BOUNDS = "StockCode is longer than 64 bytes or not printable"
    QUANTITY_NOT_A_NUMBER = "Quantity is not a whole number"
    PRICE_NOT_A_NUMBER = "UnitPrice is not a number"
    QUANTITY_NOT_POSITIVE = "sale with a Quantity of 0 or less"
    PRICE_NOT_POSITIVE = "sale with a UnitPrice of less than a penny"
    RETURN_NOT_NEGATIVE = "return with a Quantity of 0 or more"
    QUANTITY_TOO_LARGE = "Quantity beyond 1,000,000"
    PRICE_TOO_LARGE = "UnitPrice beyond 1,000,000"
    TOO_MANY_LINES = "invoice of more than 200 lines"
    TOO_MANY_UNITS = "invoice of more than 1,000,000 units of an article"
    TOO_MUCH_MONEY = "invoice of more than 10,000,000,000"


class OrderedLine(NamedTuple):
    """Units of an article, and what the buyer paid for each, in minor units of `CURRENCY`."""

    sku: str
    quantity: int
    price_minor: int


@dataclass(frozen=True, slots=True)
class Order:
    """One sale. `position` orders the log, `number` is the shop's own, `buyer_id` may be "".

    `lines` are as ordered: one SKU may be on several of them, at several prices.
    """

    position: int
    number: str
    buyer_id: str
    lines: tuple[OrderedLine, ...]

    def units_by_sku(self) -> dict[str, int]:
        """Units of each SKU, its lines summed."""
        units: dict[str, int] = defaultdict(int)
        for line in self.lines:
            units[line.sku] += line.quantity
        return dict(units)

    def paid_minor(self) -> int:
        """The money that the buyer paid for the goods."""
        return sum(line.quantity * line.price_minor for line in self.lines)


@dataclass(frozen=True, slots=True)
class ReturnLine:
    """`quantity` units of `sku` that `buyer_id` sent back after `position` in the log."""

    position: int
    return_id: str
    buyer_id: str
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class OrderLog:
    """Everything to replay, and what was left out of it.

    `rows` is how many there were to begin with: every one is a line of an order, a return line, or
    counted in `skipped`. `descriptions` gives a SKU's name for people, where one is known.
    """

    orders: tuple[Order, ...]
    returns: tuple[ReturnLine, ...]
    descriptions: Mapping[str, str]
    skipped: Mapping[SkipReason, int]
    rows: int

    def line_count(self) -> int:
        """The number of lines of all orders."""
        return sum(len(order.lines) for order in self.orders)

    def demand_units(self) -> Counter[str]:
        """Units ordered of each SKU over all orders; returns do not lower it."""
        demand: Counter[str] = Counter()
        for order in self.orders:
            for line in order.lines:
                demand[line.sku] += line.quantity
        return demand


def prices_of(orders: Iterable[Order]) -> dict[str, int]:
    """The price of a unit of each SKU before discounts: the most that anybody paid for it."""
    prices_minor: dict[str, int] = {}
    for order in orders:
        for line in order.lines:
            prices_minor[line.sku] = max(line.price_minor, prices_minor.get(line.sku, 0))
    return prices_minor


def initial_stock_units(demand_units: Mapping[str, int], stock_ratio: float) -> dict[str, int]:
    """Units to begin with: floor(stock_ratio * demand) of each SKU.

    The ratio is taken as it is written (0.29 of 100 is 29, which binary fractions would make 28).
    Raises DemoInputError if a SKU would have more units than a stock level can hold.
    """
    ratio = Fraction(str(stock_ratio))
    stock = {sku: int(ratio * demand) for sku, demand in demand_units.items()}
    for sku, units in stock.items():
        if units > ON_HAND_UNITS_MAX:
            raise DemoInputError(
                f"--stock-ratio {stock_ratio} of the demand for SKU {sku} is {units:,} units, "
                f"more than {ON_HAND_UNITS_MAX:,}; choose a smaller ratio"
            )
    return stock
