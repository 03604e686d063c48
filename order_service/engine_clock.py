"""The engine's clock as ours knows it: no deadline is judged by two clocks.

The engine's store says with each answer what time it is there. A deadline of the engine's becomes
one of ours by the time that is left until it, and one of ours for the engine begins at its time.
"""

from collections.abc import Callable
from typing import Final

from holdfast.types import Reservation, Result

ROUND_TRIP_MS_MAX: Final = 1_000
"""An answer that took longer says too little of how far the clocks are apart."""


class EngineClock:
    """`skew_ms` is by how much the engine's clock is ahead of ours, as its last answers say."""

    def __init__(self, clock_ms: Callable[[], int]) -> None:
        self.now_ms = clock_ms
        self.skew_ms = 0

    def due_here_ms(self, answer: Result | Reservation, asked_at_ms: int) -> int:
        """A reservation's deadline by our clock, rather too early than too late.

        `asked_at_ms` is when the engine was asked, by our clock.
        """
        if not answer.answered_at_ms:  # an engine that does not tell its time
            return answer.expires_at_ms
        self._note(answer.answered_at_ms, asked_at_ms)
        return asked_at_ms + answer.expires_at_ms - answer.answered_at_ms

    def there_ms(self, answer: Reservation, asked_at_ms: int) -> int:
        """The engine's time when it answered; ours, from an engine that does not tell it."""
        if not answer.answered_at_ms:
            return self.now_ms()
        self._note(answer.answered_at_ms, asked_at_ms)
        return answer.answered_at_ms

    def _note(self, there_ms: int, asked_at_ms: int) -> None:
        took_ms = self.now_ms() - asked_at_ms
        if 0 <= took_ms <= ROUND_TRIP_MS_MAX:
            self.skew_ms = there_ms - asked_at_ms - took_ms // 2
