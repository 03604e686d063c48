"""Sums: what every stock level and buyer count must be, added up over all reservations.

The store may be at work meanwhile. A level has a version that grows at every change, so a level
whose version stood still while the reservations were read is proven; one that moved is read again,
with the next pass. A row that disagrees is reported only when it has stood still and disagreed
twice: a scan of a shrinking hash may show a reservation twice.

Memory is bounded: rows are taken a slice at a time, by hash, and each slice reads the reservations
once more.
"""

import zlib
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from engine.audit.protocol import Ask, Finding, Progress, Steps, Summary, pairs, shown
from engine.keys import PartitionKeys
from engine.model import Reservation, State, StockLevel
from engine.records import (
    Unreadable,
    buyer_field,
    split_field,
    stock_field,
    unpack_level,
    unpack_locations,
    unpack_reservation,
)

PASSES_MAX = 4
ROWS_PER_SLICE_MAX = 500_000
SCAN_COUNT = 1_000

Rows = dict[str, Any]


def check_levels(keys: PartitionKeys, summary: Summary) -> Steps:
    """Checks every stock level and buyer count against the reservations."""
    (levels, buyers, total) = yield Ask(
        [("HLEN", keys.stock), ("HLEN", keys.buyers), ("HLEN", keys.reservations)]
    )
    slices = 1 + (levels + buyers) // ROWS_PER_SLICE_MAX
    for number in range(slices):
        yield from _check_slice(keys, summary, _Slice(number, slices), total)


class _Buyer(NamedTuple):
    """A buyer's row: the units, and the packed levels of the SKU, whose versions tell of moves."""

    units: int
    levels: tuple[bytes | None, ...]


class _Slice:
    """The rows of one slice, and what has been found of each."""

    def __init__(self, number: int, slices: int) -> None:
        self._number = number
        self._slices = slices
        # Rows that have not been proven yet; None means all of the slice.
        self.open: set[str] | None = None
        self.suspects: dict[str, tuple[Any, Any]] = {}

    def has(self, row: str) -> bool:
        """Whether a row belongs to the slice and is still open."""
        if self.open is not None:
            return row in self.open
        return self._slices == 1 or zlib.crc32(row.encode()) % self._slices == self._number


def _check_slice(keys: PartitionKeys, summary: Summary, part: _Slice, total: int) -> Steps:
    for number in range(PASSES_MAX):
        stored = yield from _stored_rows(keys, part)
        if number == 0:
            summary.levels += sum(1 for row in stored if row.startswith("s"))
            summary.buyers += sum(1 for row in stored if row.startswith("b"))
        sums = yield from _sums(keys, part, total)
        differing = sorted(
            row
            for row in stored.keys() | sums.keys()
            if _counts(stored.get(row)) != sums.get(row, (0, 0))
        )
        again = yield from _read_rows(keys, differing)
        part.open = set()
        for row in differing:
            seen = (again.get(row), sums.get(row, (0, 0)))
            if again.get(row) == stored.get(row) and part.suspects.get(row) == seen:
                summary.findings += 1
                yield _finding(row, *seen)
                continue
            part.open.add(row)
            part.suspects[row] = seen
        if not part.open:
            return
    summary.unsettled += len(part.open or ())


def _counts(value: Any) -> tuple[int, int]:
    """What a stored row says that the reservations must add up to."""
    if value is None:
        return (0, 0)
    if isinstance(value, _Buyer):
        return (value.units, 0)
    return (value.reserved, value.confirmed)


def _finding(row: str, stored: Any, sums: tuple[int, int]) -> Finding:
    name = row[1:]
    if row.startswith("b"):
        buyer_id, sku = name.split("\0")
        return Finding(
            "buyer_units_are_sum_of_reservations",
            f"buyer {buyer_id}, SKU {sku}",
            f"the store counts {stored.units} units, the buyer's reservations hold {sums[0]}",
        )
    sku, location = split_field(name)
    found = (
        "there is no such level"
        if stored is None
        else (f"the level has {stored.reserved} reserved and {stored.confirmed} confirmed")
    )
    return Finding(
        "level_is_sum_of_reservations",
        f"stock {sku} @ {location}",
        f"{found}; the reservations hold {sums[0]} reserved and {sums[1]} confirmed",
    )


