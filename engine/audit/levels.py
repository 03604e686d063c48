"""Sums: what every stock level and buyer count must be, added up over all reservations.

The store may be at work meanwhile. A level has a version that grows at every change, so a level
whose version stood still while the reservations were read is proven; one that moved is read again,
with the next pass. A row that disagrees is reported only when it has stood still and disagreed
twice: a scan of a shrinking hash may show a reservation twice.

Memory is bounded: rows are taken a slice at a time, by hash, and each slice reads the reservations
once more. Where that would be many slices, a first look proves most buyers beforehand.
"""

import zlib
from collections import Counter
from collections.abc import Generator
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from engine.audit.first_sight import GROUPS, doubtful_groups, group_of, shares, units_of
from engine.audit.protocol import (
    ROWS_PER_PAGE,
    Ask,
    Finding,
    Progress,
    Steps,
    Summary,
    pages,
    shown,
)
from engine.keys import PartitionKeys
from engine.model import StockLevel
from engine.records import (
    Unreadable,
    due_from_ms,
    fields_of_sku,
    split_field,
    unpack_level,
    unpack_reservation,
)

PASSES_MAX = 4
ROWS_PER_SLICE_MAX = 500_000

Rows = dict[str, Any]


def check_levels(keys: PartitionKeys, summary: Summary) -> Steps:
    """Checks every stock level and buyer count against the reservations."""
    (levels, buyers, total) = yield Ask(
        [("HLEN", keys.stock), ("HLEN", keys.buyers), ("HLEN", keys.reservations)]
    )
    groups = None
    if levels + buyers > ROWS_PER_SLICE_MAX:
        groups = yield from doubtful_groups(keys, summary, total)
        buyers = buyers * len(groups) // GROUPS
    slices = 1 + (levels + buyers) // ROWS_PER_SLICE_MAX
    for number in range(slices):
        yield from _check_slice(keys, summary, _Slice(number, slices, groups), total)


class _Level(NamedTuple):
    """A level's row: its counts, and the time before which none of its reserved units is due."""

    level: StockLevel
    due_from_ms: int


class _Buyer(NamedTuple):
    """A buyer's row: the units, and the packed levels of the SKU, whose versions show any move."""

    units: int
    levels: tuple[bytes | None, ...]


class _Sum(NamedTuple):
    """The sum of the reservations for a row: units, and the earliest deadline of reserved ones."""

    reserved: int = 0
    confirmed: int = 0
    due_at_ms: int = 0


class _Slice:
    """The rows of one slice, and the results of the check so far.

    Only buyers in `groups` belong to it; None means all.
    """

    def __init__(self, number: int, slices: int, groups: frozenset[int] | None) -> None:
        self._number = number
        self._slices = slices
        self._groups = groups
        self.keys = ("stock",) if groups == frozenset() else ("stock", "buyers")
        # Rows that have not been proven yet; None means all of the slice.
        self.open: set[str] | None = None
        self.suspects: dict[str, tuple[Any, Any]] = {}

    def has(self, row: str) -> bool:
        """Whether a row belongs to the slice and is still open."""
        if self.open is not None:
            return row in self.open
        if self._groups is not None and row.startswith("b") and group_of(row) not in self._groups:
            return False
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
            if not _agrees(stored.get(row), sums.get(row, _Sum()))
        )
        again = yield from _read_rows(keys, differing)
        part.open = set()
        for row in differing:
            seen = (again.get(row), sums.get(row, _Sum()))
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
    """Reserved and confirmed units of a stored row, to which the reservations must add up."""
    if value is None:
        return (0, 0)
    if isinstance(value, _Buyer):
        return (value.units, 0)
    return (value.level.reserved, value.level.confirmed)


def _agrees(value: Any, sums: _Sum) -> bool:
    if _counts(value) != (sums.reserved, sums.confirmed):
        return False
    return not isinstance(value, _Level) or not sums.reserved or value.due_from_ms <= sums.due_at_ms


def _finding(row: str, stored: Any, sums: _Sum) -> Finding:
    name = row[1:]
    if row.startswith("b"):
        buyer_id, sku = name.split("\0")
        return Finding(
            "buyer_units_are_sum_of_reservations",
            f"buyer {buyer_id}, SKU {sku}",
            f"the store counts {stored.units} units, the buyer's reservations hold {sums.reserved}",
        )
    sku, location = split_field(name)
    reserved, confirmed = _counts(stored)
    if (reserved, confirmed) == (sums.reserved, sums.confirmed):
        return Finding(
            "no_unit_is_due_before_its_level_says",
            f"stock {sku} @ {location}",
            f"the level says {stored.due_from_ms}, a reservation is due at {sums.due_at_ms}",
        )
    found = (
        f"the level has {reserved} reserved and {confirmed} confirmed"
        if stored
        else "there is no such level"
    )
    return Finding(
        "level_is_sum_of_reservations",
        f"stock {sku} @ {location}",
        f"{found}; the reservations hold {sums.reserved} reserved and {sums.confirmed} confirmed",
    )


def _stored_rows(keys: PartitionKeys, part: _Slice) -> Generator[Any, Any, Rows]:
    if part.open is not None:
        return (yield from _read_rows(keys, sorted(part.open)))
    rows: Rows = {}
    for key in part.keys:
        letter = key[0]
        for page in pages("HSCAN", getattr(keys, key)):
            for name, value in (yield from page):
                row = letter + shown(name)
                if part.has(row) and (letter == "s" or name.count(b"\0") == 1):
                    rows[row] = _parsed(row, value)
    return rows


def _read_rows(keys: PartitionKeys, rows: list[str]) -> Generator[Any, Any, Rows]:
    found: Rows = {}
    for first in range(0, len(rows), ROWS_PER_PAGE):
        some = rows[first : first + ROWS_PER_PAGE]
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
        row: _Buyer(units_of(value), moved_with[row.split("\0")[1]])
        for row, value in zip(rows, values, strict=True)
    }


def _fields(sku: str, located: bytes | None) -> list[str]:
    with suppress(msgspec.MsgspecError):
        return fields_of_sku(sku, located)
    return [sku]


def _parsed(row: str, value: bytes) -> _Level | _Buyer | None:
    if row.startswith("b"):
        return _Buyer(units_of(value), ())
    with suppress(Unreadable):
        return _Level(unpack_level(row[1:], value), due_from_ms(value))
    return None


def _sums(keys: PartitionKeys, part: _Slice, total: int) -> Generator[Any, Any, dict[str, _Sum]]:
    reserved: Counter[str] = Counter()
    confirmed: Counter[str] = Counter()
    due_at_ms: dict[str, int] = {}
    checked = 0
    for page in pages("HSCAN", keys.reservations):
        for name, record in (yield from page):
            with suppress(Unreadable, UnicodeDecodeError):  # check_rows has named it
                reservation = unpack_reservation(name.decode(), record)
                for row, held, sold in shares(reservation):
                    if part.has(row):
                        reserved[row] += held
                        confirmed[row] += sold
                        if held:
                            due = reservation.expires_at_ms
                            due_at_ms[row] = min(due, due_at_ms.get(row, due))
            checked += 1
        yield Progress(checked, max(total, checked))
    return {
        row: _Sum(reserved[row], confirmed[row], due_at_ms.get(row, 0))
        for row in reserved.keys() | confirmed.keys()
        if reserved[row] or confirmed[row]
    }
