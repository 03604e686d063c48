"""The sold-out gate: refusals that need no judging.

In a flash sale most calls are refusals of a SKU that the engine has just found short. Such a
shortage is remembered for a moment: a Reserve of one line that asks for more than was there is
refused without the script, after its units were counted once more, for another server may have
given some back. The memory lasts no longer than `keep_ms`, and ends at once when this server itself
gives anything back. It only says whom to refuse so cheaply: nothing is decided from it.
"""

from collections.abc import Iterable, Mapping, Sequence

from engine.answers import Answer, NotJudged
from engine.model import (
    Confirm,
    Exchange,
    Expire,
    Extend,
    Line,
    Outcome,
    Purge,
    Reserve,
    Result,
    Ship,
    Shortage,
    StoreCommand,
    SweepResult,
)

KEEP_MS_MAX = 50
# Nobody sells this many SKUs in so short a time; made-up names are not to fill the memory.
FIELDS_MAX = 10_000

# All other commands may give units back, or make more of them. A sweep says so in its answer.
_GIVES_NOTHING = frozenset((Reserve, Exchange, Confirm, Extend, Ship, Expire, Purge))


class SoldOut:
    """Shortages of one partition that the engine has just found.

    Times are in seconds, by one clock of the caller's.
    """

    def __init__(self, keep_ms: int) -> None:
        self._keep_s = keep_ms / 1000
        self._short: dict[tuple[str, str], tuple[int, float]] = {}

    def __bool__(self) -> bool:
        return bool(self._short)

    def learn(
        self,
        commands: Sequence[StoreCommand],
        answers: Sequence[Answer | NotJudged],
        judged_at: float,
    ) -> None:
        """Remembers the shortages of a batch, or forgets all if it may have given units back.

        `answers` are those of refusals and sweeps at least; `judged_at` is when the batch was sent.
        """
        if not self._short and not answers:
            return
        units_are_back = not _GIVES_NOTHING.issuperset(map(type, commands))
        last: Answer | NotJudged | None = None
        for answer in answers:
            if answer is last:  # in a sell-out equal refusals are one object
                continue
            last = answer
            if isinstance(answer, SweepResult):
                units_are_back = units_are_back or answer.handled > 0
            elif isinstance(answer, Result) and answer.outcome is Outcome.OUT_OF_STOCK:
                self._remember(answer.shortages, judged_at + self._keep_s)
        if units_are_back:
            self._short.clear()

    def _remember(self, shortages: Iterable[Shortage], until: float) -> None:
        if not self._keep_s or len(self._short) >= FIELDS_MAX:
            self._short.clear()
            return
        for short in shortages:
            self._short[short.sku, short.location] = (short.available, until)

    def found_again(self, refusals: Mapping[Line, Result | None], counted_at: float) -> None:
        """Remembers anew what was short again when it was counted; forgets what was not surely."""
        for line, refusal in refusals.items():
            if refusal is None:
                self._short.pop((line.sku, line.location), None)
            elif (line.sku, line.location) in self._short:
                self._remember(refusal.shortages, counted_at + self._keep_s)

    def refuses(self, commands: Sequence[StoreCommand], now: float) -> bool:
        """Whether commands would be refused by what is remembered; if not, they must be judged.

        Only a single Reserve of one line is refused: all else has more to say than is remembered.
        """
        command = commands[0]
        if len(commands) > 1 or type(command) is not Reserve or len(command.lines) != 1:
            return False
        line = command.lines[0]
        available, until = self._short.get((line.sku, line.location), (0, 0.0))
        return now < until and line.quantity > available
