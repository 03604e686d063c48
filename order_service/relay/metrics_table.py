"""The metrics of tasks: one table, from which they are made and the docs are written."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple

from order_service.order.tasks import TaskKind
from order_service.storage.tasks import Queue


class RelayCounts:
    """By kind of task: what this process has done, and what was to be done when last looked."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        """Attempts that failed."""
        self.buried: Counter[str] = Counter()
        """Tasks that went to the dead-letter list."""
        self.queues: dict[TaskKind, Queue] = {}
        """Of all processes together; without what is due later."""


class TaskMetric(NamedTuple):
    """A row of the table. Each has the one label `kind`."""

    type: Literal["counter", "gauge"]
    name: str
    help: str
    values: Callable[[RelayCounts, int], Mapping[str, float]]
    """The values by kind, from the counts and the time."""


TASK_METRICS: Final = (
    TaskMetric(
        "counter",
        "holdfast_orders_tasks_done_total",
        "Tasks that this process has done.",
        lambda counts, _: counts.done,
    ),
    TaskMetric(
        "counter",
        "holdfast_orders_task_failures_total",
        "Attempts at tasks that failed in this process.",
        lambda counts, _: counts.failed,
    ),
    TaskMetric(
        "counter",
        "holdfast_orders_tasks_buried_total",
        "Tasks that this process sent to the dead-letter list.",
        lambda counts, _: counts.buried,
    ),
    TaskMetric(
        "gauge",
        "holdfast_orders_tasks_due",
        "Tasks that are due, of all processes together.",
        lambda counts, _: {kind: queue.due for kind, queue in counts.queues.items()},
    ),
    TaskMetric(
        "gauge",
        "holdfast_orders_tasks_dead",
        "Tasks in the dead-letter list, of all processes together.",
        lambda counts, _: {kind: queue.dead for kind, queue in counts.queues.items()},
    ),
    TaskMetric(
        "gauge",
        "holdfast_orders_task_wait_seconds",
        "For how long the task that waits the longest has been due; 0 if none is.",
        lambda counts, now_ms: {
            kind: (now_ms - queue.oldest_due_at_ms) / 1_000 if queue.due else 0
            for kind, queue in counts.queues.items()
        },
    ),
)
