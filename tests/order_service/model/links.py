"""Links of a process to everything else, which break, and a brake that stops the process."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any


class Breakage(StrEnum):
    """How a link is broken."""

    CUT = "CUT"
    """Nothing arrives."""
    ANSWERS_LOST = "ANSWERS_LOST"
    """The request is carried out, and its answer does not arrive."""


class Link:
    """A link; `broken` makes what is raised where it does not hold."""

    def __init__(self, broken: Callable[[], Exception]) -> None:
        self._broken = broken
        self._breakage = Breakage.CUT
        self._calls_left = 0

    def break_for(self, calls: int, breakage: Breakage) -> None:
        """Breaks the link for a number of calls."""
        self._breakage, self._calls_left = breakage, calls

    def mend(self) -> None:
        """Makes the link whole."""
        self._calls_left = 0

    async def carry(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """Makes a call over the link."""
        if not self._calls_left:
            return await call()
        self._calls_left -= 1
        if self._breakage is Breakage.ANSWERS_LOST:
            await call()
        raise self._broken()


class Brake:
    """Stops a process at one of its steps: before and after each write and each call outside.

    A process that has stopped goes on as if nothing had been, or dies; time passes meanwhile.
    """

    def __init__(self) -> None:
        self._steps_left: int | None = None
        self._dead = False
        self._stopped = asyncio.Event()
        self._free = asyncio.Event()
        self._free.set()

    @property
    def is_on(self) -> bool:
        """Whether the process has stopped, or is about to."""
        return self._steps_left is not None

    @property
    def holds(self) -> bool:
        """Whether the process has stopped."""
        return self._stopped.is_set()

    def stop_after(self, steps: int) -> None:
        """Has the process stop after a number of further steps."""
        self._steps_left = steps
        self._free.clear()

    def release(self) -> None:
        """Lets the process go on."""
        self._steps_left = None
        self._stopped.clear()
        self._free.set()

    def kill(self) -> None:
        """Lets whatever of the process still runs end at its next step, if not at this one."""
        self._dead = True
        self.release()

    async def step(self) -> None:
        """Passes a step, when the process may."""
        if self._steps_left == 0:
            self._stopped.set()
            await self._free.wait()
        elif self._steps_left:
            self._steps_left -= 1
        if self._dead:
            raise asyncio.CancelledError

    async def until_done_or_stopped(self, task: "asyncio.Task[Any]") -> None:
        """Waits for a task of the process, but not where the process has stopped."""
        stopped = asyncio.ensure_future(self._stopped.wait())
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()


class Linked:
    """Stands in for something that a process asks for I/O. `plain` names what is passed on."""

    def __init__(self, thing: Any, brake: Brake, link: Link, plain: str) -> None:
        self._thing = thing
        self._brake = brake
        self._link = link
        self._plain = plain

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(self._thing, attribute)
        if attribute == self._plain or not asyncio.iscoroutinefunction(value):
            return value

        @functools.wraps(value)
        async def carried(*arguments: Any, **named: Any) -> Any:
            await self._brake.step()
            answer = await self._link.carry(functools.partial(value, *arguments, **named))
            await self._brake.step()
            return answer

        return carried
