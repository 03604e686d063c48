"""The loops of a process: begun again when they die, named when they hang."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import pytest
import structlog

from serving import loops as module
from serving.loops import SILENT_LOOKS_MAX, Loops
from tests.waiting import eventually

Said = list[dict[str, object]]


class Work:
    """A loop that dies in its first rounds, so many times, and that can be made to hang."""

    def __init__(self, deaths: int = 0) -> None:
        self.rounds = 0
        self.deaths = deaths
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def run(self) -> None:
        """Comes round until it is cancelled."""
        while True:
            self.rounds += 1
            if self.deaths:
                self.deaths -= 1
                raise LookupError("personal")
            await self.goes_on.wait()
            await asyncio.sleep(0)


@pytest.fixture
def said() -> Iterator[Said]:
    with structlog.testing.capture_logs() as entries:
        yield entries  # type: ignore[misc]


async def ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def look(loops: Loops, times: int) -> None:
    """Looks so often, with time for each loop to come round in between."""
    for _ in range(times):
        loops.look()
        for _ in range(3):
            await asyncio.sleep(0)


async def test_a_loop_that_dies_is_named_and_begun_again(
    said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RESTART_S_MIN", 0.001)
    work = Work(deaths=3)
    task = Loops().begin("relay", work.run, lambda: work.rounds)
    await eventually(lambda: work.rounds > 10)
    died = {"event": "a loop died and begins again", "loop": "relay", "problem": "LookupError"}
    assert said == [died | {"log_level": "error"}] * 3
    await ended(task)


async def test_a_vital_loop_that_hangs_is_named_until_it_comes_round_again(said: Said) -> None:
    loops, vital, other = Loops(), Work(), Work()
    tasks = [
        loops.begin("relay", vital.run, lambda: vital.rounds),
        loops.begin("needs", other.run, lambda: other.rounds, is_vital=False),
    ]
    await look(loops, 2 * SILENT_LOOKS_MAX)
    assert loops.hanging == []
    for work in (vital, other):
        work.goes_on.clear()
    await look(loops, SILENT_LOOKS_MAX)
    assert loops.hanging == []
    await look(loops, 2)
    assert loops.hanging == ["relay"]
    assert [(entry["event"], entry["loop"]) for entry in said] == [
        ("a loop hangs", "relay"),
        ("a loop hangs", "needs"),
    ]
    vital.goes_on.set()
    await look(loops, 2)
    assert loops.hanging == []
    assert said[-1]["event"] == "a loop comes round again"
    for task in tasks:
        await ended(task)


async def test_a_loop_that_has_returned_does_not_hang() -> None:
    async def run() -> None:
        pass

    loops = Loops()
    await loops.begin("relay", run, lambda: 0)
    await look(loops, 2 * SILENT_LOOKS_MAX)
    assert loops.hanging == []
