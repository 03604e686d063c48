"""Buyers that never stop, and the answers they got, to compare with the store later."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import grpc

from holdfast.client import Client
from holdfast.errors import HoldfastError
from holdfast.types import Reservation, Result, State
from tests.waiting import eventually

BUYERS = 20
PAUSE_AFTER_ERROR_S = 0.02
LINES = [("HOT", 1), ("HOT", 1), ("COLD", 1)]
UNITS = 1_000_000


class Load:
    """Orders by many buyers at once, each reserved and every second one confirmed.

    `answered` has the last state that was answered for each reservation, `lost` the reservations
    whose answer did not come.
    """

    def __init__(self, client: Client) -> None:
        self.answered: dict[str, State] = {}
        self.lost: set[str] = set()
        self.errors: Counter[str] = Counter()
        self.answers = 0
        self._client = client
        self._stopping = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Buys while the context lasts; in the end waits for the calls that are under way."""
        buyers = [asyncio.ensure_future(self._buy(buyer)) for buyer in range(BUYERS)]
        try:
            yield
        finally:
            self._stopping = True
            await asyncio.gather(*buyers)

    async def until_answered(self, count: int) -> None:
        """Waits for `count` more answers."""
        wanted = self.answers + count
        await eventually(lambda: self.answers >= wanted, f"{count} answers; errors: {self.errors}")

    async def until_lost(self) -> None:
        """Waits for an answer that does not come. Answers of many buyers travel together: at the
        moment of a kill none may be on its way.
        """
        await eventually(lambda: self.lost, "an answer is lost")

    async def check(self, client: Client) -> None:
        """Every answer is still true, and what was not answered was done wholly or not at all."""
        ids = sorted(self.answered.keys() | self.lost)
        found = await asyncio.gather(*(_read(client, reservation_id) for reservation_id in ids))
        for reservation_id, reservation in zip(ids, found, strict=True):
            if reservation is None:
                assert reservation_id not in self.answered, f"{reservation_id} is gone"
                continue
            possible = {self.answered.get(reservation_id, State.RESERVED)}
            if reservation_id in self.lost and reservation_id in self.answered:
                possible = {State.RESERVED, State.CONFIRMED}
            assert reservation.state in possible, (possible, reservation)
            held = {line.sku: line.quantity for line in reservation.lines}
            assert held == {"HOT": 2, "COLD": 1}

    async def _buy(self, buyer: int) -> None:
        for number in itertools.count():
            if self._stopping:
                return
            reservation_id = f"{buyer}-{number}"
            reserved = self._client.reserve(reservation_id, LINES)
            if await self._was_answered(reservation_id, reserved) and number % 2:
                await self._was_answered(reservation_id, self._client.confirm(reservation_id))

    async def _was_answered(self, reservation_id: str, call: Awaitable[Result]) -> bool:
        try:
            result = await call
        except HoldfastError as error:
            self.lost.add(reservation_id)
            self.errors[error.reason or error.code.name] += 1
            await asyncio.sleep(PAUSE_AFTER_ERROR_S)
            return False
        assert result.applied, result
        self.answered[reservation_id] = result.state
        self.answers += 1
        return True


async def stock_up(client: Client) -> None:
    """Puts in stock what the buyers want."""
    await client.set_stock("HOT", UNITS)
    await client.set_stock("COLD", UNITS)


async def _read(client: Client, reservation_id: str) -> Reservation | None:
    try:
        return await client.get_reservation(reservation_id, timeout_ms=30_000)
    except HoldfastError as error:
        if error.code is not grpc.StatusCode.NOT_FOUND:
            raise
        return None
