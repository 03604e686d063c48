"""A process as the one that started it sees it: it says when it is ready, and how it ended."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from holdfast.programs import program_command, program_environment

START_S_MAX = 60.0
_HOME = Path(__file__).parents[1]
_ENDS_WITH_OWNER = Path(__file__).with_name("ends_with_owner.py")


async def exec_module(
    *arguments: str, environment: Mapping[str, str], killed_with_us: bool = False
) -> Process:
    """Starts `python -m ARGUMENT...`, a program of ours. OSError if no process can be made.

    It has a session of its own: Ctrl-C on a terminal is this process's to handle. Its standard
    input ends when this process does. `killed_with_us`: should this process be killed, so is it.
    """
    command = program_command(*arguments)
    if killed_with_us:
        shim = [sys.executable, "-I", "-S", str(_ENDS_WITH_OWNER), str(os.getpid())]
        command = [*shim, *command]
    return await asyncio.create_subprocess_exec(
        *command,
        env=program_environment(environment, _HOME),
        stdin=PIPE,
        stdout=PIPE,
        start_new_session=True,
    )


class ChildProcess:
    """A running process that prints one line when it is ready."""

    def __init__(self, process: Process) -> None:
        self.pid = process.pid
        self._process = process

    async def ready(self) -> str:
        """Waits until it serves; what it says then, "" if it did not come that far."""
        assert self._process.stdout is not None
        with suppress(TimeoutError):
            async with asyncio.timeout(START_S_MAX):
                return (await self._process.stdout.readline()).decode().strip()
        self._process.kill()
        return ""

    async def exit_code(self) -> int:
        """Waits until it has ended; negative is the signal that killed it."""
        return await self._process.wait()

    def send(self, signal_number: int) -> None:
        """Sends it a signal, if it is still there."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal_number)

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