def _stored_rows(keys: PartitionKeys, part: _Slice) -> Generator[Any, Any, Rows]:
    if part.open is not None:
        return (yield from _read_rows(keys, sorted(part.open)))
    rows: Rows = {}
    for key, letter in ((keys.stock, "s"), (keys.buyers, "b")):
        cursor = 0
        while True:
            ((cursor, flat),) = yield Ask([("HSCAN", key, cursor, "COUNT", SCAN_COUNT)])
            for name, value in pairs(flat):
                row = letter + shown(name)
                if part.has(row) and (letter == "s" or name.count(b"\0") == 1):
                    rows[row] = _parsed(row, value)
            if int(cursor) == 0:
                break
    return rows


def _read_rows(keys: PartitionKeys, rows: list[str]) -> Generator[Any, Any, Rows]:
    found: Rows = {}
    for first in range(0, len(rows), SCAN_COUNT):
        some = rows[first : first + SCAN_COUNT]
        levels = [row for row in some if row.startswith("s")]
        buyers = [row for row in some if row.startswith("b")]
        values = yield Ask([("HGET", keys.stock, row[1:]) for row in levels])
        found |= {
            row: _parsed(row, value)
            for row, value in zip(levels, values, strict=True)
            if value is not None
        }
        found |= yield from _read_buyers(keys, buyers)
    return found


def _read_buyers(keys: PartitionKeys, rows: list[str]) -> Generator[Any, Any, Rows]:
    """Reads buyers' rows with the levels of their SKUs: no unit of a buyer moves without one."""
    skus = sorted({row.split("\0")[1] for row in rows})
    if not skus:
        return {}
    (located,) = yield Ask([("HMGET", keys.locations, *skus)])
    fields = {sku: _fields(sku, packed) for sku, packed in zip(skus, located, strict=True)}
    *values, levels = yield Ask(
        [("HGET", keys.buyers, row[1:]) for row in rows]
        + [("HMGET", keys.stock, *(field for sku in skus for field in fields[sku]))],
        atomic=True,
    )
    flat = iter(levels)
    moved_with = {sku: tuple(next(flat) for _ in fields[sku]) for sku in skus}
    return {
        row: _Buyer(_units(value), moved_with[row.split("\0")[1]])
        for row, value in zip(rows, values, strict=True)
    }


def _fields(sku: str, located: bytes | None) -> list[str]:
    with suppress(msgspec.MsgspecError):
        return [sku, *(stock_field(sku, at) for at in unpack_locations(located or b"\x90"))]
    return [sku]


def _parsed(row: str, value: bytes) -> "StockLevel | _Buyer | None":
    if row.startswith("b"):
        return _Buyer(_units(value), ())
    with suppress(Unreadable):
        return unpack_level(row[1:], value)
    return None


def _units(value: bytes | None) -> int:
    """A buyer's units; -1, which no sum can be, for what is no number."""
    if value is None:
        return 0
    return int(value) if value.isdigit() else -1


def _sums(
    keys: PartitionKeys, part: _Slice, total: int
) -> Generator[Any, Any, dict[str, tuple[int, int]]]:
    reserved: Counter[str] = Counter()
    confirmed: Counter[str] = Counter()
    cursor = checked = 0
    while True:
        ((cursor, flat),) = yield Ask([("HSCAN", keys.reservations, cursor, "COUNT", SCAN_COUNT)])
        for name, record in pairs(flat):
            with suppress(Unreadable, UnicodeDecodeError):  # check_rows has named it
                for row, held, sold in _shares(unpack_reservation(name.decode(), record)):
                    if part.has(row):
                        reserved[row] += held
                        confirmed[row] += sold
            checked += 1
        yield Progress(checked, max(total, checked))
        if int(cursor) == 0:
            break
    return {
        row: (reserved[row], confirmed[row])
        for row in reserved.keys() | confirmed.keys()
        if reserved[row] or confirmed[row]
    }


def _shares(reservation: Reservation) -> Iterator[tuple[str, int, int]]:
    """What a reservation adds to which rows: to a level reserved and confirmed units, to a buyer
    the units that count for a limit.
    """
    for line in reservation.lines:
        row = "s" + stock_field(line.sku, line.location)
        left = line.quantity - line.cancelled - line.returned
        if reservation.state is State.RESERVED:
            yield row, line.quantity, 0
        elif reservation.state in (State.CONFIRMED, State.FULFILLED, State.CANCELLED):
            yield row, 0, line.quantity - line.shipped - line.cancelled
        else:
            left = 0
        if left and reservation.buyer_id:
            yield "b" + buyer_field(reservation.buyer_id, line.sku), left, 0
