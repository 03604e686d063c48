"""A first look at the counts of very many buyers, to find those that need a closer one.

Buyers are divided into many small groups. In each group, the units that the store counts, less the
units that the reservations hold, are added up, each multiplied by the hash of its row. Where the
sum is 0, all rows of the group agree, unless 61-bit hashes happen to cancel out. So one read of
everything proves most of a large store, with memory for the groups alone.
"""

import zlib
from collections.abc import Generator
from contextlib import suppress
from typing import Any

from engine.audit.protocol import Progress, Summary, page_of, shown
from engine.audit.shares import shares, units_of
from engine.keys import PartitionKeys
from engine.records import Unreadable, unpack_reservation

GROUPS = 65_536
SCAN_COUNT = 1_000


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
    cursor = -1
    while cursor:
        cursor, found = yield from page_of("HSCAN", keys.buyers, max(cursor, 0), SCAN_COUNT)
        for name, value in found:
            if name.count(b"\0") == 1:
                row = "b" + shown(name)
                group = group_of(row)
                left[group] += hash(row) * units_of(value)
                rows[group] += 1
    cursor, checked = -1, 0
    while cursor:
        cursor, records = yield from page_of("HSCAN", keys.reservations, max(cursor, 0), SCAN_COUNT)
        for name, record in records:
            with suppress(Unreadable, UnicodeDecodeError):  # check_rows has named it
                for row, units, _ in shares(unpack_reservation(name.decode(), record)):
                    if row.startswith("b"):
                        left[group_of(row)] -= hash(row) * units
        checked += len(records)
        yield Progress(checked, max(total, checked))
    summary.buyers += sum(count for count, sum_left in zip(rows, left, strict=True) if not sum_left)
    return frozenset(group for group, sum_left in enumerate(left) if sum_left)
