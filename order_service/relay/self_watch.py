"""Looks whether this process can serve: its database takes writes, and its clocks agree.

Writes that were made prove it, or the opposite. Where there were none, a row is written and taken
out again: only a write tells of a full disk or of a database that can only be read.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from secrets import token_hex
from typing import Final, NamedTuple

import structlog
from sqlalchemy import Connection, delete, insert

from order_service.engine_clock import EngineClock
from order_service.storage.clock import DatabaseClock
from order_service.storage.database import Conflict, StorageUnavailable, WriteRefused
from order_service.storage.orders import Orders
from order_service.storage.schema import waves

log = structlog.get_logger()

LOOK_S: Final = 1.0
PROBE_S_MAX: Final = 3.0
"""A write that takes longer is not there for who waits for it."""
LOOKS_PER_PROBE: Final = 5
LARGE_BYTES: Final = 65_536
"""In doubt so much is tried: what is small may find room on a full disk."""
LOOKS_IN_DOUBT: Final = 5
"""A write that was refused counts for so many looks."""
SKEW_MS_NAMED: Final = 1_000


class Skew(NamedTuple):
    """The distance of two clocks."""

    clock: str
    ahead_ms: int
    """By how much this clock is ahead of the order service's; negative: behind."""
    about: str


class SelfWatch:
    """`trouble` says why this process cannot serve, "" while it can.

    `on_change` is told whether it can, at the first look and whenever that changes. `probe_id` is a
    name that no other process has. `hanging` names the loops of the process that hang.
    """

    def __init__(
        self,
        orders: Orders,
        clock: DatabaseClock,
        engine_clock: EngineClock,
        probe_id: str,
        on_change: Callable[[bool], Awaitable[None]],
        hanging: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self.trouble: str | None = None
        self.rounds = 0
        self._orders = orders
        self._clock = clock
        self._engine_clock = engine_clock
        self._probe_id = probe_id
        self._on_change = on_change
        self._hanging = hanging
        self._probe: asyncio.Future[None] | None = None
        self._written = 0
        self._looks = 0
        self._looks_in_doubt = 0
        self._named: set[str] = set()

    async def run(self) -> None:
        """Looks again and again until cancelled."""
        while True:
            if self._looks % LOOKS_PER_PROBE == 0:
                await self._look_at_clocks()
            await self.look()
            self.rounds += 1
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Looks once whether the database takes writes."""
        trouble = await self._trouble()
        self._looks += 1
        if trouble == self.trouble:
            return
        if trouble:
            log.error("not serving", trouble=trouble)
        elif self.trouble:
            log.info("serving again")
        if bool(trouble) != bool(self.trouble) or self.trouble is None:
            await self._on_change(not trouble)
        self.trouble = trouble

    def skews(self) -> Iterator[Skew]:
        """How far the clocks around are ahead of the one that the order service goes by."""
        yield Skew("machine", self._clock.skew_ms, "this machine's, against the database's")
        yield Skew("engine", self._engine_clock.skew_ms, "the engine's store, against ours")

    def skew_s(self, clock: str) -> float:
        """How far one of them is ahead, in seconds."""
        return next(skew.ahead_ms for skew in self.skews() if skew.clock == clock) / 1_000

    async def _trouble(self) -> str:
        if names := self._hanging():
            return f"it hangs ({', '.join(names)}): start this process again"
        writes = self._orders.writes
        refused, writes.refused = writes.refused, ""
        if refused:
            self._looks_in_doubt = LOOKS_IN_DOUBT
            return f"the database does not take writes: {refused}"
        written, self._written = writes.taken != self._written, writes.taken
        if self.trouble == "" and (written or self._looks % LOOKS_PER_PROBE):
            return ""
        if self._looks_in_doubt and self.trouble:
            self._looks_in_doubt -= 1
            return self.trouble
        return await self._probed()

    async def _probed(self) -> str:
        """Tries a write; one that hangs is waited for, rather than tried beside."""
        if self._probe is None or self._probe.done():
            self._probe = asyncio.ensure_future(self._orders.database.write(self._write_and_undo))
        try:
            async with asyncio.timeout(PROBE_S_MAX):
                await asyncio.shield(self._probe)
        except TimeoutError:
            return f"the database has not taken a write for {PROBE_S_MAX:g} s"
        except (StorageUnavailable, WriteRefused, Conflict) as error:
            return f"the database does not take writes: {error}"
        return ""

    def _write_and_undo(self, connection: Connection) -> None:
        key = {"tenant": "", "wave_id": self._probe_id}
        content = token_hex(LARGE_BYTES // 2) if self.trouble else ""
        more = {"location": "", "zone": "", "shipment_ids": content, "created_at_ms": 0}
        connection.execute(insert(waves).values(**key, **more))
        is_probe = (waves.c.tenant == "") & (waves.c.wave_id == self._probe_id)
        connection.execute(delete(waves).where(is_probe))

    async def _look_at_clocks(self) -> None:
        with suppress(StorageUnavailable, TimeoutError):
            async with asyncio.timeout(PROBE_S_MAX):
                await self._clock.look()
        for skew in self.skews():
            apart = abs(skew.ahead_ms) > SKEW_MS_NAMED
            if apart and skew.clock not in self._named:
                log.warning("a clock is wrong", clock=skew.about, ahead_ms=skew.ahead_ms)
            (self._named.add if apart else self._named.discard)(skew.clock)
