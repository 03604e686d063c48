"""The servers that a benchmark loads, as processes of their own: a Holdfast, an empty echo.

Each is in a session of its own and ends when its standard input does: Ctrl-C reaches only the
benchmark, which stops them in order, and a benchmark that is killed leaves none behind.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

START_S_MAX = 20.0
STOP_S_MAX = 20.0
POLL_S = 0.02
ROOT = Path(__file__).parent.parent


class Running(NamedTuple):
    """A server that listens: its target (`host:port`) and its process id."""

    target: str
    pid: int


def python_module(module: str, *arguments: str) -> list[str]:
    """The command that runs a module in a process of its own."""
    return [sys.executable, "-m", module, *arguments]


@contextmanager
def process(
    command: Sequence[str], errors: IO[bytes] | int = subprocess.DEVNULL, **environment: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process whose standard output is read and whose standard error goes to `errors`.

    In the end it is asked to end, by SIGTERM, and killed if it does not.
    """
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        start_new_session=True,
    ) as started:
        try:
            yield started
        finally:
            started.terminate()
            try:
                started.wait(STOP_S_MAX)
            except subprocess.TimeoutExpired:
                started.kill()


@contextmanager
def server(directory: Path, **settings: str) -> Iterator[Running]:
    """A Holdfast with a store of its own in `directory`, ready.

    `settings` are environment variables (`HOLDFAST_WORKERS="2"`); those of the caller's own
    environment are left out. Raises SystemExit with the server's log if it does not start.
    """
    inherited = {name: "" for name in os.environ if name.startswith("HOLDFAST_")}
    ours = {
        "HOLDFAST_LISTEN": "127.0.0.1:0",
        "HOLDFAST_DATA_DIR": str(directory),
        "HOLDFAST_STOP_WITH_STDIN": "true",
    }
    log, ready = directory / "server.log", directory / "server.json"
    command = [sys.executable, "-P", "-m", "server"]
    with (
        log.open("ab") as errors,
        process(command, errors, **inherited | ours | settings) as started,
    ):
        give_up_at_s = time.monotonic() + START_S_MAX
        while not ready.exists():
            if started.poll() is not None or time.monotonic() > give_up_at_s:
                raise SystemExit(f"the server did not start: {log.read_text()}")
            time.sleep(POLL_S)
        yield Running(json.loads(ready.read_text())["target"], started.pid)


@contextmanager
def small_server(module: str, *arguments: str) -> Iterator[Running]:
    """A server of the benchmarks' own, which prints its port when it listens."""
    with process(python_module(module, *arguments)) as started:
        assert started.stdout is not None
        yield Running(f"127.0.0.1:{int(started.stdout.readline())}", started.pid)


@contextmanager
def echo() -> Iterator[Running]:
    """An empty gRPC server in the process layout of one worker."""
    with small_server("benchmarks.echo_server") as running:
        yield running
