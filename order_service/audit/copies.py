"""Copies of what the engine and the providers have, on disk, by the order that it is about.

An audit copies first, then holds each order against what was copied; what no order asked for is
left over. So both directions are proven, and memory is bounded, however much there is. The file is
SQLite's own temporary one: it has no name, and is gone when it is closed.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from threading import Lock
from typing import Any, Final

import msgspec

from holdfast.types import Reservation
from order_service.audit.case import Case, Entry
from order_service.audit.stock import holds_units, is_ours, owner_of, units_of
from order_service.order.parts import order_id_of
from order_service.payment.providers.port import Fact

LEFT_OVER_PER_READ: Final = 500
_TABLES: Final = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    CREATE TABLE reservations (
        owner TEXT NOT NULL, id TEXT NOT NULL, holds INTEGER NOT NULL, ours INTEGER NOT NULL,
        units INTEGER NOT NULL, body BLOB NOT NULL, met INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (owner, id)
    ) WITHOUT ROWID;
    CREATE TABLE entries (
        owner TEXT NOT NULL, provider TEXT NOT NULL, kind TEXT NOT NULL, number TEXT NOT NULL,
        provider_ref TEXT NOT NULL, body BLOB NOT NULL, met INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (owner, provider, kind, number, provider_ref)
    ) WITHOUT ROWID;
"""

_encode = msgspec.msgpack.encode
_reservation = msgspec.msgpack.Decoder(Reservation).decode
_fact = msgspec.msgpack.Decoder(Fact).decode


class Copies:
    """The copies of one audit."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._file.executescript(_TABLES)
        # An audit that is broken off closes the file while a thread may still be at it.
        self._lock = Lock()

    def close(self) -> None:
        """Throws the copies away."""
        with self._lock:
            self._file.close()

    def keep_reservations(self, reservations: Iterable[Reservation]) -> None:
        """Keeps what the engine has; the same one again replaces what was known of it."""
        rows = [
            (
                *(owner_of(each.reservation_id), each.reservation_id, holds_units(each)),
                *(is_ours(each.reservation_id), units_of(each), _encode(each)),
            )
            for each in reservations
        ]
        self._keep(
            "INSERT INTO reservations (owner, id, holds, ours, units, body) "
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET holds = excluded.holds, "
            "units = excluded.units, body = excluded.body",
            rows,
        )

    def keep_entries(self, provider: str, facts: Iterable[Fact]) -> None:
        """Keeps what a provider has; the same entry again replaces what was known of it."""
        rows = [
            (
                order_id_of(fact.refund_id or fact.payment_id),
                *(provider, str(fact.kind), fact.refund_id or fact.payment_id, fact.provider_ref),
                _encode(fact),
            )
            for fact in facts
        ]
        self._keep(
            "INSERT INTO entries (owner, provider, kind, number, provider_ref, body) "
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
            rows,
        )

    def added_to(self, cases: Sequence[Case]) -> list[Case]:
        """The cases with what was copied of their orders, which is not left over any more."""
        ids = [case.order.order_id for case in cases]
        asked = f"WHERE owner IN ({', '.join('?' * len(ids))})"
        reservations: dict[str, dict[str, Reservation]] = {name: {} for name in ids}
        entries: dict[str, list[Entry]] = {name: [] for name in ids}
        with self._lock:
            for owner, body in self._file.execute(
                f"SELECT owner, body FROM reservations {asked}", ids
            ):
                reservation = _reservation(body)
                reservations[owner][reservation.reservation_id] = reservation
            for owner, provider, body in self._file.execute(
                f"SELECT owner, provider, body FROM entries {asked}", ids
            ):
                entries[owner].append(Entry(provider, _fact(body)))
            for table in ("reservations", "entries"):
                self._file.execute(f"UPDATE {table} SET met = 1 {asked}", ids)
        return [
            case._replace(reservations=reservations[name], entries=entries[name])
            for name, case in zip(ids, cases, strict=True)
        ]

    def reservations_left_over(self) -> Iterator[list[Reservation]]:
        """Reservations of ours with units that no order asked for, some at a time."""
        left = "SELECT body FROM reservations WHERE met = 0 AND holds AND ours"
        for rows in self._left_over(left):
            yield [_reservation(body) for (body,) in rows]

    def of_others(self) -> tuple[int, int]:
        """The number of reservations with units that other callers made, and of their units."""
        counted = "SELECT count(*), coalesce(sum(units), 0) FROM reservations"
        with self._lock:
            (found,) = self._file.execute(f"{counted} WHERE holds AND NOT ours")
        return found[0], found[1]

    def entries_left_over(self) -> Iterator[list[Entry]]:
        """Entries that no order asked for, some at a time."""
        for rows in self._left_over("SELECT provider, body FROM entries WHERE met = 0"):
            yield [Entry(provider, _fact(body)) for provider, body in rows]

    def _keep(self, insert: str, rows: Sequence[tuple[Any, ...]]) -> None:
        with self._lock:
            self._file.execute("BEGIN")
            self._file.executemany(insert, rows)
            self._file.execute("COMMIT")

    def _left_over(self, select: str) -> Iterator[list[tuple[Any, ...]]]:
        cursor = self._file.execute(select)
        while rows := cursor.fetchmany(LEFT_OVER_PER_READ):
            yield rows
