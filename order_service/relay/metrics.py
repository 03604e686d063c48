"""The metrics of the order service, and how their values get there."""

from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from order_service.relay.metrics_table import TASK_METRICS, RelayCounts
from serving.metrics import CallMetrics, GaugeMetric

QUEUED_CHANGES: Final = GaugeMetric(
    "holdfast_orders_queued_changes", "Changes of orders that wait to be written."
)
BUILD_INFO: Final = GaugeMetric(
    "holdfast_build_info", "Always 1; the label is the version.", ("version",)
)
ORDER_METRICS: Final = (QUEUED_CHANGES, BUILD_INFO)


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


def order_metrics(
    registry: CollectorRegistry,
    counts: RelayCounts,
    queued: Callable[[], int],
    clock_ms: Callable[[], int],
) -> CallMetrics:
    """Puts everything into a registry; returns where calls are counted."""
    registry.register(_Tasks(counts, clock_ms))
    QUEUED_CHANGES.made(registry).set_function(queued)
    BUILD_INFO.made(registry).labels(version("holdfast")).set(1)
    return CallMetrics(registry)
