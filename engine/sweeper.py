"""The sweeper: expires reservations past their deadline, and purges what is past its retention.

Both go through the batch script in bounded steps, so that a buyer never waits behind a long one,
and with rests between them, so that most of the store's time is left to buyers however much is due.
Several servers may sweep the same store: each finds only what the others have left. A server rests
in proportion to how long its step took, including the wait behind the steps of others.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial

import msgspec
import redis.asyncio

from engine.errors import EngineError
from engine.journal_bound import trim_journal
from engine.link import store_errors
from engine.model import SweepResult
from engine.partition import Partition

# The rest after a step, as a multiple of its duration. A step that had to wait for others, in the
# store or in this process, took longer than it kept the store busy: the busier both are, the less
# is swept.
REST_PER_WORK = 2.0
# A round comes up to this share of its pace earlier or later: servers are not to keep in step.
JITTER = 0.25


class SweepPace(msgspec.Struct, frozen=True):
    """The pauses between sweeps. Units are on sale again about `expire_ms` after their deadline; a
    Reserve that needs them earlier gets them at once.
    """

    expire_ms: int = 200
    purge_ms: int = 5_000
    # About how many changes the journal keeps, and how many bytes of the store's memory.
    journal_changes_max: int = 100_000
    journal_bytes_max: int = 64_000_000


class Sweeper:
    """Sweeps the partitions that have something due, until it is stopped.

    `due` finds them by the key that says so, `deadlines` or `retention`: what a round costs follows
    from what is due, and hardly from how many partitions there are. `grown` are those whose
    journals may have to be trimmed.
    """

    def __init__(
        self,
        client: "redis.asyncio.Redis",
        due: Callable[[str], Awaitable[Iterable[Partition]]],
        grown: Callable[[], Iterable[Partition]],
        pace: SweepPace,
        on_failure: Callable[[Exception], None],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._client = client
        self._due = due
        self._grown = grown
        self._trimmed: dict[str, int] = {}  # by journal: the sequence up to which it was trimmed
        self._pace = pace
        self._on_failure = on_failure
        self._chance = chance
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.turned_at = asyncio.get_running_loop().time()
        """When it last did anything, in the event loop's time."""

    def start(self) -> None:
        """Starts sweeping."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Stops after the step that is under way."""
        self._stopping.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        expiry = Rounds(partial(self._step, Partition.expire_step), self._pace.expire_ms)
        purge = Rounds(partial(self._step, Partition.purge_step), self._pace.purge_ms)
        while not self._stopping.is_set():
            started_at = loop.time()
            for rounds, due in ((expiry, self._due_deadlines), (purge, self._due_retention)):
                try:
                    await rounds.go_on(started_at, due, self._chance())
                except Exception as failure:  # noqa: BLE001 - nobody would sweep any more
                    self._on_failure(failure)
            self.turned_at = ended_at = loop.time()
            pause_s = (ended_at - started_at) * REST_PER_WORK
            if not expiry.behind and not purge.behind:
                pause_s = max(pause_s, min(expiry.next_at, purge.next_at) - ended_at)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause_s)

    async def _step(
        self, step: Callable[[Partition], Awaitable[SweepResult]], partition: Partition
    ) -> bool:
        """Whether more is due after a step. An error is reported: the next tenant is swept all the
        same.
        """
        try:
            return (await step(partition)).more
        except EngineError as failure:
            self._on_failure(failure)
            return False
        finally:
            self.turned_at = asyncio.get_running_loop().time()

    async def _due_deadlines(self) -> Iterable[Partition]:
        return await self._due("deadlines")

    async def _due_retention(self) -> Iterable[Partition]:
        for partition in self._grown():
            key, sequence = partition.keys.journal, partition.sequence
            if sequence != self._trimmed.get(key):
                await self._trim(key, sequence)
                self._trimmed[key] = sequence
        return await self._due("retention")

    async def _trim(self, journal: str, sequence: int) -> None:
        pace = self._pace
        try:
            with store_errors():
                await trim_journal(
                    self._client,
                    journal,
                    sequence,
                    pace.journal_changes_max,
                    pace.journal_bytes_max,
                )
        except EngineError as failure:
            self._on_failure(failure)


class Rounds:
    """One kind of sweep: a step for every partition in each round, and between rounds further steps
    for partitions that have more to do.
    """

    def __init__(self, step: Callable[[Partition], Awaitable[bool]], pace_ms: int) -> None:
        self._step = step
        self._pace_ms = pace_ms
        self.next_at = 0.0
        self.behind: list[Partition] = []

    async def go_on(
        self,
        now: float,
        partitions: Callable[[], Awaitable[Iterable[Partition]]],
        chance: float,
    ) -> None:
        """Sweeps all partitions if a round is due, else those that were left with more to do.

        `now` is in the event loop's time; `chance`, from 0 to 1, moves the next round a little.
        """
        swept: Iterable[Partition] = self.behind
        if now >= self.next_at:
            self.next_at = now + self._pace_ms / 1000 * (1 + JITTER * (2 * chance - 1))
            swept = await partitions()
        self.behind = [partition for partition in swept if await self._step(partition)]
