"""The sweeper goes on, whatever goes wrong."""

import asyncio
from typing import Any

from engine.sweeper import Sweeper, SweepPace
from tests.waiting import eventually


async def test_an_error_of_any_kind_ends_no_sweeping() -> None:
    asked: list[str] = []
    failures: list[Exception] = []

    async def due(key: str) -> list[Any]:
        asked.append(key)
        raise RuntimeError("nobody has thought of this")

    sweeper = Sweeper(None, due, list, SweepPace(1, 1), failures.append)  # type: ignore[arg-type]
    sweeper.start()
    before = sweeper.turned_at
    await eventually(lambda: asked.count("deadlines") > 2 and asked.count("retention") > 2)
    assert all(isinstance(failure, RuntimeError) for failure in failures)
    assert sweeper.turned_at > before
    async with asyncio.timeout(10):
        await sweeper.stop()
