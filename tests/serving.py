"""Real processes for a test: `python -m server`, and a store that is not the server's own."""

import json
import os
import signal
import subprocess
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import grpc.aio
import pytest
import redis
from google.rpc import error_details_pb2, status_pb2

from engine.store.binary import find_store_binary
from holdfast.client import Client
from holdfast.errors import DOMAIN, ERRORS, HoldfastError
from holdfast.programs import program_command
from holdfast.types import AuditFinding, AuditSummary
from serving.processes import ChildProcess, address_in, owned, without_settings
from tests.waiting import PATIENCE_S, until

READY = "Holdfast is ready on "

SAFE = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}


@contextmanager
def running(command: Sequence[str | Path], **options: Any) -> "Iterator[subprocess.Popen[Any]]":
    """A process that ends with the block, whatever happens in it, and with the tests' own process.

    The options are those of `Popen`.
    """
    with subprocess.Popen(owned([str(word) for word in command]), **options) as process:
        try:
            yield process
        finally:
            process.kill()


class Ended(NamedTuple):
    """How a server that did not start ended, and what it said."""

    exit_code: int
    message: str


class Server:
    """A running `python -m server`: its process, where it listens, and its log."""

    def __init__(self, process: ChildProcess, log_file: Path) -> None:
        self.process = process
        self.target = ""
        self._log_file = log_file

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def log(self) -> str:
        """The log so far."""
        return self._log_file.read_text()

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The log's records of an event."""
        records = [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]
        return [record for record in records if record["event"] == event]

    def kill(self) -> None:
        """Ends it with SIGKILL, as the kernel does when memory is short."""
        self.process.kill()
        self.wait()

    def stop(self) -> int:
        """Ends it with SIGTERM, as an operator does; returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """Waits until it has ended; returns its exit code."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(PATIENCE_S)
        if self.process.end():
            pytest.fail(f"the server did not stop within {PATIENCE_S:g} s: {self.log()}")
        return self.process.returncode


@contextmanager
def serve(directory: Path, **settings: str) -> Iterator[Server]:
    """A server on a free port, ready, with a store of its own in `directory` unless
    HOLDFAST_REDIS_URL is among its settings. It is stopped in the end, if the test did not.
    """
    server = launched(directory, **settings)
    try:
        server.target = address_in(server.process.ready(PATIENCE_S))
        yield server
    finally:
        server.stop()


def refused_start(directory: Path, **settings: str) -> Ended:
    """Starts a server that cannot start, and waits for its end."""
    server = launched(directory, **settings)
    return Ended(server.wait(), server.log())


def launched(directory: Path, **settings: str) -> Server:
    """A server that has only just been started; whoever starts it waits for its end."""
    directory.mkdir(parents=True, exist_ok=True)
    environment = without_settings(os.environ)
    environment["HOLDFAST_LISTEN"] = "127.0.0.1:0"
    if "HOLDFAST_REDIS_URL" not in settings:
        environment["HOLDFAST_DATA_DIR"] = str(directory)
    # Should the tests be killed, the pipe closes and the server ends with them.
    environment["HOLDFAST_STOP_WITH_STDIN"] = "true"
    log_file = directory / "server.log"
    command = program_command("server")
    return Server(ChildProcess(command, environment | settings, errors=log_file), log_file)


class Store(NamedTuple):
    """A store that somebody else runs: its process and its URL."""

    process: ChildProcess
    url: str

    def client(self) -> "redis.Redis":
        """A connection to it."""
        return redis.Redis.from_url(self.url)


@contextmanager
def own_store(directory: Path, **settings: str) -> Iterator[Store]:
    """A store as Holdfast asks for it, but for `settings` (`maxmemory_policy="allkeys-lru"`)."""
    directory.mkdir(parents=True, exist_ok=True)
    socket = directory / "s"
    wanted = {"port": "0", "save": "", "dir": str(directory), "unixsocket": str(socket)} | SAFE
    wanted |= {name.replace("_", "-"): value for name, value in settings.items()}
    options = [word for name, value in wanted.items() for word in (f"--{name}", value)]
    command = [str(find_store_binary()), *options]
    with ChildProcess(owned(command), stdout=subprocess.DEVNULL) as process:
        store = Store(process, f"unix://{socket}")
        try:
            until(lambda: answers(store.url), "the store answers")
            yield store
        finally:
            process.kill()


def answers(url: str) -> bool:
    """Whether a store answers."""
    try:
        with redis.Redis.from_url(url) as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False


async def answer_or_error(call: Awaitable[object]) -> Any:
    """The SDK's answer, or the HoldfastError that it raises, as a value."""
    try:
        return await call
    except HoldfastError as error:
        return error


async def refusal(call: Awaitable[object]) -> HoldfastError:
    """The error of the contract that a call ends with: one ErrorInfo that agrees with its reason,
    and a message that the reason's metadata makes.
    """
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return contract_error(error)
    pytest.fail(f"the call was not refused but answered: {answer}")


def contract_error(error: grpc.aio.AioRpcError) -> HoldfastError:
    """An error of a call, held against the contract."""
    packed = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin")
    assert isinstance(packed, bytes), f"no ErrorInfo: {error.code()} {error.details()}"
    status = status_pb2.Status.FromString(packed)
    assert (status.code, status.message) == (error.code().value[0], error.details())
    (detail,) = status.details
    info = error_details_pb2.ErrorInfo()
    assert detail.Unpack(info)
    assert info.domain == DOMAIN
    found = HoldfastError.from_rpc(error)
    assert found.reason is not None, f"the reason {info.reason} is not of the contract"
    row = ERRORS[found.reason]
    assert (row.code, row.message.format(**found.metadata)) == (found.code, found.message)
    return found


async def audit(client: Client) -> tuple[list[AuditFinding], AuditSummary]:
    """The findings and the summary of an audit."""
    events = [event async for event in client.audit()]
    summary = events[-1]
    assert isinstance(summary, AuditSummary)
    return [event for event in events if isinstance(event, AuditFinding)], summary


async def assert_sound(client: Client) -> None:
    """Audits the client's tenant, which nobody is writing to."""
    findings, summary = await audit(client)
    assert findings == []
    assert summary.ok
