"""Reading reservations and stock levels: no decision is made here, nothing is written.

A reservation that is due and not swept yet reads as EXPIRED, as it would be judged; its units show
as reserved until the sweep, within a second.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple, TypeVar

import msgspec
import redis.asyncio

from engine.clock import passing_ms
from engine.errors import StoreCorrupt
from engine.link import located, store_errors
from engine.listing import BUCKETS, Names, Position, Scans, bucket_of, position_of
from engine.model import Reservation, State, StockLevel
from engine.partition import Partition
from engine.records import fields_of_sku, pairs, unpack_level, unpack_reservation
from engine.seen import Seen
from engine.turns import Turns

# Each read has a connection while it lasts, and redis-py refuses those beyond its pool's size: the
# others wait their turn here.
READS_OPEN_MAX = 50
PAGE_SIZE_DEFAULT = 100
PAGE_SIZE_MAX = 1_000
# A page ends after this many rows, however few matched, after so many lines of those that did, and
# after this time: a filter must not scan a whole store, nor a list wait long for its turns.
SCANNED_MAX = 20_000
LINES_PER_PAGE_MAX = 4_000
PAGE_S_MAX = 1.0
# The rows of one turn, and the lines after which it ends.
ROWS_PER_TURN = 200
LINES_PER_TURN = 1_000
NAMES_PER_SCAN = 2_000

T = TypeVar("T", Reservation, StockLevel)


class Filter(msgspec.Struct, frozen=True):
    """The reservations to be listed; the defaults let all pass."""

    state: State = State.UNSPECIFIED
    sku: str = ""
    buyer_id: str = ""
    created_before_ms: int = 0
    expires_before_ms: int = 0

    def may_pass(self, record: bytes) -> bool:
        """Whether a record need be unpacked at all; most that a filter is not after need not."""
        if self.state:
            # One past its deadline is EXPIRED to its readers, and still RESERVED in its record.
            stored = State.RESERVED if self.state is State.EXPIRED else self.state
            if record[:1] not in (bytes((stored,)), bytes((self.state,))):
                return False
        return self.buyer_id.encode() in record and self.sku.encode() in record

    def passes(self, reservation: Reservation) -> bool:
        """Whether a reservation belongs on the list."""
        return (
            (not self.state or reservation.state == self.state)
            and (not self.buyer_id or reservation.buyer_id == self.buyer_id)
            and (not self.created_before_ms or reservation.created_at_ms < self.created_before_ms)
            and (not self.expires_before_ms or reservation.expires_at_ms < self.expires_before_ms)
            and (not self.sku or any(line.sku == self.sku for line in reservation.lines))
        )


def seen_at(reservation: Reservation, now_ms: int) -> Reservation:
    """The reservation as a caller sees it at `now_ms`."""
    if reservation.state is State.RESERVED and reservation.expires_at_ms <= now_ms:
        return msgspec.structs.replace(reservation, state=State.EXPIRED)
    return reservation


@contextmanager
def _readable(key: str) -> Iterator[None]:
    """Turns the error of an unreadable value into `StoreCorrupt`."""
    try:
        yield
    except (ValueError, msgspec.MsgspecError) as error:
        raise StoreCorrupt(key, str(error)) from error


class Read(NamedTuple):
    """An answer of the store, its time then, and the changes in the partition before."""

    answer: Any
    now_ms: int
    sequence: int


class Reader:
    """Reads one partition. Lists take `turns` and share `scans`; single reads wait for neither."""

    def __init__(
        self,
        client: "redis.asyncio.Redis",
        partition: Partition,
        turn: asyncio.Semaphore,
        turns: Turns,
        scans: Scans,
    ) -> None:
        self._client = client
        self._turn = turn
        self._turns = turns
        self._scans = scans
        self._partition = partition
        self._keys = partition.keys

    async def check_store(self) -> None:
        """Raises `StoreWentBack` if the store did."""
        await self._read(("PING",))

    async def reservation(self, reservation_id: str) -> Reservation | None:
        """One reservation, or None."""
        record, now_ms, _ = await self._read(("HGET", self._keys.reservations, reservation_id))
        if record is None:
            return None
        with _readable(self._keys.reservations):
            return seen_at(unpack_reservation(reservation_id, record), now_ms)

    async def reservations_of(self, reservation_ids: Sequence[str]) -> list[Reservation]:
        """Reads some reservations: those that exist. It takes turns, as lists do."""
        found: list[Reservation] = []
        for first in range(0, len(reservation_ids), ROWS_PER_TURN):
            some = reservation_ids[first : first + ROWS_PER_TURN]
            async with self._turns.turn():
                records, now_ms, _ = await self._read(("HMGET", self._keys.reservations, *some))
                with _readable(self._keys.reservations):
                    found += [
                        seen_at(unpack_reservation(name, record), now_ms)
                        for name, record in zip(some, records, strict=True)
                        if record is not None
                    ]
        return found

    async def reservations(
        self, page_size: int, page_token: str, wanted: Filter
    ) -> tuple[list[Reservation], str]:
        """A page of reservations and the token of the next page, "" on the last.

        Raises `PageTokenInvalid`.
        """

        def read(reservation_id: str, record: bytes, now_ms: int) -> Reservation | None:
            if not wanted.may_pass(record):
                return None
            reservation = seen_at(unpack_reservation(reservation_id, record), now_ms)
            return reservation if wanted.passes(reservation) else None

        return await self._page(self._keys.reservations, page_size, page_token, read)

    async def levels(self, skus: Sequence[str]) -> list[StockLevel]:
        """The levels of some SKUs: one per SKU and location that exists."""
        listed, _, _ = await self._read(("HMGET", self._keys.locations, *skus))
        with _readable(self._keys.locations):
            fields = [
                field
                for sku, packed in zip(skus, listed, strict=True)
                for field in fields_of_sku(sku, packed)
            ]
        if len(fields) <= ROWS_PER_TURN:
            return await self._levels_in(fields)
        levels: list[StockLevel] = []
        for first in range(0, len(fields), ROWS_PER_TURN):
            async with self._turns.turn():
                levels += await self._levels_in(fields[first : first + ROWS_PER_TURN])
        return levels

    async def _levels_in(self, fields: Sequence[str]) -> list[StockLevel]:
        packed_levels, _, _ = await self._read(("HMGET", self._keys.stock, *fields))
        with _readable(self._keys.stock):
            return [
                unpack_level(field, packed)
                for field, packed in zip(fields, packed_levels, strict=True)
                if packed
            ]

    async def all_levels(self, page_size: int, page_token: str) -> tuple[list[StockLevel], str]:
        """A page of stock levels and the token of the next page, "" on the last.

        Raises `PageTokenInvalid`.
        """

        def read(field: str, packed: bytes, _: int) -> StockLevel:
            return unpack_level(field, packed)

        return await self._page(self._keys.stock, page_size, page_token, read)

    async def _page(
        self, key: str, page_size: int, page_token: str, read: Callable[[str, bytes, int], T | None]
    ) -> tuple[list[T], str]:
        """The values of a hash that `read` makes of its rows, within the bounds of a page."""
        ends_at_s = time.monotonic() + PAGE_S_MAX
        position = position_of(page_token) if page_token else None
        names = await self._scans.names(key, position, partial(self._scan, key))
        position = position or Position(names.since)
        page: list[T] = []
        scanned, lines, rows = 0, 0, ROWS_PER_TURN
        while True:
            some: list[bytes] = names.after(position, rows)
            if not some and names.end == BUCKETS:
                return page, ""
            if not some:
                position = Position(position.since, names.end)
                names = await self._scans.names(key, position, partial(self._scan, key))
                continue
            async with self._turns.turn():
                packed, now_ms, _ = await self._read(("HMGET", key, *some))
                in_turn = done = 0
                with _readable(key):
                    for name, value in zip(some, packed, strict=True):
                        done += 1
                        if value is None:
                            continue
                        if (found := read(name.decode(), value, now_ms)) is not None:
                            page.append(found)
                            in_turn += len(found.lines) if isinstance(found, Reservation) else 1
                        if len(page) == page_size or in_turn >= LINES_PER_TURN:
                            break
                last = some[done - 1]
                position = Position(position.since, bucket_of(last), last)
            scanned, lines = scanned + done, lines + in_turn
            # Rows of many lines are read a few at a time, or most would be read in vain.
            rows = max(1, 2 * done) if done < len(some) else min(2 * rows, ROWS_PER_TURN)
            if (
                len(page) == page_size
                or scanned >= SCANNED_MAX
                or lines >= LINES_PER_PAGE_MAX
                or time.monotonic() >= ends_at_s
            ):
                return page, position.token()

    async def _scan(self, key: str, names: Names) -> None:
        """Finds all names of a hash. Answers of the store are used whole, or rows would be lost."""
        cursor, begun = 0, False
        while cursor or not begun:
            async with self._turns.turn():
                (after, found), sequence = await self._names_at(key, cursor)
                names.since = names.since if begun else sequence
                names.add(found)
            cursor, begun = int(after), True

    async def _names_at(self, key: str, cursor: int) -> tuple[tuple[Any, list[bytes]], int]:
        """A step of a scan, and the changes in the partition before it."""
        step = ("HSCAN", key, cursor, "COUNT", NAMES_PER_SCAN)
        try:
            (after, names), _, sequence = await self._read((*step, "NOVALUES"), no_values=True)
        except StoreCorrupt as failure:
            if "syntax error" not in str(failure):
                raise
            (after, flat), _, sequence = await self._read(step)  # before Redis 7.4
            names = [name for name, _ in pairs(flat)]
        return (after, names), sequence

    async def _read(self, command: tuple[Any, ...], **options: Any) -> Read:
        """A command's answer, of a store that has not gone back. Options are redis-py's."""
        before, sent_ms = self._partition.seen(), passing_ms()
        pipeline = self._client.pipeline(transaction=False)
        pipeline.hmget(self._keys.meta, ["epoch", "sequence", "now"])
        pipeline.time()
        pipeline.execute_command(*command, **options)
        try:
            async with self._turn:
                with store_errors():
                    (epoch, sequence, last_ms), (seconds, micros), answer = await pipeline.execute()
        except StoreCorrupt as failure:
            raise await located(failure, self._client, self._keys) from failure
        with _readable(self._keys.meta):
            seen = Seen((epoch or b"").decode(), int(sequence or 0))
            clock_ms, last = seconds * 1000 + micros // 1000, int(last_ms or 0)
        self._partition.check(before, seen)
        return Read(answer, self._partition.saw_time(clock_ms, last, sent_ms), seen.sequence)
