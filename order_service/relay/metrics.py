"""The metrics of the order service, and how their values get there."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from typing import Final, Literal, NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from order_service.order.tasks import TaskKind
from order_service.relay.self_watch import SelfWatch
from order_service.storage.needs import NEEDS, Waiting
from order_service.storage.tasks import Queue
from serving.metrics import CallMetrics, GaugeMetric

QUEUED_CHANGES: Final = GaugeMetric(
    "holdfast_orders_queued_changes", "Changes of orders that wait to be written."
)
BUILD_INFO: Final = GaugeMetric(
    "holdfast_build_info", "Always 1; the label is the version.", ("version",)
)
SERVING: Final = GaugeMetric(
    "holdfast_orders_serving", "1 while this process can serve: its database takes writes."
)
CLOCK_SKEW: Final = GaugeMetric(
    "holdfast_orders_clock_skew_seconds",
    "By how much a clock is ahead of the one that the order service goes by: this machine's, which "
    "is ahead of its database's, or that of the engine's store.",
    ("clock",),
)
ORDER_METRICS: Final = (QUEUED_CHANGES, SERVING, CLOCK_SKEW, BUILD_INFO)


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


class NeedMetric(NamedTuple):
    """A gauge of what waits for a person, by the label `need`."""

    type: Literal["gauge"]
    name: str
    help: str
    values: Callable[[Sequence[Waiting], int], Mapping[str, float]]
    """The values by need, from everything that waits and the time."""


NEED_METRICS: Final = (
    NeedMetric(
        "gauge",
        "holdfast_orders_waiting_for_person",
        "What waits for a person, of all shops together; `holdfast orders status` names it.",
        lambda waiting, _: _by_need(waiting, sum, lambda one: one.count),
    ),
    NeedMetric(
        "gauge",
        "holdfast_orders_person_wait_seconds",
        "For how long the oldest of it has waited; 0 if nothing does.",
        lambda waiting, now_ms: _by_need(
            waiting, partial(max, default=0), lambda one: (now_ms - one.since_at_ms) / 1_000
        ),
    ),
)


def _by_need(
    waiting: Sequence[Waiting],
    joined: Callable[[Iterable[float]], float],
    value: Callable[[Waiting], float],
) -> dict[str, float]:
    return {
        need.name: joined([value(one) for one in waiting if one.need is need]) for need in NEEDS
    }


class _Tasks(Collector):
    """The counts of the relay, as they are when Prometheus asks."""

    def __init__(self, counts: RelayCounts, clock_ms: Callable[[], int]) -> None:
        self._counts = counts
        self._clock_ms = clock_ms

    def collect(self) -> Iterator[Metric]:
        """All rows of the table."""
        for row in TASK_METRICS:
            family: CounterMetricFamily | GaugeMetricFamily
            kind = CounterMetricFamily if row.type == "counter" else GaugeMetricFamily
            family = kind(row.name, row.help, labels=["kind"])
            for label, value in row.values(self._counts, self._clock_ms()).items():
                family.add_metric([label], value)
            yield family


class _Needs(Collector):
    """Everything that waits for a person, as it was when last looked."""

    def __init__(
        self, waiting: Callable[[], Sequence[Waiting]], clock_ms: Callable[[], int]
    ) -> None:
        self._waiting = waiting
        self._clock_ms = clock_ms

    def collect(self) -> Iterator[Metric]:
        """All rows of the table."""
        for row in NEED_METRICS:
            family = GaugeMetricFamily(row.name, row.help, labels=["need"])
            for label, value in row.values(self._waiting(), self._clock_ms()).items():
                family.add_metric([label], value)
            yield family


def order_metrics(
    registry: CollectorRegistry,
    counts: RelayCounts,
    waiting: Callable[[], Sequence[Waiting]],
    watch: SelfWatch,
    queued: Callable[[], int],
    clock_ms: Callable[[], int],
) -> CallMetrics:
    """Puts everything into a registry; returns where calls are counted."""
    registry.register(_Tasks(counts, clock_ms))
    registry.register(_Needs(waiting, clock_ms))
    QUEUED_CHANGES.made(registry).set_function(queued)
    SERVING.made(registry).set_function(lambda: watch.trouble == "")
    skews = CLOCK_SKEW.made(registry)
    for skew in watch.skews():
        skews.labels(skew.clock).set_function(partial(watch.skew_s, skew.clock))
    BUILD_INFO.made(registry).labels(version("holdfast")).set(1)
    return CallMetrics(registry)
