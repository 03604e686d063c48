"""The metrics: one table, from which they are made and docs/reference.md is written."""

from serving.metrics import CALL_METRICS, CounterMetric, GaugeMetric, HistogramMetric, Metric

_STORE_S = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5)
_BATCH_COMMANDS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)


COMMANDS = CounterMetric(
    "holdfast_commands_total",
    "Commands judged. Replayed: it had been applied before, and nothing changed.",
    ("kind", "outcome", "replayed"),
)
BATCH_COMMANDS = HistogramMetric(
    "holdfast_batch_commands", "Commands in a batch.", buckets=_BATCH_COMMANDS
)
BATCH_SECONDS = HistogramMetric(
    "holdfast_batch_seconds",
    "From a batch's way to the store until its answers are back, on disk.",
    buckets=_STORE_S,
)
SWEEP_SECONDS = HistogramMetric(
    "holdfast_sweep_seconds",
    "From a sweep step's way to the store until its answer is back; kind: expire or purge.",
    ("kind",),
    _STORE_S,
)
FAILED_BATCHES = CounterMetric(
    "holdfast_failed_batches_total",
    "Batches and sweeps that were not judged or lost their answers, by what went wrong.",
    ("failure",),
)
QUEUED_COMMANDS = GaugeMetric(
    "holdfast_queued_commands", "Commands that wait for a batch, looked at once a second."
)
SERVING = GaugeMetric(
    "holdfast_serving",
    "Server processes that serve: their store answers and is safe. Below holdfast_workers, some "
    "do not.",
)
CLOCK_OFF_SECONDS = GaugeMetric(
    "holdfast_store_clock_off_seconds",
    "How far the store's clock is from the time that passed, ahead or behind, summed over server "
    "processes; 0 while it is right.",
)
WORKERS = GaugeMetric("holdfast_workers", "Server processes that there should be.")
WORKER_RESTARTS = CounterMetric(
    "holdfast_worker_restarts_total", "Workers that ended unasked and were started again."
)
STORE_RESTARTS = CounterMetric(
    "holdfast_store_restarts_total",
    "Times that the server's own store ended unasked and was started again.",
)
BUILD_INFO = GaugeMetric("holdfast_build_info", "Always 1; the label is the version.", ("version",))

# The metrics that each server process counts, and those of the process that runs all of them.
SERVER_METRICS: tuple[Metric, ...] = (
    COMMANDS,
    BATCH_COMMANDS,
    BATCH_SECONDS,
    SWEEP_SECONDS,
    FAILED_BATCHES,
    *CALL_METRICS,
    QUEUED_COMMANDS,
    SERVING,
    CLOCK_OFF_SECONDS,
)
WHOLE_METRICS: tuple[Metric, ...] = (WORKERS, WORKER_RESTARTS, STORE_RESTARTS, BUILD_INFO)
METRICS = (*SERVER_METRICS, *WHOLE_METRICS)
