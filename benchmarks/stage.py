"""Where benchmarks run: everything that they load, started at once. What is not loaded idles."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import redis

from benchmarks.processor_time import family
from benchmarks.servers import running, server
from holdfast.sync_client import SyncClient

STORE_NAMES = ("valkey", "redis")
POSTGRES_DIRECTORY = "postgres"


class Postgres(NamedTuple):
    """A PostgreSQL that runs: how to connect, where its pgbench is, its version."""

    dsn: str
    pgbench: str
    version: str


class Stage(NamedTuple):
    """The running parts: targets of gRPC servers, Holdfast's store, and each part's processes."""

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
        log = directory / "peers.log"
        empty = started.enter_context(running(log, "benchmarks.echo_server"))
        naive = started.enter_context(
            running(log, "benchmarks.peers.naive_server", f"unix://{socket}")
        )
        words = ("benchmarks.peers.postgres_server", str(directory / POSTGRES_DIRECTORY))
        postgres = started.enter_context(running(directory / "postgres.log", *words))
        yield Stage(
            holdfast.target,
            empty.target,
            naive.target,
            Postgres(**json.loads(postgres.line)),
            socket,
            {
                "holdfast": frozenset(ours) - stores,
                "store": stores,
                "echo": frozenset({empty.pid}),
                "naive": frozenset({naive.pid}),
            },
        )
