"""The engine and the oracle given the same batches; any difference is an AssertionError."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from engine.model import Expire, StockResult, SweepResult
from tests.model.oracle import Answer, AnyCommand, Oracle
from tests.partition import DUE_LIMIT, Partition

K = TypeVar("K")
V = TypeVar("V")


class SideBySide:
    """An emptied partition of the engine, and an oracle.

    The oracle expires all that is due before it judges; the engine only for who would be refused,
    and only so many a batch (the partition's `due_limit`), and must answer as if it had been all.
    The rest is swept after each batch, so that what they store can be compared.
    """

    def __init__(self, partition: Partition) -> None:
        partition.clear()
        self.partition = partition
        self.oracle = Oracle()

    def run(self, commands: Sequence[AnyCommand], now_ms: int) -> list[Answer]:
        """Judges a batch twice and compares the answers; the oracle's."""
        expected = self.oracle.run(commands, now_ms)
        answers = self.partition.run(commands, now_ms)
        assert len(answers) == len(commands)
        for command, answer, wanted in zip(commands, answers, expected, strict=True):
            if isinstance(command, Expire) and isinstance(answer, SweepResult) and answer.more:
                # Or it would have expired all: an exchange alone counts as many lines.
                assert self.oracle.has_exchanges() or self.partition.due_limit < DUE_LIMIT
                continue
            both = f"{command}\nengine: {answer}\noracle: {wanted}"
            assert self._comparable(answer) == self._comparable(wanted), both
            assert _has_detail(answer) == _has_detail(wanted), both
        if self.oracle.expired:
            while self.partition.run([Expire(1)], now_ms) != [SweepResult(0, more=False)]:
                pass
        # A batch may write no more than when to look again at what is due: the engine alone has it.
        self.oracle.has_seen(self.partition.written_at_ms())
        return expected

    def compare_state(self) -> None:
        """Compares all that is stored, and lets the engine's audit look at it."""
        _compare("reservations", self.partition.reservations(), self.oracle.reservations())
        _compare("levels", self.partition.levels(), self.oracle.levels())
        _compare("buyers", self.partition.buyers(), self.oracle.buyers())
        limits = self.partition.limits()
        _compare("limits", limits, {sku: self.oracle.limit(sku) for sku in limits})
        findings = self.partition.audit()
        assert findings == [], findings

    def _comparable(self, answer: Answer) -> object:
        """The answer without its detail, which is for people, and without what may be unswept."""
        match answer:
            case SweepResult():
                return answer
            case StockResult() if self.oracle.expired:
                levels = (answer.level, answer.to_level)
                on_hand = [level.on_hand for level in levels if level]
                return answer.outcome, answer.replayed, on_hand
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
