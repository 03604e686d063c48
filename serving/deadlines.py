"""Deadlines: no call waits for ever, whatever it asked for."""

import asyncio

from holdfast.errors import HoldfastError, Reason
from serving.guard import Context


class Deadlines:
    """Turns what a call has left into a time of the event loop, capped."""

    def __init__(self, wait_ms_max: int) -> None:
        self._wait_s_max = wait_ms_max / 1000
        self._loop = asyncio.get_running_loop()

    def of(self, context: Context) -> float:
        """A call's deadline in the event loop's time. Raises DEADLINE_PASSED if it is over."""
        remaining_s: float | None = context.time_remaining()
        if remaining_s is None:
            return self.latest()
        if remaining_s <= 0:
            raise HoldfastError.of(Reason.DEADLINE_PASSED)
        return self._loop.time() + min(remaining_s, self._wait_s_max)

    def limit(self, context: Context) -> asyncio.Timeout:
        """Ends what is awaited under it with TimeoutError at the call's deadline."""
        return asyncio.timeout_at(self.of(context))

    def latest(self) -> float:
        """The deadline of a request that has none."""
        return self._loop.time() + self._wait_s_max
