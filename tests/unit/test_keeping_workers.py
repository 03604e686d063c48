"""Keeping workers running, with small real processes in the place of servers."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from server.workers import RESTART_S_MIN, Workers
from serving.heart import LOOK_S
from serving.processes import ChildProcess, DidNotStart
from tests.embedded import is_alive
from tests.waiting import eventually

READY = "print('a store', flush=True);"
SERVES = READY + "import signal; signal.pause()"
IGNORES = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + SERVES
DIES_AT_ONCE = READY
CANNOT_START = "raise SystemExit(3)"

DRAIN_S_MAX = 5.0


class Crew:
    """Workers whose next process runs the last of `programs`, or the next if there are several."""

    def __init__(
        self, *programs: str, drain_s_max: float = DRAIN_S_MAX, look_s: float = LOOK_S
    ) -> None:
        self.programs = list(programs)
        self.launched: list[ChildProcess] = []
        self.numbers: dict[int, int] = {}
        self.launched_at: list[float] = []
        self.restarts = 0
        self.ended: list[int] = []
        self.workers = Workers(self._launch, self._count, self.ended.append, drain_s_max, look_s)

    @property
    def alive(self) -> list[ChildProcess]:
        return [worker for worker in self.launched if is_alive(worker.pid)]

    def _launch(self, number: int) -> ChildProcess:
        program = self.programs.pop(0) if len(self.programs) > 1 else self.programs[0]
        self.launched.append(ChildProcess([sys.executable, "-I", "-S", "-c", program]))
        self.numbers[self.launched[-1].pid] = number
        self.launched_at.append(time.monotonic())
        return self.launched[-1]

    def _count(self) -> None:
        self.restarts += 1


@asynccontextmanager
async def crew(count: int, *programs: str, **limits: float) -> AsyncIterator[Crew]:
    """A crew of so many, ready; it is stopped in the end, and nobody is left."""
    crew = Crew(*programs, **limits)
    try:
        assert await crew.workers.start(count) == "a store"
        yield crew
    finally:
        await crew.workers.stop()
    assert crew.alive == []


def numbers(crew: Crew) -> list[int]:
    return sorted(crew.numbers[worker.pid] for worker in crew.alive)


async def test_a_worker_that_dies_is_replaced_under_its_number() -> None:
    async with crew(3, SERVES) as three:
        assert numbers(three) == [1, 2, 3]
        os.kill(three.launched[1].pid, signal.SIGKILL)
        await eventually(lambda: three.restarts == 1 and len(three.launched) == 4)
        assert numbers(three) == [1, 2, 3]
        assert three.ended == [2]


async def test_one_that_hangs_is_killed_and_replaced_and_one_that_was_never_heard_is_left() -> None:
    hangs = (
        "import os, time\nprint('a store', flush=True)\n"
        "for _ in range(5): os.write(1, b'\\n'); time.sleep(0.02)\n"
        "import signal; signal.pause()"
    )
    hangs_at_once = "print('a store\\n', flush=True); import signal; signal.pause()"
    async with crew(3, SERVES, hangs, hangs_at_once, SERVES, look_s=0.05) as three:
        await eventually(lambda: three.restarts == 2 and len(three.launched) == 5)
        assert {worker.wait() for worker in three.launched[1:3]} == {-signal.SIGKILL}
        assert sorted(three.ended) == [2, 3]
        assert is_alive(three.launched[0].pid)


async def test_one_that_dies_again_and_again_is_started_less_and_less_often() -> None:
    async with crew(1, DIES_AT_ONCE) as one:
        await eventually(lambda: len(one.launched) >= 5)
        pauses = [b - a for a, b in zip(one.launched_at, one.launched_at[1:], strict=False)]
        for number, pause in enumerate(pauses[:4]):
            assert pause >= RESTART_S_MIN * 2**number


async def test_what_keeps_the_first_from_starting_is_not_tried_with_the_others() -> None:
    failing = Crew(CANNOT_START)
    with pytest.raises(DidNotStart) as raised:
        await failing.workers.start(3)
    assert raised.value.exit_code == 3
    assert len(failing.launched) == 1
    await failing.workers.stop()


async def test_one_that_does_not_start_ends_the_start_of_all() -> None:
    failing = Crew(SERVES, SERVES, CANNOT_START, SERVES)
    with pytest.raises(DidNotStart):
        await failing.workers.start(4)
    await failing.workers.stop()
    assert failing.alive == []


async def test_one_that_cannot_start_again_is_tried_until_it_can() -> None:
    async with crew(1, SERVES, CANNOT_START, CANNOT_START, SERVES) as one:
        os.kill(one.launched[0].pid, signal.SIGKILL)
        await eventually(lambda: one.restarts == 3 and len(one.launched) == 4)
        assert len(one.alive) == 1


async def test_rolling_replaces_each_once_its_successor_is_ready() -> None:
    async with crew(2, SERVES) as two:
        before = [worker.pid for worker in two.launched]
        await two.workers.roll()
        assert len(two.alive) == 2
        assert not {worker.pid for worker in two.alive} & set(before)
        assert two.restarts == 0
        # Never more than one over: the numbers, and with them the files, stay few.
        assert max(two.numbers.values()) == 3


async def test_a_roll_whose_first_successor_does_not_start_changes_nothing() -> None:
    async with crew(2, SERVES, SERVES, CANNOT_START, SERVES) as two:
        await two.workers.roll()
        assert [worker.pid for worker in two.alive] == [w.pid for w in two.launched[:2]]
        await two.workers.roll()
        assert len(two.alive) == 2
        assert two.launched[0] not in two.alive


async def test_a_stop_in_the_middle_of_a_roll_leaves_nobody() -> None:
    async with crew(2, SERVES) as two:
        rolling = asyncio.create_task(two.workers.roll())
        await eventually(lambda: len(two.launched) >= 3)  # the fourth may be there by then
        rolling.cancel()


async def test_a_stop_lets_one_that_is_draining_drain(tmp_path: Path) -> None:
    draining = tmp_path / "draining"
    slow = (
        "import os, signal, time\n"
        f"def drain(*_): open({str(draining)!r}, 'w'); time.sleep(1); os._exit(0)\n"
        f"signal.signal(signal.SIGTERM, drain); {SERVES}"
    )
    async with crew(1, slow, SERVES) as one:
        rolling = asyncio.create_task(one.workers.roll())
        await eventually(draining.exists)
        rolling.cancel()
    assert one.launched[0].wait() == 0


async def test_one_that_does_not_drain_in_time_is_killed() -> None:
    async with crew(1, IGNORES, drain_s_max=0.2) as one:
        pass
    assert one.launched[0].wait() == -signal.SIGKILL
