"""Starts the engine's server, with a store of its own, for as long as the demo runs."""

import asyncio
import contextlib
import json
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

READY_WAIT_S = 60.0
READY_POLL_S = 0.02
STOP_WAIT_S = 15.0
LOG_TAIL_LINES = 20
OWN_VARIABLES = "HOLDFAST_"


class ServerFailedError(Exception):
    """The demo's server did not start; the message has the end of its log."""


@dataclass(frozen=True, slots=True)
class DemoServer:
    """A running server: where it listens, and its log."""

    target: str
    log_path: Path

    def log_tail(self) -> str:
        """The last lines of the server's log."""
        return _tail(self.log_path)


@asynccontextmanager
async def running_server(environment: Mapping[str, str]) -> AsyncIterator[DemoServer]:
    """A server on a free port of 127.0.0.1, in a temporary directory; both end with the block.

    Of `environment` it gets everything but HOLDFAST_ variables: the demo has nothing to do with
    the engine that those are for. Raises ServerFailedError.
    """
    with tempfile.TemporaryDirectory(prefix="holdfast-demo-") as directory:
        log_path = Path(directory, "demo-server.log")
        async with _process(_environment(environment, directory), log_path) as process:
            target = await _ready_target(process, Path(directory, "server.json"), log_path)
            yield DemoServer(target, log_path)


def _environment(environment: Mapping[str, str], data_dir: str) -> dict[str, str]:
    kept = {
        name: value for name, value in environment.items() if not name.startswith(OWN_VARIABLES)
    }
    return kept | {
        "HOLDFAST_LISTEN": "127.0.0.1:0",
        "HOLDFAST_DATA_DIR": data_dir,
        "HOLDFAST_STOP_WITH_STDIN": "true",
    }


@asynccontextmanager
async def _process(environment: dict[str, str], log_path: Path) -> AsyncIterator[Process]:
    # -P: a file server.py in the working directory is not our server. A session of its own: Ctrl-C
    # goes to the demo alone, which stops the server. A killed demo closes its stdin.
    with log_path.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "server"),
            stdin=PIPE,
            stdout=DEVNULL,
            stderr=log,
            env=environment,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        await _stop(process)


async def _ready_target(process: Process, ready_path: Path, log_path: Path) -> str:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(READY_WAIT_S):
            while process.returncode is None:
                if target := _target_in(ready_path):
                    return target
                await asyncio.sleep(READY_POLL_S)
    ended = process.returncode
    problem = f"no answer in {READY_WAIT_S:.0f} s" if ended is None else f"exit status {ended}"
    raise ServerFailedError(f"the demo's server did not start ({problem}):\n{_tail(log_path)}")


def _target_in(ready_path: Path) -> str | None:
    """Where the server listens, once it has written so; None before that."""
    try:
        return str(json.loads(ready_path.read_bytes())["target"])
    except (FileNotFoundError, ValueError):
        return None


async def _stop(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOP_WAIT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _tail(log_path: Path) -> str:
    lines = log_path.read_text(errors="replace").splitlines()
    return "\n".join(lines[-LOG_TAIL_LINES:]) or "(the log is empty)"
