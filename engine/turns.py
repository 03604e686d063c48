"""Turns: reads for people go one after another, in small steps, and rest after each.

Lists and audits work on the event loop that serves buyers. However many of them there are, buyers
have most of its time: one step at a time is under way, and after it none for as long again.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

# The rest after a step, as a multiple of its duration, which includes its wait for the store and
# for the buyers' own work: the busier both are, the less is listed.
REST_PER_WORK = 1.0
REST_S_MAX = 0.25


class Turns:
    """Gives the turns, in the order in which they are asked for."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """One step of one reader; it should take a few milliseconds at most."""
        async with self._lock:
            began_s = time.monotonic()
            try:
                yield
            finally:
                worked_s = time.monotonic() - began_s
                await asyncio.sleep(min(worked_s * REST_PER_WORK, REST_S_MAX))
