"""The tasks that a relay holds: those that wait for a slot, and the number that run of each kind.

Each kind has slots of its own, so that a provider that hangs holds up its own tasks and no others.
Pure: it knows no clock and does nothing itself.
"""

from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from order_service.order.model import Task
from order_service.order.tasks import TASKS, TaskKind
from order_service.storage.tasks import Taken

AT_A_TIME = 32
# The engine's client sends those that are under way together, so there have to be some.
STOCK_AT_A_TIME = 256
QUEUED_MAX = 10_000
LEFT_MAX = 1_000

SLOTS: Final = {
    kind: STOCK_AT_A_TIME if row.lane == "stock" else AT_A_TIME for kind, row in TASKS.items()
}


class Backlog:
    """Tasks of some kinds, each with the time at which this process's lease of it ends."""

    def __init__(self, kinds: Iterable[TaskKind]) -> None:
        self._waiting: dict[str, deque[Taken]] = {kind: deque() for kind in kinds}
        self._running: Counter[str] = Counter()
        self._lease_ends_at_ms: dict[str, int] = {}

    def __contains__(self, task: Task) -> bool:
        return task.task_id in self._lease_ends_at_ms

    def add(self, taken: Taken) -> bool:
        """Keeps a task until it is its turn; False if it cannot: an unknown kind, or too many.

        For a task that is here already only the lease is noted.
        """
        task = taken.task
        if task not in self:
            waiting = self._waiting.get(task.kind)
            if waiting is None or len(waiting) >= QUEUED_MAX:
                return False
            waiting.append(taken)
        self._lease_ends_at_ms[task.task_id] = task.lease_until_ms
        return True

    def begin(self, now_ms: int) -> Iterator[Taken]:
        """Tasks whose turn it is, each of which has a slot until `end` is called for it.

        A task whose lease has run out while it waited may be another process's: it is dropped.
        """
        for kind, waiting in self._waiting.items():
            while waiting and self._running[kind] < SLOTS[TaskKind(kind)]:
                taken = waiting.popleft()
                if self._lease_ends_at_ms[taken.task.task_id] <= now_ms:
                    del self._lease_ends_at_ms[taken.task.task_id]
                    continue
                self._running[kind] += 1
                yield taken

    def end(self, task: Task) -> None:
        """Frees the slot of a task."""
        self._running[task.kind] -= 1
        del self._lease_ends_at_ms[task.task_id]

    def kinds_with_room(self) -> list[TaskKind]:
        """Kinds of which more can be begun than wait already."""
        return [
            TaskKind(kind)
            for kind, waiting in self._waiting.items()
            if self._running[kind] + len(waiting) < SLOTS[TaskKind(kind)]
        ]

    def leases_that_end_before(self, at_ms: int) -> list[str]:
        """Ids of tasks that are to be kept for longer."""
        return [task_id for task_id, ends in self._lease_ends_at_ms.items() if ends < at_ms]

    def renewed(self, task_ids: Collection[str], lease_ends_at_ms: int) -> None:
        """Notes that leases end later. Tasks that have ended meanwhile have no lease any more."""
        for task_id in task_ids:
            if task_id in self._lease_ends_at_ms:
                self._lease_ends_at_ms[task_id] = lease_ends_at_ms

    def drop_waiting(self) -> list[str]:
        """Lets go of all tasks that were not begun; returns their ids."""
        dropped = [taken.task.task_id for waiting in self._waiting.values() for taken in waiting]
        for waiting in self._waiting.values():
            waiting.clear()
        for task_id in dropped:
            del self._lease_ends_at_ms[task_id]
        return dropped


class LeftToOthers:
    """The tasks that this process cannot do, each with the time from which it tries again."""

    def __init__(self) -> None:
        self._until_ms: dict[str, int] = {}

    def add(self, task_id: str, until_ms: int) -> None:
        """Leaves a task alone until a time; of too many the first are tried again earlier."""
        self._until_ms.pop(task_id, None)
        self._until_ms[task_id] = until_ms
        if len(self._until_ms) > LEFT_MAX:
            del self._until_ms[next(iter(self._until_ms))]

    def at(self, now_ms: int) -> list[str]:
        """The tasks that are left alone now."""
        for task_id in [task_id for task_id, until in self._until_ms.items() if until <= now_ms]:
            del self._until_ms[task_id]
        return list(self._until_ms)
