"""The one clock of all processes of a database: the database's own.

Leases, deadlines and ids are compared across processes, whose machines' clocks may be apart. So a
process looks at the database's clock now and then and goes on from there with its monotonic one: a
step of its machine's clock moves nothing. Processes that share a SQLite file are on one machine,
whose clock is theirs.
"""

import time
from collections.abc import Callable
from typing import Final

from order_service.storage.database import Database

ROUND_TRIP_MS_MAX: Final = 1_000
"""A look that took longer says too little of what time it is."""


def wall_ms() -> int:
    """Milliseconds since the Unix epoch, by this machine's clock."""
    return time.time_ns() // 1_000_000


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class DatabaseClock:
    """The time of a database in milliseconds since the Unix epoch, as of the last look.

    Before the first look it is this machine's. `skew_ms` is by how much that is ahead.
    """

    def __init__(
        self,
        database: Database,
        wall_ms: Callable[[], int] = wall_ms,
        monotonic_ms: Callable[[], int] = _monotonic_ms,
    ) -> None:
        self.skew_ms = 0
        self._database = database
        self._wall_ms = wall_ms
        self._monotonic_ms = monotonic_ms
        self._ahead_of_monotonic_ms: int | None = None

    def __call__(self) -> int:
        """The time now."""
        if self._ahead_of_monotonic_ms is None:
            return self._wall_ms()
        return self._monotonic_ms() + self._ahead_of_monotonic_ms

    async def look(self) -> None:
        """Looks at the database's clock. Raises StorageUnavailable."""
        asked_at_ms = self._monotonic_ms()
        there_ms = await self._database.now_ms()
        if there_ms is None:
            return
        took_ms = self._monotonic_ms() - asked_at_ms
        if took_ms > ROUND_TRIP_MS_MAX and self._ahead_of_monotonic_ms is not None:
            return
        # It answered somewhere on the way there and back.
        there_now_ms = there_ms + took_ms // 2
        self._ahead_of_monotonic_ms = there_now_ms - self._monotonic_ms()
        self.skew_ms = self._wall_ms() - there_now_ms
