"""The journal: no change is missing from it, and each change is one that may happen.

The journal is trimmed to a bound, which also bounds the memory of this check.
"""

from typing import Any, NamedTuple

import msgspec

from engine.audit.moved import Gains, difference, gains_of
from engine.audit.protocol import Ask, Steps, Summary
from engine.keys import PartitionKeys
from engine.model import State, StockLevel
from engine.records import Unreadable, pairs, split_field, unpack_level, unpacked_string
from engine.scripts import STOCK_KINDS, WRITES_RECORD, Kind

ENTRIES_PER_READ = 200

# The states that a reservation may have after another. None: it is not there, or not yet.
MOVES: dict[State | None, frozenset[State | None]] = {
    None: frozenset({State.RESERVED, State.RELEASED}),
    State.RESERVED: frozenset({State.RESERVED, State.CONFIRMED, State.RELEASED, State.EXPIRED}),
    State.CONFIRMED: frozenset({State.CONFIRMED, State.FULFILLED, State.CANCELLED}),
    State.RELEASED: frozenset({None}),
    State.EXPIRED: frozenset({State.CONFIRMED, None}),
    State.FULFILLED: frozenset({State.FULFILLED, None}),
    State.CANCELLED: frozenset({None}),
}
MOVE_ON_HAND = STOCK_KINDS | {Kind.SHIP, Kind.CANCEL, Kind.RETURN}


class JournalEntry(msgspec.Struct, frozen=True, array_like=True):
    """One batch: when, the kind of each change, its subject, and the levels after it.

    Subjects are pairs: a reservation's id and its record after the change, false if it was purged;
    or a stock field and what was asked. The levels are pairs of field and packed counts. The script
    packs every string as msgpack `str`, binary or not, hence `Raw`.
    """

    at_ms: int
    kinds: list[int]
    subjects: list[msgspec.Raw]
    levels: list[msgspec.Raw] | dict[str, int]


_unpack_entry = msgspec.msgpack.Decoder(JournalEntry).decode


class _Change(NamedTuple):
    """A reservation and its state after one change of a batch; None if it was purged."""

    kind: int
    reservation_id: str
    state: State | None


class _Batch(NamedTuple):
    """A journal entry, read."""

    sequence: int
    kinds: list[int]
    changes: list[_Change]
    levels: dict[str, StockLevel]
    gains: Gains | None


def _read(sequence: int, fields: Any) -> _Batch:
    """Reads an entry. Raises Unreadable."""
    try:
        entry = _unpack_entry(dict(pairs(fields))[b"batch"])
        levels = {
            field: unpack_level(field, unpacked_string(packed))  # type: ignore[arg-type]
            for field, packed in (
                (unpacked_string(name).decode(), packed)  # type: ignore[arg-type]
                for name, packed in pairs(entry.levels)
            )
        }
        changes = [
            _Change(
                kind,
                unpacked_string(entry.subjects[2 * i]).decode(),
                _state(bytes(entry.subjects[2 * i + 1])),
            )
            for i, kind in enumerate(entry.kinds)
            if kind in WRITES_RECORD
        ]
        gains = gains_of(entry.kinds, entry.subjects)
    except Unreadable:
        raise
    except (KeyError, ValueError, IndexError, msgspec.MsgspecError) as error:
        raise Unreadable(f"the journal entry is not ours: {error!r}") from error
    return _Batch(sequence, entry.kinds, changes, levels, gains)


def _state(packed: bytes) -> State | None:
    """The state of a packed record; None if it is `false`: the record was purged."""
    return None if packed == b"\xc2" else State(unpacked_string(msgspec.Raw(packed))[0])


class _Seen:
    """The states and levels as of the entries read so far."""

    def __init__(self) -> None:
        self.sequence: int | None = None
        self.states: dict[str, State | None] = {}
        self.levels: dict[str, StockLevel] = {}

    def forget(self) -> None:
        """Forgets all before a gap: later entries cannot be compared with it."""
        self.states.clear()
        self.levels.clear()


def check_journal(keys: PartitionKeys, summary: Summary) -> Steps:
    """Checks the journal's tail from its oldest entry to its newest."""
    seen = _Seen()
    start = "-"
    while True:
        (entries,) = yield Ask([("XRANGE", keys.journal, start, "+", "COUNT", ENTRIES_PER_READ)])
        for entry_id, fields in entries:
            summary.journal_entries += 1
            yield from _check_entry(keys, entry_id.decode(), fields, seen, summary)
        if len(entries) < ENTRIES_PER_READ:
            break
        start = "(" + entries[-1][0].decode()
    yield from _check_end(keys, seen, summary)


