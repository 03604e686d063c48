"""The measurements of a load: it prints a sample; a reading is made of it, of rounds the median."""

import statistics
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from serving.percentile import percentile

APPLIED = "OUTCOME_APPLIED"
OUT_OF_STOCK = "OUTCOME_OUT_OF_STOCK"
COUNTS = ("accepted", "refused", "errors")


class Sample(msgspec.Struct, frozen=True):
    """Rates per second, latencies of calls in milliseconds, commands by outcome.

    `errors` counts calls without an answer. `cpu_s` is the CPU time of the load itself, 0 where
    that is not known; `warm_up` the reservations that were made before the clock started.
    """

    commands_per_s: float
    p50_ms: float
    p99_ms: float
    errors: int
    outcomes: dict[str, int]
    cpu_s: float = 0.0
    warm_up: int = 0

    @property
    def commands(self) -> int:
        """The number of commands that were answered."""
        return sum(self.outcomes.values())


class Measured(msgspec.Struct):
    """A load's answers, how long each call took, how long all took, and the CPU time used."""

    answers: Sequence[bytes]
    latencies_s: Sequence[float]
    seconds: float
    cpu_s: float = 0.0


class Stopwatch:
    """Runs from when it is made."""

    def __init__(self) -> None:
        self._wall_s, self._cpu_s = time.perf_counter(), time.process_time()

    def measured(self, latencies_s: Sequence[float], answers: Sequence[bytes] = ()) -> Measured:
        """The times until now, and the answers if they are to be looked at."""
        seconds = time.perf_counter() - self._wall_s
        return Measured(answers, latencies_s, seconds, time.process_time() - self._cpu_s)


def sample_of(
    measured: Measured, outcomes: Iterable[str] | Mapping[str, int], errors: int = 0
) -> Sample:
    """The sample of a load that was measured."""
    found = Counter(outcomes)
    ascending_s = sorted(measured.latencies_s)
    return Sample(
        commands_per_s=round(found.total() / measured.seconds, 1),
        p50_ms=round(percentile(ascending_s, 0.50) * 1_000, 3),
        p99_ms=round(percentile(ascending_s, 0.99) * 1_000, 3),
        errors=errors,
        outcomes=dict(found),
        cpu_s=round(measured.cpu_s, 3),
    )


class Used(NamedTuple):
    """The costs of a load while it lasted: CPU time, the store's own time in scripts, batches."""

    server_cpu_s: float
    store_cpu_s: float
    script_s: float
    batches: int

    def since(self, before: "Used") -> "Used":
        """The costs since then."""
        return Used(
            self.server_cpu_s - before.server_cpu_s,
            self.store_cpu_s - before.store_cpu_s,
            self.script_s - before.script_s,
            self.batches - before.batches,
        )


class Reading(msgspec.Struct, frozen=True, omit_defaults=True):
    """Rates of commands per second, latencies of calls, and the costs of a command.

    `accepted` and `refused` count commands, `errors` calls without an answer and commands with
    another outcome than they should have. `..._cpu_us` is the CPU time of that part a command,
    `script_us` the store's own time in scripts, sweeps included; `commands_a_batch` counts the
    batches that changed anything; `bytes_an_order` are those of the order service's database. None:
    not measured.
    """

    per_s: float
    p50_ms: float
    p99_ms: float
    errors: int
    accepted: int
    refused: int
    server_cpu_us: float | None = None
    store_cpu_us: float | None = None
    load_cpu_us: float | None = None
    script_us: float | None = None
    commands_a_batch: float | None = None
    bytes_an_order: float | None = None


def reading_of(sample: Sample, expected: str, used: Used) -> Reading:
    """The reading of a load whose commands should all have ended with `expected`."""
    commands = max(1, sample.commands)

    def us_a_command(seconds: float) -> float | None:
        return round(seconds * 1e6 / commands, 2) if seconds > 0 else None

    return Reading(
        per_s=sample.commands_per_s,
        p50_ms=sample.p50_ms,
        p99_ms=sample.p99_ms,
        errors=sample.errors + sample.commands - sample.outcomes.get(expected, 0),
        accepted=sample.outcomes.get(APPLIED, 0),
        refused=sample.outcomes.get(OUT_OF_STOCK, 0),
        server_cpu_us=us_a_command(used.server_cpu_s),
        store_cpu_us=us_a_command(used.store_cpu_s),
        load_cpu_us=us_a_command(sample.cpu_s),
        script_us=us_a_command(used.script_s),
        commands_a_batch=round(commands / used.batches, 1) if used.batches else None,
    )


def median_of(readings: Sequence[Reading]) -> Reading:
    """The median of each figure; of the counts the sum."""

    def median(name: str) -> float | None:
        values = [value for one in readings if (value := getattr(one, name)) is not None]
        return round(statistics.median(values), 3) if values else None

    figures = {name: median(name) for name in Reading.__struct_fields__}
    counts = {name: sum(getattr(one, name) for one in readings) for name in COUNTS}
    return msgspec.convert(figures | counts, Reading)
