"""A process knows whether it can serve: by what its writes say, and by clocks that are apart."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection, text

from holdfast.outcomes import Outcome
from holdfast.types import Result
from order_service.engine_clock import EngineClock
from order_service.order.draft import Draft
from order_service.relay import self_watch
from order_service.relay.self_watch import LOOKS_IN_DOUBT, SelfWatch
from order_service.storage.clock import DatabaseClock
from order_service.storage.database import Database, SqliteDatabase, StorageUnavailable
from order_service.storage.orders import Orders
from tests.order_service.clock import START_MS, Clock
from tests.order_service.relay.world import place, sends
from tests.order_service.samples import A, B

HOUR_MS = 3_600_000


class Watched:
    """A watch, and what it has reported."""

    def __init__(self, orders: Orders) -> None:
        self.reported: list[bool] = []
        self.hanging: list[str] = []
        clock = DatabaseClock(orders.database)
        self.watch = SelfWatch(
            orders, clock, EngineClock(orders.clock_ms), "p", self._tell, lambda: self.hanging
        )

    async def _tell(self, serves: bool) -> None:
        self.reported.append(serves)

    async def look(self, times: int = 1) -> str:
        """Looks some times; what is wrong in the end."""
        for _ in range(times):
            await self.watch.look()
        return self.watch.trouble or ""


@pytest.fixture
def watched(orders: Orders) -> Watched:
    return Watched(orders)


async def test_a_process_whose_database_takes_writes_serves(watched: Watched) -> None:
    assert await watched.look(7) == ""
    assert watched.reported == [True]


async def test_a_process_whose_relay_hangs_does_not_serve(watched: Watched) -> None:
    assert await watched.look() == ""
    watched.hanging.append("relay")
    assert await watched.look() == "it hangs (relay): start this process again"
    watched.hanging.clear()
    assert await watched.look() == ""
    assert watched.reported == [True, False, True]


async def test_a_full_disk_is_known_by_the_writes_that_it_refuses_and_by_those_it_takes_again(
    watched: Watched, orders: Orders, database: Database
) -> None:
    if not isinstance(database, SqliteDatabase):
        pytest.skip("PostgreSQL's disk cannot be filled by a statement")

    async def pages_max(factor: int) -> None:
        def limit(connection: Connection) -> None:
            pages = connection.execute(text("PRAGMA page_count")).scalar_one()
            connection.execute(text(f"PRAGMA max_page_count = {pages * factor}"))

        await database.write(limit)

    await watched.look()
    await pages_max(1)

    def long_note(draft: Draft) -> None:
        draft.note("x" * 10**6)

    await place(orders, A, sends())
    with pytest.raises(StorageUnavailable):
        await orders.change(A, long_note, "test")
    assert "does not take writes" in await watched.look()
    assert "does not take writes" in await watched.look(LOOKS_IN_DOUBT + 2), "nor a large one now"
    await pages_max(1_000)
    assert await watched.look(LOOKS_IN_DOUBT + 1) == ""
    assert watched.reported == [True, False, True]


async def test_a_database_that_can_only_be_read_is_known_without_a_write(
    watched: Watched, orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_function: Any) -> None:
        raise StorageUnavailable("OperationalError")

    monkeypatch.setattr(orders.database, "write", refuse)
    assert "does not take writes: OperationalError" in await watched.look()
    assert watched.reported == [False]


async def test_a_write_that_hangs_is_one_and_ends_the_serving(
    watched: Watched, orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = 0

    async def hang(_function: Any) -> None:
        nonlocal begun
        begun += 1
        await asyncio.Event().wait()

    monkeypatch.setattr(orders.database, "write", hang)
    monkeypatch.setattr(self_watch, "PROBE_S_MAX", 0.01)
    assert "has not taken a write" in await watched.look(3)
    assert (begun, watched.reported) == (1, [False])


async def test_orders_that_are_written_prove_it(watched: Watched, orders: Orders) -> None:
    await watched.look()
    await place(orders, B, sends())
    assert orders.writes.taken == 1
    assert await watched.look() == ""


@pytest.mark.parametrize("ahead_ms", [-HOUR_MS, 0, HOUR_MS])
def test_a_deadline_of_the_engines_is_judged_by_the_time_that_is_left(ahead_ms: int) -> None:
    clock = Clock()
    engine_clock = EngineClock(clock)
    there_ms = START_MS + ahead_ms
    answer = Result(
        Outcome.APPLIED, False, expires_at_ms=there_ms + 60_000, answered_at_ms=there_ms
    )
    clock.advance(40)
    assert engine_clock.due_here_ms(answer, asked_at_ms=START_MS) == START_MS + 60_000
    assert engine_clock.skew_ms == ahead_ms - 20


def test_an_engine_that_does_not_tell_its_time_is_taken_at_its_word() -> None:
    answer = Result(Outcome.APPLIED, False, expires_at_ms=5)
    assert EngineClock(Clock()).due_here_ms(answer, asked_at_ms=1) == 5
