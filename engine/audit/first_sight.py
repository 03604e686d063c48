"""The units that a reservation adds to levels and buyers, and a first look at very many buyers.

The first look finds the buyers that need a closer one. Buyers are divided into many small groups.
In each group, the units that the store counts, less the units that the reservations hold, are added
up, each multiplied by the hash of its row. Where the
sum is 0, all rows of the group agree, unless 61-bit hashes happen to cancel out. So one read of
everything proves most of a large store, with memory for the groups alone.
"""

import zlib
from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import Any

from engine.audit.protocol import Progress, Summary, pages, shown
from engine.keys import PartitionKeys
from engine.model import Reservation, State
from engine.records import Unreadable, buyer_field, buyer_units, stock_field, unpack_reservation

GROUPS = 65_536


def shares(reservation: Reservation) -> Iterator[tuple[str, int, int]]:
    """Yields each row with two counts: a level's reserved and confirmed units; for a buyer, the
    units that count for a limit, and 0.

    A row is named by a letter and its field: `s` and a stock field, or `b` and a buyer field.
    """
    for line in reservation.lines:
        row = "s" + stock_field(line.sku, line.location)
        left = line.quantity - line.cancelled - line.returned - line.exchanged
        if reservation.state is State.RESERVED:
            yield row, line.quantity, 0
        elif reservation.state in (State.CONFIRMED, State.FULFILLED, State.CANCELLED):
            yield row, 0, line.quantity - line.shipped - line.cancelled
        else:
            left = 0
        if left and reservation.buyer_id:
            yield "b" + buyer_field(reservation.buyer_id, line.sku), left, 0


def units_of(value: bytes | None) -> int:
    """A buyer's units; -1, which no sum can be, if the value is no number."""
    if value is None:
        return 0
    try:
        return buyer_units(value)
    except ValueError:
        return -1


def group_of(row: str) -> int:
    """The group of a row."""
    return zlib.crc32(row.encode()) % GROUPS


def doubtful_groups(
    keys: PartitionKeys, summary: Summary, total: int
) -> Generator[Any, Any, frozenset[int]]:
    """The groups in which a buyer's count may not be the sum of the reservations.

    The buyers of all other groups are counted in the summary.
    """
    left, rows = [0] * GROUPS, [0] * GROUPS
    for page in pages("HSCAN", keys.buyers):
        for name, value in (yield from page):
            if name.count(b"\0") == 1:
                row = "b" + shown(name)
                group = group_of(row)
                left[group] += hash(row) * units_of(value)
                rows[group] += 1
    checked = 0
    for page in pages("HSCAN", keys.reservations):
        records = yield from page
        for name, record in records:
            with suppress(Unreadable, UnicodeDecodeError):  # check_rows has named it
                for row, units, _ in shares(unpack_reservation(name.decode(), record)):
                    if row.startswith("b"):
                        left[group_of(row)] -= hash(row) * units
        checked += len(records)
        yield Progress(checked, max(total, checked))
    summary.buyers += sum(count for count, sum_left in zip(rows, left, strict=True) if not sum_left)
    return frozenset(group for group, sum_left in enumerate(left) if sum_left)
