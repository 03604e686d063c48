"""The loops of a process: what it does again and again, beside the calls that it answers.

One that dies is begun again. One that does not come round any more is named, and if the process is
not well without it, the process is not well.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from holdfast.retry import backoff

log = structlog.get_logger()

LOOK_S: Final = 1.0
SILENT_LOOKS_MAX: Final = 60
"""A loop hangs that has not come round at so many looks in a row."""
RESTART_S_MIN: Final = 0.1
RESTART_S_MAX: Final = 5.0
STAYED_UP_S: Final = 10.0


async def kept(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Runs a loop until it returns; one that dies of an error is named, and begun again."""
    clock_s = asyncio.get_running_loop().time
    deaths = 0
    while True:
        began_at_s = clock_s()
        try:
            return await run()
        except Exception as error:  # noqa: BLE001 - whatever it was, it is to go on
            deaths = 1 if clock_s() - began_at_s > STAYED_UP_S else deaths + 1
            # Its text may be personal.
            log.error("a loop died and begins again", loop=name, problem=type(error).__name__)
        await asyncio.sleep(backoff(deaths, RESTART_S_MIN, RESTART_S_MAX))


@dataclass(slots=True)
class _Watched:
    name: str
    rounds: Callable[[], int]
    is_vital: bool
    task: "asyncio.Task[None]"
    seen_rounds: int = -1
    silent_looks: int = 0

    @property
    def hangs(self) -> bool:
        return self.silent_looks >= SILENT_LOOKS_MAX


class Loops:
    """The loops of a process, and which of them hang."""

    def __init__(self) -> None:
        self._loops: list[_Watched] = []

    def begin(
        self,
        name: str,
        run: Callable[[], Awaitable[None]],
        rounds: Callable[[], int],
        *,
        is_vital: bool = True,
    ) -> "asyncio.Task[None]":
        """Begins a loop, which tells how many `rounds` it has come; gives its task, which ends
        when the loop returns or is cancelled.
        """
        task = asyncio.create_task(kept(name, run))
        self._loops.append(_Watched(name, rounds, is_vital, task))
        return task

    @property
    def hanging(self) -> Sequence[str]:
        """The names of the vital loops that hang."""
        return [loop.name for loop in self._loops if loop.hangs and loop.is_vital]

    async def watch(self) -> None:
        """Looks at all loops again and again until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.look()

    def look(self) -> None:
        """Looks once whether each has come round since the last look."""
        for loop in self._loops:
            rounds, hung = loop.rounds(), loop.hangs
            silent = rounds == loop.seen_rounds and not loop.task.done()
            loop.silent_looks = loop.silent_looks + 1 if silent else 0
            loop.seen_rounds = rounds
            if loop.hangs != hung:
                says = "a loop hangs" if loop.hangs else "a loop comes round again"
                log.error(says, loop=loop.name)
