"""Where benchmarks run: everything that they load, started at once. What is not loaded idles."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import redis

from benchmarks.processor_time import family
from benchmarks.servers import echo, process, python_module, server, small_server
from holdfast.sync_client import SyncClient

STORE_NAMES = ("valkey", "redis")
POSTGRES_DIRECTORY = "postgres"


class Postgres(NamedTuple):
    """A PostgreSQL that runs: how to connect, where its pgbench is, its version."""

    dsn: str
    pgbench: str
    version: str


class Stage(NamedTuple):
    """What runs: the gRPC servers' targets, Holdfast's store, and the processes of each part."""

    holdfast: str
    echo: str
    naive: str
    postgres: Postgres
    store_socket: Path
    processes: dict[str, frozenset[int]]

    def client(self) -> SyncClient:
        """A client of Holdfast."""
        return SyncClient(self.holdfast, timeout_ms=30_000)

    def store(self) -> "redis.Redis":
        """A connection to Holdfast's store."""
        return redis.Redis(unix_socket_path=str(self.store_socket))


@contextmanager
def stage(directory: Path, **settings: str) -> Iterator[Stage]:
    """Everything started, in `directory`; `settings` are Holdfast's environment."""
    with ExitStack() as started:
        holdfast = started.enter_context(server(directory, **settings))
        socket = directory / "store.sock"
        ours = family(holdfast.pid)
        stores = frozenset(pid for pid, name in ours.items() if name.startswith(STORE_NAMES))
        empty = started.enter_context(echo())
        naive = started.enter_context(
            small_server("benchmarks.peers.naive_server", f"unix://{socket}")
        )
        yield Stage(
            holdfast.target,
            empty.target,
            naive.target,
            started.enter_context(postgres(directory)),
            socket,
            {
                "holdfast": frozenset(ours) - stores,
                "store": stores,
                "echo": frozenset({empty.pid}),
                "naive": frozenset({naive.pid}),
            },
        )


@contextmanager
def postgres(directory: Path) -> Iterator[Postgres]:
    """A PostgreSQL in a directory of its own below `directory`."""
    command = python_module("benchmarks.peers.postgres_server", str(directory / POSTGRES_DIRECTORY))
    log = directory / "postgres.log"
    with log.open("ab") as errors, process(command, errors) as running:
        assert running.stdout is not None
        line = running.stdout.readline()
        if not line:
            raise SystemExit(f"PostgreSQL did not start: {log.read_text()}")
        yield Postgres(**json.loads(line))
