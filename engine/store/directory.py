"""The directory of an embedded store: one owner, at most one store, its log and its socket."""

import asyncio
import fcntl
import math
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from engine.store.reports import DataDirectoryInUse, OnEvent, StoreEvent, StoreStartFailed

# The limit of AF_UNIX on macOS; Linux has 107.
SOCKET_PATH_BYTES_MAX = 103
LOG_BYTES_MAX = 1_048_576
LOG_TAIL_BYTES_MAX = 4_096
LOG_TAIL_LINES_MAX = 10
LOCK_POLL_SECONDS = 0.02
KILLED_SECONDS_MAX = 5.0


class StoreDirectory:
    """A claimed directory: nobody else starts a store in it.

    The store keeps a lock on `store_lock` while it lives, and its pid in it; see
    serving/ends_with_owner.py.
    """

    def __init__(self, path: Path, socket: Path) -> None:
        self.path = path
        self.socket = socket
        self.store_lock = path / "store.lock"
        self._log = path / "store.log"

    def open_log(self) -> int:
        """A descriptor to append to the log; a log above LOG_BYTES_MAX is moved aside first."""
        with suppress(FileNotFoundError):
            if self._log.stat().st_size > LOG_BYTES_MAX:
                self._log.replace(self._log.with_suffix(".log.1"))
        return os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def log_tail(self) -> str:
        """The last lines of the log; nothing if it cannot be read."""
        return tail_of_log(self._log)

    async def end_orphan(self, seconds_max: float, on_event: OnEvent) -> None:
        """End the store that a killed owner left running, so that its data can be opened anew.

        It has `seconds_max` to end by itself. Raises DataDirectoryInUse if it cannot be ended.
        """
        for signal_number, event, wait_seconds in (
            (signal.SIGTERM, StoreEvent.ORPHAN_FOUND, seconds_max),
            (signal.SIGKILL, StoreEvent.KILLED, KILLED_SECONDS_MAX),
        ):
            if not self._is_store_running():
                return
            pid = self._signal_store(signal_number)
            on_event(event, {"pid": pid})
            if await self._store_ends_within(wait_seconds):
                return
        raise DataDirectoryInUse(
            f"the data directory {self.path} is in use by a store (process "
            f"{pid_in(self.store_lock)}) that this process cannot end; end it, or choose another "
            "directory"
        )

    def _is_store_running(self) -> bool:
        with self.store_lock.open("a") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def _signal_store(self, signal_number: signal.Signals) -> int | None:
        """Signal the store that has the lock and return its pid.

        None, and no signal, if the pid in the file means another process here: a store in another
        container can have the lock.
        """
        pid = pid_in(self.store_lock)
        if pid is None or not self._works_here(pid):
            return None
        with suppress(ProcessLookupError):
            os.kill(pid, signal_number)
        return pid

    def _works_here(self, pid: int) -> bool:
        if sys.platform != "linux":
            return True
        with suppress(OSError):
            return Path(f"/proc/{pid}/cwd").samefile(self.path)
        return False

    async def _store_ends_within(self, seconds_max: float) -> bool:
        for _ in range(math.ceil(seconds_max / LOCK_POLL_SECONDS)):
            await asyncio.sleep(LOCK_POLL_SECONDS)
            if not self._is_store_running():
                return True
        return False


def tail_of_log(path: Path) -> str:
    """The last lines of a store's log; nothing if it cannot be read."""
    with suppress(OSError), path.open("rb") as log:
        log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_TAIL_BYTES_MAX))
        lines = log.read().decode(errors="replace").splitlines()
        return "\n".join(lines[-LOG_TAIL_LINES_MAX:])
    return ""


@contextmanager
def claim(path: Path) -> Iterator[StoreDirectory]:
    """Own the directory while the context lasts; it is made, for this user only, if it is missing.

    Raises DataDirectoryInUse if somebody owns it, StoreStartFailed if it cannot be used.
    """
    with ExitStack() as undo:
        owner_lock = path / "owner.lock"
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            owner = undo.enter_context(owner_lock.open("a"))
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DataDirectoryInUse(
                f"the data directory {path} is in use by process {pid_in(owner_lock)}; stop that "
                "process, or choose another directory"
            ) from error
        except OSError as error:
            raise StoreStartFailed(
                f"the data directory {path} cannot be used: {error}. Choose a directory that this "
                "user can write to"
            ) from error
        owner.truncate(0)
        owner.write(str(os.getpid()))
        owner.flush()
        yield StoreDirectory(path, undo.enter_context(_socket_in(path)))


@contextmanager
def _socket_in(path: Path) -> Iterator[Path]:
    """Where the socket goes: in `path`, or in a private short directory if `path` is too long."""
    socket = path / "store.sock"
    if len(os.fsencode(socket)) <= SOCKET_PATH_BYTES_MAX:
        yield socket
    else:
        with tempfile.TemporaryDirectory(prefix="holdfast-") as short:
            yield Path(short, socket.name)


def pid_in(lock_file: Path) -> int | None:
    """The pid that the lock's owner wrote; None if it has not written it yet."""
    text = lock_file.read_text()
    return int(text) if text.isdecimal() else None
