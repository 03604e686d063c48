"""Runs a process of ours for as long as a block: starts it, waits until it is ready, ends it."""

import asyncio
import contextlib
import re
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from holdfast.programs import program_command

READY_WAIT_S = 60.0
READY_POLL_S = 0.02
STOP_WAIT_S = 15.0
LOG_TAIL_LINES = 20


class ServerFailedError(Exception):
    """A server of the demo did not start, or stopped answering; the message has its log's end."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: `python -P -m` and `module`; what it prints when it is ready has to match
    `ready`. `name` is for people, and of its log file.
    """

    name: str
    module: Sequence[str]
    environment: Mapping[str, str]
    ready: re.Pattern[str]


@asynccontextmanager
async def running(program: Program, directory: Path) -> AsyncIterator[re.Match[str]]:
    """Runs a program, with its logs in `directory`; gives what it printed when it was ready.

    Raises ServerFailedError.
    """
    out_path, log_path = directory / f"{program.name}.out", log_path_of(program.name, directory)
    # A session of its own: Ctrl-C goes to the demo alone, which stops the server. A killed demo
    # closes its stdin.
    with out_path.open("wb") as out, log_path.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *program_command(*program.module),
            stdin=PIPE,
            stdout=out,
            stderr=log,
            env=program.environment,
            start_new_session=True,
        )
    try:
        yield await _ready(program, process, out_path, log_path)
    finally:
        await _stop(process)


def log_path_of(name: str, directory: Path) -> Path:
    """Where the log of a program of this name is."""
    return directory / f"{name}.log"


def tail(log_path: Path) -> str:
    """The last lines of a log."""
    lines = log_path.read_text(errors="replace").splitlines() if log_path.exists() else []
    return "\n".join(lines[-LOG_TAIL_LINES:]) or "(the log is empty)"


async def _ready(
    program: Program, process: Process, out_path: Path, log_path: Path
) -> re.Match[str]:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(READY_WAIT_S):
            while process.returncode is None:
                if found := _printed(program.ready, out_path):
                    return found
                await asyncio.sleep(READY_POLL_S)
    ended = process.returncode
    problem = f"not ready in {READY_WAIT_S:.0f} s" if ended is None else f"exit status {ended}"
    raise ServerFailedError(
        f"the demo's {program.name} did not start ({problem}):\n{tail(log_path)}"
    )


def _printed(ready: re.Pattern[str], out_path: Path) -> re.Match[str] | None:
    return ready.search(out_path.read_text(errors="replace"))


async def _stop(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOP_WAIT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
