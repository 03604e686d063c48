"""Reading reservations and stock levels: no decision is made here, nothing is written.

A reservation that is due and not swept yet reads as EXPIRED, as it would be judged; its units show
as reserved until the sweep, within a second.
"""

import asyncio
import base64
import binascii
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec
import redis.asyncio

from engine.clock import passing_ms
from engine.errors import StoreCorrupt
from engine.link import located, store_errors
from engine.model import Reservation, State, StockLevel
from engine.partition import Partition
from engine.records import fields_of_sku, pairs, unpack_level, unpack_reservation
from engine.seen import Seen

# Each read has a connection while it lasts, and redis-py refuses those beyond its pool's size: the
# others wait their turn here.
READS_OPEN_MAX = 50
PAGE_SIZE_DEFAULT = 100
PAGE_SIZE_MAX = 1_000
# A page ends after this many rows, however few matched: a filter must not scan a whole store.
SCANNED_MAX = 20_000

T = TypeVar("T")


class PageTokenInvalid(Exception):
    """A page token that no page gave."""


class Filter(msgspec.Struct, frozen=True):
    """The reservations to be listed; the defaults let all pass."""

    state: State = State.UNSPECIFIED
    sku: str = ""
    buyer_id: str = ""

    def passes(self, reservation: Reservation) -> bool:
        """Whether a reservation belongs on the list."""
        return (
            (not self.state or reservation.state == self.state)
            and (not self.buyer_id or reservation.buyer_id == self.buyer_id)
            and (not self.sku or any(line.sku == self.sku for line in reservation.lines))
        )


class _Position(msgspec.Struct, frozen=True, array_like=True):
    """Where a page ended: a cursor of the store, and how many rows of its answer were used."""

    cursor: int
    done: int

    def token(self) -> str:
        return base64.urlsafe_b64encode(f"{self.cursor}.{self.done}".encode()).decode().rstrip("=")


def _position(token: str) -> _Position:
    try:
        padded = token + "=" * (-len(token) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
        cursor, done = text.split(".")
        position = _Position(int(cursor), int(done))
    except (ValueError, binascii.Error) as error:
        raise PageTokenInvalid(token) from error
    if not 0 <= position.cursor < 2**64 or not 0 <= position.done <= SCANNED_MAX:
        raise PageTokenInvalid(token)
    return position


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


class Reader:
    """Reads one partition."""

    def __init__(
        self, client: "redis.asyncio.Redis", partition: Partition, turn: asyncio.Semaphore
    ) -> None:
        self._client = client
        self._turn = turn
        self._partition = partition
        self._keys = partition.keys

    async def check_store(self) -> None:
        """Raises `StoreWentBack` if the store did."""
        await self._read(("PING",))

    async def reservation(self, reservation_id: str) -> Reservation | None:
        """One reservation, or None."""
        record, now_ms = await self._read(("HGET", self._keys.reservations, reservation_id))
        if record is None:
            return None
        with _readable(self._keys.reservations):
            return seen_at(unpack_reservation(reservation_id, record), now_ms)

    async def reservations(
        self, page_size: int, page_token: str, wanted: Filter
    ) -> tuple[list[Reservation], str]:
        """A page of reservations and the token of the next page, "" on the last.

        Raises `PageTokenInvalid`.
        """

        def read(reservation_id: str, record: bytes, now_ms: int) -> Reservation | None:
            reservation = seen_at(unpack_reservation(reservation_id, record), now_ms)
            return reservation if wanted.passes(reservation) else None

        return await self._page(self._keys.reservations, page_size, page_token, read)

    async def levels(self, skus: Sequence[str]) -> list[StockLevel]:
        """The levels of some SKUs: one per SKU and location that exists."""
        listed, _ = await self._read(("HMGET", self._keys.locations, *skus))
        with _readable(self._keys.locations):
            fields = [
                field
                for sku, packed in zip(skus, listed, strict=True)
                for field in fields_of_sku(sku, packed)
            ]
        packed_levels, _ = await self._read(("HMGET", self._keys.stock, *fields))
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
        """The values of a hash that `read` makes of its rows, SCANNED_MAX of them at most."""
        page: list[T] = []
        position = _position(page_token) if page_token else _Position(0, 0)
        scanned = 0
        while True:
            (cursor, flat), now_ms = await self._read(
                ("HSCAN", key, position.cursor, "COUNT", page_size)
            )
            rows = pairs(flat)
            for done, (name, value) in enumerate(rows, start=1):
                if done > position.done:
                    with _readable(key):
                        found = read(name.decode(), value, now_ms)
                    if found is not None:
                        page.append(found)
                    if len(page) == page_size:
                        return page, _Position(position.cursor, done).token()
            scanned += len(rows)
            position = _Position(int(cursor), 0)
            if position.cursor == 0:
                return page, ""
            if scanned >= SCANNED_MAX:
                return page, position.token()

    async def _read(self, command: tuple[Any, ...]) -> tuple[Any, int]:
        """A command's answer and the store's time, both of a store that has not gone back."""
        before, sent_ms = self._partition.seen(), passing_ms()
        pipeline = self._client.pipeline(transaction=False)
        pipeline.hmget(self._keys.meta, ["epoch", "sequence", "now"])
        pipeline.time()
        pipeline.execute_command(*command)
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
        return answer, self._partition.saw_time(clock_ms, last, sent_ms)
