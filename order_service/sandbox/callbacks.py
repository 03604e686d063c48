"""Signed callbacks of both sandboxes, sent until they are taken.

They can misbehave as real ones do: the shares of `Misbehaviour` say how often, and a seeded source
of chance says when.
"""

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from standardwebhooks import Webhook

from serving.http_client import HttpClient, Unanswered

RETRY_AFTER_S: Final = (0.2, 1.0, 5.0, 30.0)
SENDING_MAX: Final = 64
SILENCE_S_MAX: Final = 5.0
REORDER_S_MAX: Final = 1.0


class Misbehaviour(msgspec.Struct):
    """How often what goes wrong: shares from 0 to 1."""

    decline: float = 0.0
    """Buyers whose bank says no."""
    wrong_amount: float = 0.0
    """Payments with another amount captured than was asked for."""
    pay_twice: float = 0.0
    """Payments that are captured twice."""
    refuse_refund: float = 0.0
    """Refunds that are refused for good."""
    lose: float = 0.0
    """Callbacks that are never sent."""
    duplicate: float = 0.0
    """Callbacks that are sent twice."""
    delay: float = 0.0
    """Callbacks that are sent late, by up to `delay_ms`."""
    delay_ms: int = 1_000
    reorder: float = 0.0
    """Callbacks that wait until the next one has been sent."""
    corrupt: float = 0.0
    """Callbacks with a byte changed on the way; the next attempt is whole."""
    down: str = ""
    """"refuse": every call is answered 503; "hang": after half a minute; "": it serves."""


class Fate(msgspec.Struct, frozen=True):
    """The fate of one callback, where it is told."""

    lost: bool = False
    delay_ms: int = 0


class Callbacks:
    """Sends callbacks to `url`, signed with `secret`."""

    def __init__(
        self, url: str, secret: str, chance: random.Random, clock_ms: Callable[[], int]
    ) -> None:
        self.url = url
        self.misbehaviour = Misbehaviour()
        self.sent = 0
        self.lost = 0
        self._key = Webhook(secret)
        self._chance = chance
        self._clock_ms = clock_ms
        self._http = HttpClient(silence_s_max=SILENCE_S_MAX)
        self._sending = asyncio.Semaphore(SENDING_MAX)
        self._under_way: set[asyncio.Task[None]] = set()
        self._held: list[asyncio.Event] = []
        self._number = 0

    def announce(self, fact: dict[str, Any], fate: Fate = Fate()) -> None:  # noqa: B008 - frozen
        """Has a fact sent, some time; what is told of its `fate` happens, the rest is chance."""
        if not self.url:
            return
        if fate.lost or self._happens(self.misbehaviour.lose):
            self.lost += 1
            return
        self._number += 1
        event_id = f"evt_{self._clock_ms()}_{self._number}"
        body = msgspec.json.encode(fact)
        for _ in range(2 if self._happens(self.misbehaviour.duplicate) else 1):
            task = asyncio.create_task(self._deliver(event_id, body, fate.delay_ms))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def aclose(self) -> None:
        """Gives up what is under way."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._http.aclose()

    async def all_sent(self) -> None:
        """Waits until nothing is under way."""
        while self._under_way:
            await asyncio.gather(*self._under_way, return_exceptions=True)

    def headers(self, event_id: str, body: bytes) -> dict[str, str]:
        """The headers that prove a callback."""
        now = datetime.fromtimestamp(self._clock_ms() // 1000, UTC)
        return {
            "content-type": "application/json",
            "webhook-id": event_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._key.sign(event_id, now, body.decode()),
        }

    async def _deliver(self, event_id: str, body: bytes, delay_ms: int) -> None:
        await asyncio.sleep(delay_ms / 1_000)
        if self._happens(self.misbehaviour.delay):
            await asyncio.sleep(self._chance.random() * self.misbehaviour.delay_ms / 1000)
        if self._happens(self.misbehaviour.reorder):
            await self._wait_for_the_next()
        corrupted = self._happens(self.misbehaviour.corrupt)
        for pause_s in (*RETRY_AFTER_S, 0.0):
            headers = self.headers(event_id, body)
            if await self._send(self._damaged(body) if corrupted else body, headers):
                break
            corrupted = False
            await asyncio.sleep(pause_s)
        self._let_go()

    async def _send(self, body: bytes, headers: dict[str, str]) -> bool:
        async with self._sending:
            try:
                answer = await self._http.send("POST", self.url, body=body, headers=headers)
            except Unanswered:
                return False
            self.sent += 1
            return answer.is_success

    async def _wait_for_the_next(self) -> None:
        passed = asyncio.Event()
        self._held.append(passed)
        try:
            await asyncio.wait_for(passed.wait(), REORDER_S_MAX)
        except TimeoutError:
            self._held.remove(passed)

    def _let_go(self) -> None:
        for passed in self._held:
            passed.set()
        self._held.clear()

    def _damaged(self, body: bytes) -> bytes:
        position = self._chance.randrange(len(body))
        return body[:position] + bytes([body[position] ^ 1]) + body[position + 1 :]

    def _happens(self, share: float) -> bool:
        return share > 0 and self._chance.random() < share


def shares_are_right(shares: msgspec.Struct) -> bool:
    """Whether all shares of a struct, its floats, are from 0 to 1."""
    values = msgspec.structs.astuple(shares)
    return all(0.0 <= value <= 1.0 for value in values if isinstance(value, float))
