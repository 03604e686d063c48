"""The store's clock, held against the time that passes in this process.

Deadlines are judged by the store's clock. If somebody sets it forward for a moment, every hold
would expire; and as time never runs back, nothing more would until the clock has caught up. So a
process notes how far the store's clock is from its own passage of time, which nobody can set, and
tells the script between which times the store's must be. A clock that is outside has made a step:
time goes on at its pace as if it had not, until the clock is back, or a person accepts it.
"""

import time
from collections.abc import Callable

# A clock that is no further off than this has made no step; so much later or earlier than else
# may a hold expire.
STEP_MS_MAX = 2_000
# A clock drifts, and is slowly put right: so much of the time that passes is no step. Time servers
# turn a clock by 0.05 % as a rule, by 0.1 % at most.
DRIFT_MAX = 0.002


def passing_ms() -> int:
    """The milliseconds that have passed since some moment, sleep of the machine included."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime_ns(clock) // 1_000_000


class StoreClock:
    """The clock of one store, as far as this process has followed it."""

    def __init__(self, passing_ms: Callable[[], int] = passing_ms) -> None:
        self._passing_ms = passing_ms
        self._offset_ms: float | None = None
        self._followed_at_ms = 0
        self.step_ms = 0
        """How far the store's clock is from where it should be; 0 while it is there."""

    def bounds_ms(self) -> tuple[int, int]:
        """The earliest and the latest that the store's clock may show now; (0, 0) if unknown."""
        if self._offset_ms is None:
            return 0, 0
        expected_ms = int(self._passing_ms() + self._offset_ms)
        return expected_ms - STEP_MS_MAX, expected_ms + STEP_MS_MAX

    def within(self, clock_ms: int) -> int:
        """The time of the store when its clock shows `clock_ms`."""
        earliest_ms, latest_ms = self.bounds_ms()
        return max(earliest_ms, min(latest_ms, clock_ms)) if latest_ms else clock_ms

    def follow(self, clock_ms: int, sent_ms: int | None = None) -> None:
        """Learns what the store's clock has shown, to a question that was sent at `sent_ms`."""
        now_ms = self._passing_ms()
        sent_ms = now_ms if sent_ms is None else sent_ms
        if self._offset_ms is None:
            if now_ms - sent_ms > STEP_MS_MAX:
                return  # an answer that took so long does not tell
            self._offset_ms = clock_ms - (sent_ms + now_ms) / 2
        late_ms = clock_ms - now_ms - self._offset_ms
        early_ms = clock_ms - sent_ms - self._offset_ms
        off_ms = max(late_ms, 0) + min(early_ms, 0)  # 0 if it may have been right in between
        self.step_ms = int(off_ms) if abs(off_ms) > STEP_MS_MAX else 0
        if not self.step_ms:
            drift_ms = (now_ms - self._followed_at_ms) * DRIFT_MAX
            self._offset_ms += max(-drift_ms, min(drift_ms, off_ms))
        self._followed_at_ms = now_ms

    def accept(self) -> None:
        """Takes the store's clock as right, whatever it shows next."""
        self._offset_ms = None
        self.step_ms = 0
