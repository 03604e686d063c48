"""Runs a program as a process of its own: starts it, waits until it is ready, ends it.

The one way to do so, of servers, workers, the store, the demo, benchmarks and tests. A process is
in a session of its own, so that Ctrl-C on a terminal is left to the process that started it, and
its standard input ends when that process does. Every method blocks; `in_thread` is for event loops.
Imports nothing but the standard library.
"""

import asyncio
import os
import re
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any, Final, ParamSpec, Self, TypeVar

HOME: Final = Path(__file__).parents[1]
"""The folder of our programs: first on the path of a process that runs one (holdfast.programs)."""
START_S_MAX: Final = 60.0
STOP_S_MAX: Final = 30.0
LOG_TAIL_LINES: Final = 20
_POLL_S: Final = 0.2
_ENDS_WITH_OWNER: Final = Path(__file__).with_name("ends_with_owner.py")
_ADDRESS: Final = re.compile(r"(?:ready on|sandbox at) (\S+)")

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


class DidNotStart(Exception):
    """A process ended before it was ready: the message is `did not start` and why.

    It has the end of the log, if there is one.
    """

    def __init__(self, problem: str, exit_code: int) -> None:
        super().__init__(problem)
        self.exit_code = exit_code


def owned(
    command: Sequence[str], ending: signal.Signals = signal.SIGKILL, lock: Path | None = None
) -> list[str]:
    """The command as one that gets the signal `ending` should this process be killed.

    No two processes hold the same `lock` file; the file has the pid of the one that does. Start it
    on a thread that lives as long as this process: Linux sends the signal when that thread ends.
    """
    shim = (str(_ENDS_WITH_OWNER), str(os.getpid()), str(ending.value), str(lock or ""))
    return [sys.executable, "-I", "-S", *shim, *command]


def without_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment less all settings of Holdfast, which are meant for another process."""
    return {name: value for name, value in environment.items() if not name.startswith("HOLDFAST_")}


def address_in(line: str) -> str:
    """The address in the line that a server of ours prints when it is ready."""
    found = _ADDRESS.search(line)
    if found is None:
        raise ValueError(f"no address in {line!r}")
    return found[1]


def tail_of(log: Path) -> str:
    """The last lines of a log."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(lines[-LOG_TAIL_LINES:]) or "(the log is empty)"


class ChildProcess(subprocess.Popen[bytes]):
    """A running process, which prints one line when it is ready. Raises OSError if none is made.

    `errors` is where its standard error goes: a file to append to, or as subprocess has it. A
    context that ends, ends the process.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        *,
        stdout: int = subprocess.PIPE,
        errors: Path | int | None = None,
        cwd: Path | None = None,
        umask: int = -1,
    ) -> None:
        self._log = errors if isinstance(errors, Path) else None
        self.wrote_more = False
        """Whether it had written more than its line when `ready` read that."""
        with ExitStack() as files:
            stderr: IO[bytes] | int | None = (
                files.enter_context(open(errors, "ab", opener=_private))
                if isinstance(errors, Path)
                else errors
            )
            # Popen uses vfork, also under uvloop, whose own way to start processes forks and runs
            # every fork hook, gRPC's too.
            super().__init__(
                command,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=stdout,
                stderr=stderr,
                cwd=cwd,
                umask=umask,
                start_new_session=True,
            )

    def ready(self, seconds_max: float = START_S_MAX) -> str:
        """Waits for the line that it prints when it is ready, and returns that.

        Raises DidNotStart if it ends before, or is killed because it took more than `seconds_max`.
        """
        give_up_at_s = time.monotonic() + seconds_max
        line = self._first_line(give_up_at_s)
        if line:
            return line
        try:
            exit_code = self.wait(max(0.0, give_up_at_s - time.monotonic()))
            problem = f"exit status {exit_code}"
        except subprocess.TimeoutExpired:
            self.kill()
            exit_code, problem = self.wait(), f"not ready in {seconds_max:g} s"
        said = f":\n{tail_of(self._log)}" if self._log else ""
        raise DidNotStart(f"did not start ({problem}){said}", exit_code)

    def _first_line(self, give_up_at_s: float) -> str:
        """The first line that it prints; "" if it ends or the time comes before."""
        stdout: Any = self.stdout
        said = b""
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while b"\n" not in said and time.monotonic() < give_up_at_s:
                # A process of its own may hold the pipe open after it has ended.
                ended = self.poll() is not None
                if selector.select(_POLL_S):
                    more = stdout.read1()
                    if not more:
                        break
                    said += more
                elif ended:
                    break
        line, _, more = said.partition(b"\n")
        self.wrote_more = bool(more)
        return line.decode().strip()

    def end(self, seconds_max: float = STOP_S_MAX) -> bool:
        """Asks it to drain, waits, and kills it if that takes too long; whether it did."""
        self.terminate()
        try:
            self.wait(seconds_max)
        except subprocess.TimeoutExpired:
            self.kill()
            self.wait()
            return True
        finally:
            self._close_pipes()
        return False

    def _close_pipes(self) -> None:
        for pipe in (self.stdin, self.stdout, self.stderr):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def _private(path: str, flags: int) -> int:
    """Opens a log that only its owner reads."""
    return os.open(path, flags, 0o600)


def in_thread(
    function: Callable[Given, Answer], *arguments: Given.args, **named: Given.kwargs
) -> "asyncio.Future[Answer]":
    """The future answer of a function that blocks, called on a thread of its own.

    The threads of an executor are few, and a process may be waited for all its life. A thread ends
    with the process that it waits for, also if nobody waits for the future any more.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Answer] = loop.create_future()

    def resolve(answer: Answer | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(answer)  # type: ignore[arg-type]

    def call() -> None:
        answer, error = None, None
        try:
            answer = function(*arguments, **named)
        except Exception as raised:  # noqa: BLE001 (the future has it)
            error = raised
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(resolve, answer, error)

    # A daemon, so that the interpreter can exit while the process lives.
    threading.Thread(target=call, name="child-process", daemon=True).start()
    return future
