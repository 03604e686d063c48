"""Deadlines: every live reservation is named by an entry that comes due no later than it does.

Without an entry, the units would never be given back. The reverse is no fault: an entry is a
reminder, and may name a reservation that is confirmed, released or gone.

Memory is bounded: up to LIVE_NOTED_MAX live reservations are noted, then all entries are read, and
the reservations that they name are struck out. The store may be at work meanwhile, so an entry may
have come due since; its reservation has then ended, or has an entry of its own. The reservations
left over are read once more.
"""

from collections.abc import Sequence

import msgspec

from engine.audit.protocol import Ask, Steps, Summary, pages, shown
from engine.keys import PartitionKeys
from engine.model import Reservation, State
from engine.records import Unreadable, pack, unpack_reservation

LIVE_NOTED_MAX = 500_000
ENTRIES_PER_READ = 100
RESERVATIONS_PER_READ = 1_000

_unpack_entry = msgspec.msgpack.Decoder(list[int | str]).decode


def own_entry(reservation_id: str, lines: int) -> bytes:
    """The entry that names one reservation alone."""
    return pack([lines, reservation_id])


def named_by(entry: bytes) -> list[str]:
    """The ids of the reservations that an entry names. Raises Unreadable."""
    try:
        lines, *named = _unpack_entry(entry)
    except (ValueError, msgspec.MsgspecError) as error:
        raise Unreadable(f"an entry of deadlines: {error}") from error
    if not isinstance(lines, int) or any(isinstance(name, int) for name in named):
        raise Unreadable("an entry of deadlines is not lines and ids")
    return named  # type: ignore[return-value]


class LiveReservations:
    """Live reservations for which no entry has been found yet."""

    def __init__(self, keys: PartitionKeys, summary: Summary) -> None:
        self._keys = keys
        self._summary = summary
        self._noted: dict[str, tuple[int, int]] = {}  # by id: the deadline, and how many lines
        self._unreadable: set[bytes] = set()

    def note(self, reservations: Sequence[Reservation]) -> Steps:
        """Notes the live reservations; one with an entry of its own is proven at once."""
        live = [found for found in reservations if found.state is State.RESERVED]
        if not live:
            return
        (scores,) = yield Ask([("ZMSCORE", self._keys.deadlines, *map(_own_entry_of, live))])
        self._noted |= {
            reservation.reservation_id: (reservation.expires_at_ms, len(reservation.lines))
            for reservation, score in zip(live, scores, strict=True)
            if score is None or float(score) > reservation.expires_at_ms
        }
        if len(self._noted) >= LIVE_NOTED_MAX:
            yield from self.check()

    def check(self) -> Steps:
        """Looks for the noted reservations in all entries."""
        noted = self._noted
        for page in pages("ZSCAN", self._keys.deadlines, ENTRIES_PER_READ):
            for entry, score in (yield from page):
                try:
                    named = named_by(entry)
                except Unreadable as error:
                    yield from self._not_ours(entry, str(error))
                    continue
                due_ms = float(score)
                for reservation_id in named:
                    if noted.get(reservation_id, (-1, 0))[0] >= due_ms:
                        del noted[reservation_id]
        names = [(name, lines) for name, (_, lines) in noted.items()]
        noted.clear()
        for first in range(0, len(names), RESERVATIONS_PER_READ):
            yield from self._check_again(names[first : first + RESERVATIONS_PER_READ])

    def _not_ours(self, entry: bytes, problem: str) -> Steps:
        if entry not in self._unreadable:
            self._unreadable.add(entry)
            row = f"deadlines {shown(entry)!r}"
            yield self._summary.found("row_is_readable", row, problem)

    def _check_again(self, names: Sequence[tuple[str, int]]) -> Steps:
        own = (own_entry(name, lines) for name, lines in names)
        records, scores = yield Ask(
            [
                ("HMGET", self._keys.reservations, *(name for name, _ in names)),
                ("ZMSCORE", self._keys.deadlines, *own),
            ],
            atomic=True,
        )
        for (name, _), record, score in zip(names, records, scores, strict=True):
            try:
                reservation = unpack_reservation(name, record) if record else None
            except Unreadable:
                continue  # check_rows has named it
            if (
                reservation
                and reservation.state is State.RESERVED
                and (score is None or float(score) > reservation.expires_at_ms)
            ):
                yield self._summary.found(
                    "deadline_of_every_live_reservation",
                    f"reservation {name}",
                    f"due at {reservation.expires_at_ms}, no entry names it by then",
                )


def _own_entry_of(reservation: Reservation) -> bytes:
    return own_entry(reservation.reservation_id, len(reservation.lines))
