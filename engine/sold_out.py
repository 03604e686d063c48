"""The sold-out gate: refusals that need no judging.

In a flash sale most calls are refusals of a SKU that the engine has just found short. For a moment
that is remembered: a Reserve of one line that asks for more than was there is refused without the
script. It holds no longer than `keep_s` after the engine said so, and not beyond anything that this
server itself gives back. Nothing is ever accepted from memory.
"""

from collections.abc import Iterable, Sequence

from engine.model import Confirm, Extend, Reserve, Ship, Shortage, StoreCommand

KEEP_MS_MAX = 50
# Nobody sells so many SKUs in so short a time; whoever makes names up fills no memory.
FIELDS_MAX = 10_000

# All others may give units back, or make more of them.
_GIVES_NOTHING = frozenset((Reserve, Confirm, Extend, Ship))


class SoldOut:
    """What the engine has just said is short. Times are the event loop's, in seconds."""

    def __init__(self, keep_ms: int) -> None:
        self._keep_s = keep_ms / 1000
        self._short: dict[tuple[str, str], tuple[int, float]] = {}

    def __bool__(self) -> bool:
        return bool(self._short)

    def note(self, shortages: Iterable[Shortage], judged_at: float) -> None:
        """Remembers shortages of a batch that was sent at `judged_at`."""
        if not self._keep_s or len(self._short) >= FIELDS_MAX:
            self.forget()
            return
        for short in shortages:
            until = judged_at + self._keep_s
            self._short[short.sku, short.location] = (short.available, until)

    def forget_what_is_given_back(self, commands: Iterable[StoreCommand]) -> None:
        """To be told of all commands that were judged."""
        if self._short and not _GIVES_NOTHING.issuperset(map(type, commands)):
            self.forget()

    def forget(self) -> None:
        """Remembers nothing: units may have come back."""
        self._short.clear()

    def shortage(self, commands: Sequence[StoreCommand], now: float) -> Shortage | None:
        """Why a request would be refused, if that is known; None if it must be judged.

        Only of a Reserve of one line: all else has more to say than what is remembered.
        """
        (command, *more) = commands
        if more or not isinstance(command, Reserve) or len(command.lines) != 1:
            return None
        (line,) = command.lines
        available, until = self._short.get((line.sku, line.location), (0, 0.0))
        if now >= until or line.quantity <= available:
            return None
        return Shortage(line.sku, line.location, line.quantity, available)
