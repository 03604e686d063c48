"""The measurements of one run of a load: taken with a stopwatch, printed as a sample."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from serving.percentile import percentile

APPLIED = "OUTCOME_APPLIED"
OUT_OF_STOCK = "OUTCOME_OUT_OF_STOCK"


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


def sample_of(
    latencies_s: Iterable[float],
    seconds: float,
    outcomes: Iterable[str] | Mapping[str, int],
    errors: int = 0,
    cpu_s: float = 0.0,
) -> Sample:
    """The sample of a load that took `seconds`."""
    found = Counter(outcomes)
    ascending_s = sorted(latencies_s)
    return Sample(
        commands_per_s=round(found.total() / seconds, 1),
        p50_ms=round(percentile(ascending_s, 0.50) * 1_000, 3),
        p99_ms=round(percentile(ascending_s, 0.99) * 1_000, 3),
        errors=errors,
        outcomes=dict(found),
        cpu_s=round(cpu_s, 3),
    )


class Measured(msgspec.Struct):
    """A load's answers, how long each call took, how long all took, and the CPU time used."""

    answers: list[bytes]
    latencies_s: list[float]
    seconds: float
    cpu_s: float


class Stopwatch:
    """Runs from when it is made."""

    def __init__(self) -> None:
        self._wall_s, self._cpu_s = time.perf_counter(), time.process_time()

    def measured(self, answers: list[bytes], latencies_s: list[float]) -> Measured:
        """The answers and times until now."""
        seconds = time.perf_counter() - self._wall_s
        return Measured(answers, latencies_s, seconds, time.process_time() - self._cpu_s)
