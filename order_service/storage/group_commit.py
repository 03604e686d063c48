"""Group commit: what is to be changed while a batch is written forms the next batch.

A batch has at most one change of an order, and batches that are under way have no order in common,
so that changes of one order are made one after another, each on what the one before it left.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from order_service.storage.batch import Change, Judged, NewOrder
from order_service.storage.database import Conflict, StorageUnavailable
from order_service.storage.tasks import Taken

BATCH_MAX = 200
# Beside another a batch is begun only if it is at least so large: a small one costs the database as
# many round trips, and is soon larger.
BESIDE_MIN = 32
QUEUED_MAX = 20_000
# How often a change that collides with another process's is judged again, before it is given up.
ATTEMPTS_MAX = 5


class Overloaded(Exception):
    """More is queued than can be written in time."""


@dataclass(slots=True)
class Entry:
    """A change that waits to be made, and who waits for it."""

    change: Change | NewOrder
    judged: "asyncio.Future[Any]"
    attempts: int = 0


class GroupCommit:
    """The queue of changes, emptied batch by batch.

    `run` judges and writes a batch; `in_flight_max` is how many are under way at a time.
    `on_tasks` is told the tasks that were written with a lease of this process.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Change | NewOrder]], Awaitable[list[Judged]]],
        in_flight_max: int,
        on_tasks: Callable[[Sequence[Taken]], None],
    ) -> None:
        self._run = run
        self._in_flight_max = in_flight_max
        self._on_tasks = on_tasks
        self._queue: deque[Entry] = deque()
        self._claimed: set[object] = set()
        self._in_flight: set[asyncio.Task[None]] = set()
        self._start_handle: asyncio.Handle | None = None

    @property
    def queued(self) -> int:
        """The number of changes that wait for a batch."""
        return len(self._queue)

    async def submit(self, change: Change | NewOrder) -> Any:
        """Has a change made. Returns what its decision returned, once it is on disk.

        Raises what the decision raised, OrderNotFound, AlreadySeen, Conflict, WriteRefused,
        StorageUnavailable, Overloaded.
        """
        if len(self._queue) >= QUEUED_MAX:
            raise Overloaded
        judged: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._queue.append(Entry(change, judged))
        self._start_soon()
        return await judged

    async def drain(self) -> None:
        """Waits until nothing is queued or under way."""
        while self._queue or self._in_flight:
            self._start()
            if self._in_flight:
                await asyncio.wait(self._in_flight)

    def _start_soon(self) -> None:
        # One turn of the event loop later, so that what arrives together is written together.
        if self._start_handle is None and self._may_start:
            self._start_handle = asyncio.get_running_loop().call_soon(self._start)

    def _start(self) -> None:
        if self._start_handle is not None:
            self._start_handle.cancel()
            self._start_handle = None
        while self._may_start:
            batch = self._next_batch()
            if not batch:
                return
            task = asyncio.get_running_loop().create_task(self._commit(batch))
            self._in_flight.add(task)
            task.add_done_callback(self._landed)

    @property
    def _may_start(self) -> bool:
        if self._in_flight and len(self._queue) < BESIDE_MIN:
            return False
        return bool(self._queue) and len(self._in_flight) < self._in_flight_max

    def _landed(self, task: "asyncio.Task[None]") -> None:
        self._in_flight.discard(task)
        self._start_soon()

    def _next_batch(self) -> list[Entry]:
        batch: list[Entry] = []
        passed_over: list[Entry] = []
        while self._queue and len(batch) < BATCH_MAX:
            entry = self._queue.popleft()
            if entry.judged.done():
                continue  # cancelled before it was sent
            if entry.change.claim in self._claimed:
                passed_over.append(entry)
                continue
            self._claimed.add(entry.change.claim)
            batch.append(entry)
        self._queue.extendleft(reversed(passed_over))
        return batch

    async def _commit(self, batch: list[Entry]) -> None:
        try:
            await self._commit_together(batch)
        finally:
            self._claimed.difference_update(entry.change.claim for entry in batch)

    async def _commit_together(self, batch: list[Entry]) -> None:
        for entry in batch:
            entry.attempts += 1
        try:
            results = await self._run([entry.change for entry in batch])
        except StorageUnavailable as error:
            _fail_all(batch, error)  # whether it was written is not known
        except Exception as error:  # noqa: BLE001 - one of them did it, and only that one gets it
            await self._commit_alone(batch, error)
        except BaseException as error:
            # Nobody may wait for ever, whatever went wrong.
            _fail_all(batch, error)
            raise
        else:
            for entry, judged in zip(batch, results, strict=True):
                _settle(entry, judged)
            tasks = [task for judged in results for task in judged.tasks]
            if tasks:
                self._on_tasks(tasks)

    async def _commit_alone(self, batch: list[Entry], error: Exception) -> None:
        """Finds out whose failure it is: nothing of the batch was written.

        Most conflicts are gone when the change is judged again; another failure stays.
        """
        stays = len(batch) == 1 and not isinstance(error, Conflict)
        for entry in batch:
            if stays or entry.attempts >= ATTEMPTS_MAX:
                _fail(entry, error)
            else:
                entry.change = _unknown(entry.change)
                await self._commit_together([entry])


def _unknown(change: Change | NewOrder) -> Change | NewOrder:
    """The change without its `known` order, which may be old: the order is read again."""
    return replace(change, known=None) if isinstance(change, Change) else change


def _settle(entry: Entry, judged: Judged) -> None:
    if entry.judged.done():
        return
    if judged.error is not None:
        entry.judged.set_exception(judged.error)
    else:
        entry.judged.set_result(judged.value)


def _fail_all(batch: Sequence[Entry], error: BaseException) -> None:
    for entry in batch:
        _fail(entry, error)


def _fail(entry: Entry, error: BaseException) -> None:
    if not entry.judged.done():
        entry.judged.set_exception(error if isinstance(error, Exception) else Conflict("stopped"))
