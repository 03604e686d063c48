"""The sweeper: gives back what is past its deadline, and removes what nobody needs any more.

Both go in bounded batches through the batch script, so that several servers may sweep the same
store and a buyer never waits behind a long script.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

import msgspec
import redis.asyncio

from engine.errors import EngineError
from engine.link import store_errors
from engine.partition import Partition


class SweepPace(msgspec.Struct, frozen=True):
    """How often to sweep. Expired units are on sale again within `expire_ms` and a batch or two."""

    expire_ms: int = 200
    purge_ms: int = 5_000
    # The journal keeps about so many changes, until an archive follows it and owns the trimming.
    journal_changes_max: int = 100_000


class Sweeper:
    """Sweeps every partition, until it is stopped."""

    def __init__(
        self,
        client: "redis.asyncio.Redis",
        partitions: Callable[[], Awaitable[Iterable[Partition]]],
        pace: SweepPace,
        on_failure: Callable[[EngineError], None],
    ) -> None:
        self._client = client
        self._partitions = partitions
        self._pace = pace
        self._on_failure = on_failure
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Starts sweeping."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Stops after the sweep that is under way."""
        self._stopping.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        purge_at = loop.time()
        while not self._stopping.is_set():
            purging = loop.time() >= purge_at
            if purging:
                purge_at = loop.time() + self._pace.purge_ms / 1000
            try:
                for partition in await self._partitions():
                    await self._sweep(partition, purging)
            except EngineError as failure:
                self._on_failure(failure)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._pace.expire_ms / 1000)

    async def _sweep(self, partition: Partition, purging: bool) -> None:
        try:
            await partition.expire()
            if purging:
                await partition.purge()
                await self._trim_journal(partition)
        except EngineError as failure:
            self._on_failure(failure)  # one tenant's trouble is not the others'

    async def _trim_journal(self, partition: Partition) -> None:
        oldest = partition.sequence - self._pace.journal_changes_max
        if oldest > 0:
            with store_errors():
                await self._client.xtrim(partition.keys.journal, minid=f"{oldest}-0")
