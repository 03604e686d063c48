"""Rows: what must hold of each stock level, reservation and retention entry by itself."""

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any

from engine.audit.deadlines import LiveReservations
from engine.audit.protocol import Ask, Finding, Steps, Summary, pages, shown
from engine.keys import PartitionKeys
from engine.model import Reservation, State, StockLevel
from engine.records import Unreadable, unpack_level, unpack_reservation

_ENDED = (State.RELEASED, State.EXPIRED, State.FULFILLED, State.CANCELLED)

# Invariant -> whether it holds of a level.
LEVEL_RULES: dict[str, Callable[[StockLevel], bool]] = {
    "level_counts_are_not_negative": lambda level: (
        min(level.on_hand, level.reserved, level.confirmed) >= 0
        and min(level.damaged, level.incoming, level.safety_stock) >= 0
    ),
    "committed_units_are_on_hand": lambda level: level.on_hand >= level.reserved + level.confirmed,
    "level_has_a_version": lambda level: level.version >= 1,
}


def _moved(reservation: Reservation) -> bool:
    return all(line.shipped + line.cancelled == line.quantity for line in reservation.lines)


def _shipped(reservation: Reservation) -> int:
    return sum(line.shipped for line in reservation.lines)


# Invariant -> whether it holds of a reservation.
RESERVATION_RULES: dict[str, Callable[[Reservation], bool]] = {
    "line_moves_no_more_than_it_has": lambda reservation: all(
        line.quantity > 0
        and line.shipped + line.cancelled <= line.quantity
        and 0 <= line.returned <= line.shipped - line.exchanged
        and min(line.cancelled, line.exchanged) >= 0
        for line in reservation.lines
    ),
    "only_sold_units_move": lambda reservation: (
        reservation.state in (State.CONFIRMED, State.FULFILLED, State.CANCELLED)
        or not any(line.shipped or line.cancelled or line.returned for line in reservation.lines)
    ),
    "state_agrees_with_lines": lambda reservation: (
        reservation.state
        is (
            State.CONFIRMED
            if not _moved(reservation)
            else State.FULFILLED
            if _shipped(reservation)
            else State.CANCELLED
        )
        if reservation.state in (State.CONFIRMED, State.FULFILLED, State.CANCELLED)
        else True
    ),
    "only_a_tombstone_has_no_lines": lambda reservation: (
        bool(reservation.lines) or reservation.state is State.RELEASED
    ),
    "times_are_in_order": lambda reservation: (
        0 < reservation.created_at_ms <= reservation.updated_at_ms
        and (reservation.expires_at_ms > reservation.created_at_ms or not reservation.lines)
    ),
}


def check_rows(keys: PartitionKeys, summary: Summary) -> Steps:
    """Checks every row by itself, and deadlines and retention against the reservations."""
    for page in pages("HSCAN", keys.stock):
        for name, packed in (yield from page):
            yield from _check_level(name, packed, summary)
    live = LiveReservations(keys, summary)
    for page in pages("HSCAN", keys.reservations):
        records = yield from page
        summary.reservations += len(records)
        reservations = yield from _check_reservations(keys, records, summary)
        yield from live.note(reservations)
    yield from live.check()
    for page in pages("HSCAN", keys.buyers):
        for name, _ in (yield from page):
            if name.count(b"\0") != 1:
                row = f"buyer {shown(name)!r}"
                yield summary.found("row_is_readable", row, "names no buyer and SKU")
    yield from _check_retention(keys, summary)
    yield from _check_adjustments(keys, summary)


def _check_level(name: bytes, packed: bytes, summary: Summary) -> Steps:
    try:
        level = unpack_level(name.decode(), packed)
    except (Unreadable, UnicodeDecodeError) as error:
        yield summary.found("row_is_readable", f"stock {shown(name)!r}", str(error))
        return
    yield from _broken(LEVEL_RULES, level, f"stock {level.sku} @ {level.location}", summary)


def _broken(
    rules: dict[str, Callable[[Any], bool]], value: Any, row: str, summary: Summary
) -> Iterable[Finding]:
    for invariant, holds in rules.items():
        if not holds(value):
            yield summary.found(invariant, row, repr(value))


def _check_reservations(
    keys: PartitionKeys, records: Sequence[tuple[bytes, bytes]], summary: Summary
) -> Generator[Any, Any, list[Reservation]]:
    """Checks a page of records; returns the reservations that could be read."""
    readable: list[Reservation] = []
    if not records:
        return readable
    (retentions,) = yield Ask([("ZMSCORE", keys.retention, *(b"r" + name for name, _ in records))])
    for (name, record), retention in zip(records, retentions, strict=True):
        row = f"reservation {shown(name)}"
        try:
            reservation = unpack_reservation(name.decode(), record)
        except (Unreadable, UnicodeDecodeError) as error:
            yield summary.found("row_is_readable", row, str(error))
            continue
        readable.append(reservation)
        yield from _broken(RESERVATION_RULES, reservation, row, summary)
        if (retention is not None) != (reservation.state in _ENDED):
            yield from _check_again(keys, reservation.reservation_id, summary)
    return readable


def _check_again(keys: PartitionKeys, reservation_id: str, summary: Summary) -> Steps:
    record, retention = yield _with_retention(keys, keys.reservations, "r", reservation_id)
    state = unpack_reservation(reservation_id, record).state if record else None
    if (retention is not None) != (state in _ENDED):
        yield summary.found(
            "retention_of_every_ended_reservation",
            f"reservation {reservation_id}",
            f"state {state.name if state else 'missing'}, purge at {retention}",
        )


def _with_retention(keys: PartitionKeys, key: str, letter: str, name: str) -> Ask:
    """A value and its retention, in one step, so that nothing can have moved."""
    commands = [("HGET", key, name), ("ZSCORE", keys.retention, letter + name)]
    return Ask(commands, atomic=True)


def _check_retention(keys: PartitionKeys, summary: Summary) -> Steps:
    """Every entry names something that is there."""
    for page in pages("ZSCAN", keys.retention):
        members = [shown(name) for name, _ in (yield from page)]
        for key, letter, check in (
            (keys.reservations, "r", _check_again),
            (keys.adjustments, "a", _check_adjustment),
        ):
            names = [member[1:] for member in members if member.startswith(letter)]
            if names:
                (found,) = yield Ask([("HMGET", key, *names)])
                for name, value in zip(names, found, strict=True):
                    if value is None:
                        yield from check(keys, name, summary)


def _check_adjustments(keys: PartitionKeys, summary: Summary) -> Steps:
    """Every adjustment id is forgotten one day."""
    for page in pages("HSCAN", keys.adjustments):
        names = [shown(name) for name, _ in (yield from page)]
        if names:
            (found,) = yield Ask([("ZMSCORE", keys.retention, *("a" + name for name in names))])
            for name, retention in zip(names, found, strict=True):
                if retention is None:
                    yield from _check_adjustment(keys, name, summary)


def _check_adjustment(keys: PartitionKeys, adjustment_id: str, summary: Summary) -> Steps:
    fingerprint, retention = yield _with_retention(keys, keys.adjustments, "a", adjustment_id)
    if (fingerprint is None) != (retention is None):
        yield summary.found(
            "retention_of_every_adjustment",
            f"adjustment {adjustment_id}",
            f"purge at {retention}, fingerprint {fingerprint}",
        )
