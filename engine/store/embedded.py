"""Runs a Valkey or Redis server of our own, so that Holdfast works on a fresh machine.

The store is private (a Unix socket in a directory of this user), keeps its data (each write is on
disk before its answer leaves), is started again when it dies, and ends with its owner.
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from engine.store.binary import find_store_binary
from engine.store.directory import StoreDirectory, claim
from engine.store.reports import OnEvent, StoreEvent, StoreStartFailed
from serving.processes import ChildProcess, in_thread, owned

START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 30.0
READY_POLL_SECONDS = 0.02
READY_ANSWER_SECONDS_MAX = 5.0
RESTART_SECONDS = 0.05
# A store that ran this long was well: when it dies, it is restarted as if for the first time.
STAYED_UP_SECONDS = 10.0

SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "daemonize": "no",
    "appendonly": "yes",
    "appendfsync": "always",
    "save": "",
    "maxmemory-policy": "noeviction",
    # A batch asks one hash for many fields, and a listpack is searched from its start for each.
    "hash-max-listpack-entries": "64",
}


class _RunEnd(NamedTuple):
    """How a run of the store ended; without pid and exit code if it was not launched at all."""

    pid: int | None
    exit_code: int | None
    log_tail: str


class EmbeddedStore:
    """A store of our own in `data_dir`, from start() to stop().

    `on_event` is called on the event loop with a StoreEvent and its details. `binary` is the
    server to run; None means what find_store_binary() finds. start() gives up after
    `start_seconds_max`; a store that does not end within `stop_seconds_max` is killed.
    `restart_seconds` gives the pause before the next start after that many deaths in a row.
    """

    def __init__(
        self,
        data_dir: Path,
        on_event: OnEvent,
        *,
        binary: Path | None = None,
        start_seconds_max: float = START_SECONDS_MAX,
        stop_seconds_max: float = STOP_SECONDS_MAX,
        restart_seconds: Callable[[int], float] = lambda _deaths: RESTART_SECONDS,
    ) -> None:
        self._data_dir = data_dir.resolve()
        self._on_event = on_event
        self._binary = binary
        self._start_seconds_max = start_seconds_max
        self._stop_seconds_max = stop_seconds_max
        self._restart_seconds = restart_seconds
        self._socket: Path | None = None
        self._process: ChildProcess | None = None
        self._life: asyncio.Task[None] | None = None
        self._started: asyncio.Future[None]
        self._stop_asked: asyncio.Future[None]

    @property
    def url(self) -> str:
        """Where the store answers, for redis-py: `unix:///path/to/store.sock`. Set by start()."""
        if self._socket is None:
            raise RuntimeError("the store has no URL before start()")
        return f"unix://{quote(str(self._socket))}"

    @property
    def pid(self) -> int | None:
        """The store's process; None while there is none."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Claim the directory, start the store and wait until it has its data and answers.

        Raises StoreStartFailed, also as StoreBinaryMissing and DataDirectoryInUse. Then,
        and when it is cancelled, it leaves no process and no claim behind.
        """
        if self._life is not None and not self._life.done():
            raise RuntimeError("the store is started already")
        loop = asyncio.get_running_loop()
        self._started, self._stop_asked = loop.create_future(), loop.create_future()
        life = self._life = loop.create_task(self._live())
        try:
            await _first_of(life, self._started, seconds_max=self._start_seconds_max)
            if life.done():
                life.result()
            if not self._started.done():
                raise StoreStartFailed(
                    f"the store in {self._data_dir} did not answer within "
                    f"{self._start_seconds_max:g} s; its store.log says what it was doing. If it "
                    "was loading data, give it more time"
                )
        except BaseException:
            await self._end(life)
            self._life = None
            raise

    async def stop(self) -> None:
        """End the store with SIGTERM, so that it closes its files, and give the directory back.

        Does nothing if it is not started. Raises what `on_event` raised, if that ended the store.
        """
        if self._life is not None:
            await self._end(self._life)
            self._life.result()

    async def _end(self, life: asyncio.Task[None]) -> None:
        # Asked, not cancelled, and with asyncio.wait, which passes no cancellation on: whatever
        # happens to the caller, the life ends in its own order and leaves nothing behind.
        if not self._stop_asked.done():
            self._stop_asked.set_result(None)
        await asyncio.wait({life})

    async def _live(self) -> None:
        with claim(self._data_dir) as directory:
            binary = self._binary
            if binary is None:
                binary = await asyncio.to_thread(find_store_binary)
            await directory.end_orphan(self._stop_seconds_max, self._on_event)
            self._socket = directory.socket
            await self._keep_running(binary, directory)

    async def _keep_running(self, binary: Path, directory: StoreDirectory) -> None:
        """Run the store, again and again, until it is asked to stop."""
        loop = asyncio.get_running_loop()
        deaths = 0
        while not self._stop_asked.done():
            launched_at = loop.time()
            end = await self._run(binary, directory)
            if self._stop_asked.done():
                return
            if not self._started.done():
                raise StoreStartFailed.after_exit(end.exit_code, directory.path, end.log_tail)
            if loop.time() - launched_at > STAYED_UP_SECONDS:
                deaths = 0
            deaths += 1
            pause = self._restart_seconds(deaths)
            self._on_event(StoreEvent.EXITED, end._asdict() | {"restart_seconds": pause})
            await _first_of(self._stop_asked, seconds_max=pause)

    async def _run(self, binary: Path, directory: StoreDirectory) -> _RunEnd:
        """Run the store once, until it exits or is asked to stop."""
        try:
            process = self._process = started_store(binary, directory)
        except OSError as error:
            return _RunEnd(None, None, f"no process could be made: {error}")
        exited = in_thread(process.wait)
        try:
            if await self._answers(process.pid, exited, directory.socket):
                self._on_event(StoreEvent.READY, {"pid": process.pid, "binary": str(binary)})
                if not self._started.done():
                    self._started.set_result(None)
            await _first_of(exited, self._stop_asked)
        finally:
            killed = await in_thread(process.end, self._stop_seconds_max)
            self._process = None
        if killed:
            self._on_event(StoreEvent.KILLED, {"pid": process.pid})
        return _RunEnd(process.pid, process.returncode, directory.log_tail())

    async def _answers(self, pid: int, exited: "asyncio.Future[int]", socket: Path) -> bool:
        """Wait until the store answers; False if it exits, or is asked to stop, before that."""
        reported_percent = None
        async with Redis(
            unix_socket_path=str(socket),
            socket_timeout=READY_ANSWER_SECONDS_MAX,
            retry=Retry(NoBackoff(), 0),
        ) as client:
            while not await _first_of(exited, self._stop_asked, seconds_max=READY_POLL_SECONDS):
                persistence = await _persistence(client)
                if persistence.get("loading") == 0:
                    return True
                percent = int(persistence.get("loading_loaded_perc", 0))
                if persistence and percent != reported_percent:
                    reported_percent = percent
                    self._on_event(StoreEvent.LOADING, {"pid": pid, "loaded_percent": percent})
        return False


def store_command(binary: Path, directory: StoreDirectory) -> list[str]:
    """The command that becomes the store, alone in its directory; this process is its owner."""
    settings = SETTINGS | {"dir": str(directory.path), "unixsocket": str(directory.socket)}
    arguments = [word for name, value in settings.items() for word in (f"--{name}", value)]
    return owned([str(binary), *arguments], signal.SIGTERM, directory.store_lock)


def started_store(binary: Path, directory: StoreDirectory) -> ChildProcess:
    """A store that has just been started. Raises OSError if no process can be made.

    It logs to its standard output, as it does for errors in its settings. Start it on the event
    loop's thread: the kernel ends it with the thread that started it.
    """
    log = directory.open_log()
    try:
        return ChildProcess(
            store_command(binary, directory),
            stdout=log,
            errors=subprocess.STDOUT,
            cwd=directory.path,
            umask=0o077,
        )
    finally:
        os.close(log)


async def _persistence(client: Redis) -> dict[str, Any]:
    """INFO persistence, which a store answers while it loads, too; empty if it does not answer."""
    try:
        return await client.info("persistence")
    except (RedisConnectionError, RedisTimeoutError):
        return {}


async def _first_of(*futures: asyncio.Future[Any], seconds_max: float | None = None) -> bool:
    """Wait for one of the futures, whatever its result; False if `seconds_max` passed before."""
    done, _ = await asyncio.wait(futures, timeout=seconds_max, return_when=asyncio.FIRST_COMPLETED)
    return bool(done)
