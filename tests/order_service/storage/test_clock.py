"""The clock of all processes of a database."""

import time
from typing import Any

from order_service.storage.clock import ROUND_TRIP_MS_MAX, DatabaseClock, wall_ms
from order_service.storage.database import Database, PostgresDatabase
from tests.order_service.clock import Clock

HOUR_MS = 3_600_000


class Answering:
    """Stands in for a database that tells the time, after a while."""

    def __init__(self, there: Clock, monotonic: Clock) -> None:
        self.took_ms = 0
        self._there, self._monotonic = there, monotonic

    async def now_ms(self) -> int:
        self._there.advance(self.took_ms // 2)
        now_ms = self._there()
        self._there.advance(self.took_ms - self.took_ms // 2)
        self._monotonic.advance(self.took_ms)
        return now_ms


async def test_a_process_whose_clock_is_an_hour_ahead_has_the_databases_time() -> None:
    there, wall, monotonic = Clock(), Clock(), Clock(5)
    wall.advance(HOUR_MS)
    database: Any = Answering(there, monotonic)
    database.took_ms = 40
    clock = DatabaseClock(database, wall, monotonic)
    assert clock() == wall()
    await clock.look()
    assert (clock(), clock.skew_ms) == (there(), HOUR_MS - 40)
    wall.advance(-5 * HOUR_MS)
    there.advance(700)
    monotonic.advance(700)
    assert clock() == there(), "a step of this machine's clock moves nothing"


async def test_a_look_that_took_long_says_too_little() -> None:
    there, monotonic = Clock(), Clock(5)
    database: Any = Answering(there, monotonic)
    clock = DatabaseClock(database, Clock(), monotonic)
    await clock.look()
    there.advance(HOUR_MS)
    database.took_ms = ROUND_TRIP_MS_MAX + 2
    await clock.look()
    assert clock() < there() - HOUR_MS // 2
    database.took_ms = 0
    await clock.look()
    assert clock() == there()


async def test_a_databases_clock_is_looked_at(database: Database) -> None:
    clock = DatabaseClock(database)
    await clock.look()
    assert abs(clock() - wall_ms()) < 60_000
    if isinstance(database, PostgresDatabase):
        # Also where this machine's clock is wrong.
        wrong = DatabaseClock(database, lambda: wall_ms() - HOUR_MS)
        await wrong.look()
        assert abs(wrong() - time.time() * 1_000) < 60_000
        assert abs(wrong.skew_ms + HOUR_MS) < 60_000
