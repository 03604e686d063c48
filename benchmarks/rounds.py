"""Rounds: every benchmark once each, forwards and backwards in turn, then the audit.

What drifts while a run lasts (a machine that warms up, a store that grows) then falls on both sides
of each comparison.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from benchmarks.reading import Reading
from benchmarks.running import audit, run, stock_up
from benchmarks.scenarios import Benchmark
from benchmarks.stage import Stage

Tell = Callable[[str], None]


class Audit(msgspec.Struct, frozen=True):
    """The result of an audit of a benchmark's tenant.

    `reservations` are the store's, `answered` those of the answers to the loads; `findings` are
    rows that break an invariant or could not be proven.
    """

    reservations: int
    answered: int = msgspec.field(name="told")
    findings: int

    @property
    def ok(self) -> bool:
        """Whether every row is right, and the store has as many reservations as the answers."""
        return not self.findings and self.reservations == self.answered


class Measurements:
    """The readings of all rounds so far, and the audit of each benchmark, by its name."""

    def __init__(self, stage: Stage, tell: Tell) -> None:
        self.rounds: list[dict[str, Reading]] = []
        self.audits: dict[str, Audit] = {}
        self._stage = stage
        self.tell = tell
        self._answered: Counter[str] = Counter()

    def measure(self, benchmarks: Sequence[Benchmark], rounds: int) -> None:
        """Runs benchmarks for a number of rounds; after its last run each is audited.

        Raises LoadFailed.
        """
        stock_up(self._stage, benchmarks)
        for number in range(rounds):
            if number == len(self.rounds):
                self.rounds.append({})
            for benchmark in benchmarks[:: -1 if number % 2 else 1]:
                self.tell(f"round {number + 1} of {rounds}: {benchmark.title}")
                self._run(benchmark, number)
                if number == rounds - 1 and benchmark.tenant:
                    self._audit(benchmark)

    def _run(self, benchmark: Benchmark, number: int) -> None:
        reading, reservations = run(benchmark, self._stage, f"{benchmark.name}.{number}")
        self.rounds[number][benchmark.name] = reading
        self._answered[benchmark.tenant] += reservations

    def _audit(self, benchmark: Benchmark) -> None:
        found = audit(self._stage, benchmark.tenant)
        self.audits[benchmark.name] = Audit(
            found.reservations, self._answered[benchmark.tenant], found.findings + found.unsettled
        )
