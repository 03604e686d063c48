"""Wall and CPU time of a load."""

import time

import msgspec


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
