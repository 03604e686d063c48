"""The files through which workers share their metrics with the endpoint."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from server.config import Config

# Files in memory: writing a page of them never waits for a disk.
_IN_MEMORY = "/dev/shm"


class WorkerFiles:
    """The files of `counted_in_files`: the counts of all workers, in one directory.

    `directory` is "" where there is no endpoint to show it.
    """

    def __init__(self, directory: str) -> None:
        self.directory = directory

    def forget_gauges(self, number: int) -> None:
        """Forgets the gauges of a worker that ended; its counters stay."""
        if self.directory:
            mark_process_dead(number, self.directory)  # type: ignore[no-untyped-call]


@contextmanager
def files_of_workers(registry: CollectorRegistry, config: Config) -> Iterator[WorkerFiles]:
    """The files of the workers, while the context lasts.

    The registry collects their counts, summed over all workers.
    """
    if not config.metrics_listen:
        yield WorkerFiles("")
        return
    in_memory = _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="holdfast-metrics-", dir=in_memory) as directory:
        MultiProcessCollector(registry, directory)  # type: ignore[no-untyped-call]
        yield WorkerFiles(directory)