def _check_entry(
    keys: PartitionKeys, entry_id: str, fields: Any, seen: _Seen, summary: Summary
) -> Steps:
    row = f"journal {entry_id}"
    sequence = int(entry_id.partition("-")[0])
    try:
        batch = _read(sequence, fields)
    except Unreadable as error:
        yield summary.found("row_is_readable", row, str(error))
        seen.forget()
        seen.sequence = sequence
        return
    if seen.sequence is not None and sequence != seen.sequence + len(batch.kinds):
        yield from _check_gap(keys, row, batch, seen, summary)
    seen.sequence = sequence
    for change in batch.changes:
        yield from _check_move(row, change, seen, summary)
    yield from _check_level_images(row, batch, seen, summary)


def _check_gap(
    keys: PartitionKeys, row: str, batch: _Batch, seen: _Seen, summary: Summary
) -> Steps:
    """Finds a gap, unless the journal was trimmed past the entries read since the last read."""
    (oldest,) = yield Ask([("XRANGE", keys.journal, "-", "+", "COUNT", 1)])
    if oldest and int(oldest[0][0].partition(b"-")[0]) <= (seen.sequence or 0):
        detail = f"{len(batch.kinds)} changes after {seen.sequence} end at {batch.sequence}"
        yield summary.found("journal_has_no_gap", row, detail)
    seen.forget()


def _check_level_images(row: str, batch: _Batch, seen: _Seen, summary: Summary) -> Steps:
    may_move_on_hand = not MOVE_ON_HAND.isdisjoint(batch.kinds)
    for field, level in batch.levels.items():
        before = seen.levels.get(field)
        if before and before.on_hand != level.on_hand and not may_move_on_hand:
            detail = f"SKU {level.sku}: on hand went from {before.on_hand} to {level.on_hand}"
            yield summary.found("only_stock_commands_move_on_hand", row, detail)
        if before and level.version <= before.version:
            detail = f"SKU {level.sku}: version went from {before.version} to {level.version}"
            yield summary.found("version_grows", row, detail)
        if before and batch.gains is not None:
            other = difference(before, level, field, batch.gains)
            if other:
                detail = f"SKU {level.sku} at {level.location}: {other}"
                yield summary.found("moved_units_add_up", row, detail)
        seen.levels[field] = level


def _check_move(row: str, change: _Change, seen: _Seen, summary: Summary) -> Steps:
    before = seen.states.get(change.reservation_id)
    if change.reservation_id in seen.states and change.state not in MOVES[before]:
        detail = (
            f"reservation {change.reservation_id} went from "
            f"{before.name if before else 'nothing'} to "
            f"{change.state.name if change.state else 'nothing'}"
        )
        yield summary.found("reservation_moves_as_it_may", row, detail)
    seen.states[change.reservation_id] = change.state


def _check_end(keys: PartitionKeys, seen: _Seen, summary: Summary) -> Steps:
    """The newest entry is the store's last change, and the levels are as the journal left them."""
    sequence, newest = yield Ask(
        [("HGET", keys.meta, "sequence"), ("XREVRANGE", keys.journal, "+", "-", "COUNT", 1)],
        atomic=True,
    )
    last = int(newest[0][0].partition(b"-")[0]) if newest else 0
    if int(sequence or 0) != last and (newest or not sequence):
        detail = f"the newest entry is {last}, the store's sequence {sequence!r}"
        yield summary.found("journal_ends_at_the_sequence", "journal", detail)
    fields = list(seen.levels)
    for first in range(0, len(fields), ENTRIES_PER_READ):
        some = fields[first : first + ENTRIES_PER_READ]
        (stored,) = yield Ask([("HMGET", keys.stock, *some)])
        for field, packed in zip(some, stored, strict=True):
            yield from _check_left(field, packed, seen.levels[field], summary)


def _check_left(field: str, packed: bytes | None, last: StockLevel, summary: Summary) -> Steps:
    try:
        level = unpack_level(field, packed) if packed else None
    except Unreadable:
        return  # check_rows has named it
    if level is None or (level.version <= last.version and level != last):
        sku, location = split_field(field)
        detail = f"the journal left it at {last}, the store has {level}"
        yield summary.found("level_is_as_the_journal_left_it", f"stock {sku} @ {location}", detail)
