"""The engine and the oracle given the same batches; any difference is an AssertionError."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from engine.model import Expire, StockResult, SweepResult
from tests.model.oracle import Answer, AnyCommand, Oracle
from tests.partition import Partition

K = TypeVar("K")
V = TypeVar("V")


class SideBySide:
    """An emptied partition of the engine, and an oracle.

    The oracle expires all that is due before it judges; the engine only so many (the partition's
    `due_limit`), and must answer as if it had been all. Where there may be more than that,
    `sweeps` has both expire the rest after each batch, so that what they store can be compared.
    """

    def __init__(self, partition: Partition, *, sweeps: bool = False) -> None:
        partition.clear()
        self.partition = partition
        self.oracle = Oracle()
        self._sweeps = sweeps

    def run(self, commands: Sequence[AnyCommand], now_ms: int) -> list[Answer]:
        """Judges a batch twice and compares the answers; the oracle's."""
        expected = self.oracle.run(commands, now_ms)
        answers = self.partition.run(commands, now_ms)
        assert len(answers) == len(commands)
        for command, answer, wanted in zip(commands, answers, expected, strict=True):
            both = f"{command}\nengine: {answer}\noracle: {wanted}"
            assert self._comparable(command, answer) == self._comparable(command, wanted), both
            assert _has_detail(answer) == _has_detail(wanted), both
        if self._sweeps:
            self._sweep(now_ms)
        return expected

    def compare_state(self) -> None:
        """Compares all that is stored, and lets the engine's audit look at it."""
        _compare("reservations", self.partition.reservations(), self.oracle.reservations())
        _compare("levels", self.partition.levels(), self.oracle.levels())
        _compare("buyers", self.partition.buyers(), self.oracle.buyers())
        findings = self.partition.audit()
        assert findings == [], findings

    def _sweep(self, now_ms: int) -> None:
        self.oracle.run([Expire(1)], now_ms)
        while self.partition.run([Expire(1)], now_ms) != [SweepResult(0, more=False)]:
            pass

    def _comparable(self, command: AnyCommand, answer: Answer) -> object:
        """The answer without its detail, which is for people; and without unswept counts."""
        match answer:
            case SweepResult():
                return None if self._sweeps and isinstance(command, Expire) else answer
            case StockResult() if self._sweeps:
                return answer.outcome, answer.replayed
            case _:
                return msgspec.structs.replace(answer, detail="")


def _compare(table: str, stored: Mapping[K, V], expected: Mapping[K, V]) -> None:
    differing = [
        f"{key}\nengine: {stored.get(key)}\noracle: {expected.get(key)}"
        for key in {**stored, **expected}
        if stored.get(key) != expected.get(key)
    ]
    assert not differing, "\n".join([table, *differing])


def _has_detail(answer: Answer) -> bool:
    return not isinstance(answer, SweepResult) and answer.detail != ""
