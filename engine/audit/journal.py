"""The journal: no change is missing from it, and it only tells of changes that may happen.

Its tail is bounded, so what is remembered while it is read is too.
"""

from typing import Any

import msgspec

from engine.audit.protocol import Ask, Finding, Steps, Summary, pairs
from engine.keys import PartitionKeys
from engine.model import State, StockLevel
from engine.records import split_field, unpack_level, unpacked_string
from engine.scripts import Kind

ENTRIES_PER_READ = 200

# The only ways of a reservation, from one journal image to the next. None is not there (yet).
MOVES: dict[State | None, frozenset[State | None]] = {
    None: frozenset({State.RESERVED, State.RELEASED}),
    State.RESERVED: frozenset({State.RESERVED, State.CONFIRMED, State.RELEASED, State.EXPIRED}),
    State.CONFIRMED: frozenset({State.CONFIRMED, State.FULFILLED, State.CANCELLED}),
    State.RELEASED: frozenset({None}),
    State.EXPIRED: frozenset({State.CONFIRMED, None}),
    State.FULFILLED: frozenset({State.FULFILLED, None}),
    State.CANCELLED: frozenset({None}),
}
MOVE_ON_HAND = frozenset({Kind.SHIP, Kind.RETURN, Kind.SET_STOCK, Kind.ADJUST_STOCK})


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


class _Seen:
    """What the journal has told so far."""

    def __init__(self) -> None:
        self.sequence: int | None = None
        self.states: dict[bytes, State | None] = {}
        self.levels: dict[str, StockLevel] = {}


def check_journal(keys: PartitionKeys, summary: Summary) -> Steps:
    """Checks the journal's tail from its oldest entry to its newest."""
    seen = _Seen()
    start = "-"
    while True:
        (entries,) = yield Ask([("XRANGE", keys.journal, start, "+", "COUNT", ENTRIES_PER_READ)])
        for entry_id, fields in entries:
            summary.journal_entries += 1
            entry = _unpack_entry(pairs(fields)[0][1])
            yield from _check_entry(entry_id.decode(), entry, seen, summary)
        if len(entries) < ENTRIES_PER_READ:
            break
        start = "(" + entries[-1][0].decode()
    yield from _check_end(keys, seen, summary)


def _check_entry(entry_id: str, entry: JournalEntry, seen: _Seen, summary: Summary) -> Steps:
    row = f"journal {entry_id}"
    sequence = int(entry_id.partition("-")[0])
    if seen.sequence is not None and sequence != seen.sequence + len(entry.kinds):
        detail = f"{len(entry.kinds)} changes after {seen.sequence} end at {sequence}"
        yield _found("journal_has_no_gap", row, detail, summary)
    seen.sequence = sequence
    for position, kind in enumerate(entry.kinds):
        if kind <= Kind.PURGE:
            yield from _check_move(row, entry, position, seen, summary)
    may_move_on_hand = not MOVE_ON_HAND.isdisjoint(entry.kinds)
    for name, packed in pairs(entry.levels):
        field = unpacked_string(name).decode()  # type: ignore[arg-type]
        level = unpack_level(field, unpacked_string(packed))  # type: ignore[arg-type]
        before = seen.levels.get(field)
        if before and before.on_hand != level.on_hand and not may_move_on_hand:
            detail = f"SKU {level.sku}: on hand went from {before.on_hand} to {level.on_hand}"
            yield _found("only_stock_commands_move_on_hand", row, detail, summary)
        if before and level.version <= before.version:
            detail = f"SKU {level.sku}: version went from {before.version} to {level.version}"
            yield _found("version_grows", row, detail, summary)
        seen.levels[field] = level


def _check_move(
    row: str, entry: JournalEntry, position: int, seen: _Seen, summary: Summary
) -> Steps:
    reservation_id = unpacked_string(entry.subjects[2 * position])
    after = bytes(entry.subjects[2 * position + 1])
    state = None if after == b"\xc2" else State(unpacked_string(msgspec.Raw(after))[0])
    before = seen.states.get(reservation_id)
    if reservation_id in seen.states and state not in MOVES[before]:
        detail = (
            f"reservation {reservation_id.decode()} went from "
            f"{before.name if before else 'nothing'} to {state.name if state else 'nothing'}"
        )
        yield _found("reservation_moves_as_it_may", row, detail, summary)
    seen.states[reservation_id] = state


def _check_end(keys: PartitionKeys, seen: _Seen, summary: Summary) -> Steps:
    """The newest entry is the store's last change, and the levels are as the journal left them."""
    sequence, newest = yield Ask(
        [("HGET", keys.meta, "sequence"), ("XREVRANGE", keys.journal, "+", "-", "COUNT", 1)],
        atomic=True,
    )
    last = int(newest[0][0].partition(b"-")[0]) if newest else 0
    if int(sequence or 0) != last and (newest or not sequence):
        detail = f"the newest entry is {last}, the store's sequence {sequence!r}"
        yield _found("journal_ends_at_the_sequence", "journal", detail, summary)
    fields = list(seen.levels)
    for first in range(0, len(fields), ENTRIES_PER_READ):
        some = fields[first : first + ENTRIES_PER_READ]
        (stored,) = yield Ask([("HMGET", keys.stock, *some)])
        for field, packed in zip(some, stored, strict=True):
            told = seen.levels[field]
            level = unpack_level(field, packed) if packed else None
            if level is None or (level.version <= told.version and level != told):
                sku, location = split_field(field)
                detail = f"the journal left it at {told}, the store has {level}"
                row = f"stock {sku} @ {location}"
                yield _found("level_is_as_the_journal_left_it", row, detail, summary)


def _found(invariant: str, row: str, detail: str, summary: Summary) -> Any:
    summary.findings += 1
    return Finding(invariant, row, detail)
