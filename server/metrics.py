"""Counts the work of a server process. Labelled counters are made once, not per command."""

import asyncio
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version

import prometheus_client
from prometheus_client import CollectorRegistry, values
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from engine.answers import NOT_JUDGED
from engine.model import Outcome, StockOutcome
from engine.scripts import STOCK_KINDS, SWEEPS, Kind
from server import metrics_table as table
from server.config import Config
from serving.metrics import CallMetrics

SAMPLE_S = 1.0
# Files in memory: writing a page of them never waits for a disk.
_IN_MEMORY = "/dev/shm"


@contextmanager
def counted_in_files(worker: int) -> Iterator[None]:
    """Keeps the counts in files of PROMETHEUS_MULTIPROC_DIR, the supervisor's directory.

    They carry the worker's number and not its pid: the next worker with the number goes on counting
    where this one ended, so no counter goes down and no file is left behind. No two processes may
    have a number at the same time.
    """
    supervisor_pid = os.getppid()
    values.ValueClass = values.MultiProcessValue(lambda: worker)  # type: ignore[no-untyped-call]
    yield
    if os.getppid() != supervisor_pid:  # killed, so it cannot remove its directory itself
        shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)


@contextmanager
def files_of_workers(registry: CollectorRegistry, config: Config) -> Iterator[str]:
    """The directory of the files of `counted_in_files`; "" where no endpoint shows the counts.

    The registry collects the counts, summed over all workers.
    """
    if not config.metrics_listen:
        yield ""
        return
    in_memory = _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="holdfast-metrics-", dir=in_memory) as directory:
        MultiProcessCollector(registry, directory)  # type: ignore[no-untyped-call]
        yield directory


def forget_gauges(directory: str, number: int) -> None:
    """Forgets the gauges of a worker that ended; its counters stay."""
    if directory:
        mark_process_dead(number, directory)  # type: ignore[no-untyped-call]


class _CommandCounters(dict[tuple[int, int], prometheus_client.Counter]):
    """The counters of commands by kind and signed outcome, each made when it is first asked for."""

    def __init__(self, commands: prometheus_client.Counter) -> None:
        super().__init__()
        self._commands = commands

    def __missing__(self, command: tuple[int, int]) -> prometheus_client.Counter:
        kind, outcome = Kind(command[0]), command[1]
        outcomes: type[Outcome | StockOutcome]
        outcomes = StockOutcome if kind in STOCK_KINDS else Outcome
        replayed = "true" if outcome < 0 else "false"
        name = outcomes(abs(outcome)).name if outcome else NOT_JUDGED.name
        counter = self._commands.labels(kind.name.lower(), name, replayed)
        self[command] = counter
        return counter


class ServerMetrics:
    """The metrics of each server process. With workers, the endpoint sums over them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._commands = _CommandCounters(table.COMMANDS.made(registry))
        self._batch_commands = table.BATCH_COMMANDS.made(registry)
        self._batch_seconds = table.BATCH_SECONDS.made(registry)
        sweep_seconds = table.SWEEP_SECONDS.made(registry)
        self._sweeps: dict[int, prometheus_client.Histogram]
        self._sweeps = {kind: sweep_seconds.labels(kind.name.lower()) for kind in SWEEPS}
        self._failed_batches = table.FAILED_BATCHES.made(registry)
        self.calls = CallMetrics(registry)
        self._queued_commands = table.QUEUED_COMMANDS.made(registry)
        self._serving = table.SERVING.made(registry)
        self._clock_off_s = table.CLOCK_OFF_SECONDS.made(registry)

    def clock_off(self, off_ms: int) -> None:
        """Tells how far the store's clock is off."""
        self._clock_off_s.set(abs(off_ms) / 1_000)

    def batch(self, kinds: Sequence[int], outcomes: Sequence[int], seconds: float) -> None:
        """Counts a batch: the kind and the signed outcome of each command (see `OnBatch`)."""
        sweep = self._sweeps.get(kinds[0])
        if sweep is not None:  # always a batch of its own
            sweep.observe(seconds)
            return
        self._batch_commands.observe(len(kinds))
        self._batch_seconds.observe(seconds)
        if len(kinds) == 1:
            self._commands[kinds[0], outcomes[0]].inc()
            return
        for command, count in Counter(zip(kinds, outcomes, strict=True)).items():
            self._commands[command].inc(count)

    def batch_failed(self, failure: Exception) -> None:
        """Counts a batch that was not judged, or whose answers were lost."""
        self._failed_batches.labels(type(failure).__name__).inc()

    def serving(self, serving: bool) -> None:
        """Notes whether this process serves."""
        self._serving.set(serving)

    async def watch_queue(self, queued_commands: Callable[[], int]) -> None:
        """Samples the length of the queue, until cancelled."""
        while True:
            self._queued_commands.set(queued_commands())
            await asyncio.sleep(SAMPLE_S)


class WholeMetrics:
    """The metrics that are counted once, however many workers there are."""

    def __init__(self, registry: CollectorRegistry, workers: int) -> None:
        self.worker_restarts = table.WORKER_RESTARTS.made(registry)
        self.store_restarts = table.STORE_RESTARTS.made(registry)
        table.WORKERS.made(registry).set(workers)
        table.BUILD_INFO.made(registry).labels(version("holdfast")).set(1)
