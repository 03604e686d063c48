"""A worker as its supervisor sees it: a process that says when it is ready, and how it ended."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress

START_S_MAX = 60.0


class WorkerProcess:
    """A running worker. `number` tells it from those that are alive beside it."""

    def __init__(self, number: int, process: Process) -> None:
        self.number = number
        self.pid = process.pid
        self._process = process

    @classmethod
    async def launched(cls, number: int, environment: Mapping[str, str]) -> "WorkerProcess":
        """Starts one. OSError if no process can be made.

        It has a session of its own: Ctrl-C on a terminal is the supervisor's to handle. Its
        standard input ends when the supervisor does, which it takes as a wish to stop.
        """
        process = await asyncio.create_subprocess_exec(
            # -P: a file server.py in the working directory is not our server.
            *(sys.executable, "-P", "-m", "server", "--worker", str(number)),
            env=environment,
            stdin=PIPE,
            stdout=PIPE,
            start_new_session=True,
        )
        return cls(number, process)

    async def ready(self) -> str:
        """Waits until it serves; what it says it stands on, "" if it did not come that far."""
        assert self._process.stdout is not None
        with suppress(TimeoutError):
            async with asyncio.timeout(START_S_MAX):
                return (await self._process.stdout.readline()).decode().strip()
        self._process.kill()
        return ""

    async def exit_code(self) -> int:
        """Waits until it has ended; negative is the signal that killed it."""
        return await self._process.wait()

    async def end(self, seconds_max: float) -> None:
        """Asks it to drain, and waits; what is not over in time is killed."""
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(seconds_max):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
