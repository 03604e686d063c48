"""The processes of a benchmark: the servers that it loads, and the loads themselves."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

from holdfast.programs import program_command, program_environment
from serving.processes import ChildProcess, DidNotStart, address_in, without_settings

ROOT = Path(__file__).parent.parent
RUN_S_MAX = 120.0


class LoadFailed(Exception):
    """A load could not be sent; the message has what its process said."""


class Running(NamedTuple):
    """A server that is ready: the line that it printed, and its process id."""

    line: str
    pid: int

    @property
    def target(self) -> str:
        """The address that it listens on."""
        return address_in(self.line)


@contextmanager
def running(log: Path, *words: str, **settings: str) -> Iterator[Running]:
    """A server of ours, `python -m WORD...`, that appends to `log`.

    `settings` are environment variables (`HOLDFAST_WORKERS="2"`); those of the caller's own
    environment are left out. Raises SystemExit with the end of the log if it does not start.
    """
    ours = {"HOLDFAST_STOP_WITH_STDIN": "true"}
    environment = program_environment(without_settings(os.environ) | ours | settings, ROOT)
    with ChildProcess(program_command(*words), environment, errors=log) as process:
        try:
            line = process.ready()
        except DidNotStart as error:
            raise SystemExit(f"{words[0]} {error}") from error
        yield Running(line, process.pid)


def server(directory: Path, **settings: str) -> AbstractContextManager[Running]:
    """A Holdfast with a store of its own in `directory`. Raises SystemExit."""
    ours = {"HOLDFAST_LISTEN": "127.0.0.1:0", "HOLDFAST_DATA_DIR": str(directory)}
    return running(directory / "server.log", "server", **ours | settings)


def output_of(*words: str) -> bytes:
    """Runs a load, `python -m WORD...`, to its end; returns what it printed. Raises LoadFailed."""
    environment = program_environment(os.environ, ROOT)
    with ChildProcess(program_command(*words), environment, errors=subprocess.PIPE) as load:
        printed, complaints = load.communicate(timeout=RUN_S_MAX)
        if load.returncode:
            raise LoadFailed(f"{' '.join(words)}: {complaints.decode()}")
    return printed
