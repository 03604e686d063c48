"""A relay worked by hand: does one task at a time, when a test says so."""

import random
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial

from order_service.order.model import Task
from order_service.order.tasks import TaskKind
from order_service.relay.attempt import Failed, Unchanged, attempt
from order_service.relay.handler import Handler
from order_service.relay.metrics import RelayCounts
from order_service.relay.relay import pause_ms
from order_service.storage import tasks
from order_service.storage.database import Conflict, StorageUnavailable
from order_service.storage.orders import Orders
from order_service.storage.tasks import Failure, Taken

HANDLER_S_MAX = 60.0
# Errors of the database, which a handler may raise beside TryLater and GiveUp.
_EXPECTED = frozenset({"Conflict", "StorageUnavailable", "Overloaded"})


class RelayByHand:
    """Does the tasks of a process, with the leases and the handlers of the real relay.

    What a handler should never raise is kept in `surprises`. A task is only dead where its handler
    gives it up: however often a link was broken, it is tried again.
    """

    def __init__(
        self,
        orders: Orders,
        owner: str,
        handlers: Mapping[TaskKind, Handler],
        _randomness: random.Random,
    ) -> None:
        self.counts = RelayCounts()
        self.surprises: list[str] = []
        self._orders = orders
        self._owner = owner
        self._handlers = handlers
        self._offered: deque[Taken] = deque()
        self._chance = random.Random(0)

    def offer(self, offered: Sequence[Taken]) -> None:
        """Takes note of tasks that this process has written with a lease of its own."""
        self._offered.extend(offered)

    async def do_next(self) -> bool:
        """Does a task that is due; whether there was one. Raises StorageUnavailable, Conflict."""
        if self._offered:
            await self.do(self._offered.popleft())
            return True
        claim = partial(tasks.claim, owner=self._owner, now_ms=self._orders.clock_ms(), limit=1)
        claimed = await self._orders.write(claim)
        for taken in claimed:
            await self.do(taken)
        return bool(claimed)

    async def do(self, taken: Taken) -> None:
        """Does a task, and writes what became of it."""
        task = taken.task
        handler = self._handlers[TaskKind(task.kind)]
        ending = await attempt(taken, handler, self._orders, HANDLER_S_MAX)
        if isinstance(ending, Unchanged):
            await self._orders.write(partial(tasks.end, task_ids=[task.task_id]))
        elif isinstance(ending, Failed):
            if ending.reason.isidentifier() and ending.reason not in _EXPECTED:
                self.surprises.append(f"{task.kind} of {task.order_id}: {ending.reason}")
            # If it cannot be written either, the lease ends, and somebody tries again.
            with suppress(StorageUnavailable, Conflict):
                await self._put_off(task, ending)

    async def _put_off(self, task: Task, failed: Failed) -> None:
        attempts = task.attempts + 1
        pause = failed.after_ms
        if pause is None:
            pause = pause_ms(attempts, self._chance)
        due_at_ms = self._orders.clock_ms() + pause
        failure = Failure(task.task_id, attempts, due_at_ms, failed.final, failed.reason)
        await self._orders.write(
            partial(tasks.write_failures, owner=self._owner, failures=[failure])
        )
