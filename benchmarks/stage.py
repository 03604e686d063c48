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
STORE_SOCKET = "store.sock"
SECOND = "two_workers"
SECOND_WORKERS = 2
TIMEOUT_MS = 30_000


class Postgres(NamedTuple):
    """A PostgreSQL that runs: how to connect, where its pgbench is, its version."""

    dsn: str
    pgbench: str
    version: str


class Engine(NamedTuple):
    """A Holdfast that runs with a store of its own, and the processes of both."""

    target: str
    store_socket: Path
    servers: frozenset[int]
    stores: frozenset[int]

    def client(self) -> SyncClient:
        """A client of it."""
        return SyncClient(self.target, timeout_ms=TIMEOUT_MS)

    def store(self) -> "redis.Redis":
        """A connection to its store."""
        return redis.Redis(unix_socket_path=str(self.store_socket))


class Stage(NamedTuple):
    """The running parts by their names: engines, and the other gRPC servers; and PostgreSQL."""

    engines: dict[str, Engine]
    targets: dict[str, str]
    processes: dict[str, frozenset[int]]
    postgres: Postgres

    @property
    def holdfast(self) -> Engine:
        """The engine that all but the comparison of workers is about."""
        return self.engines["holdfast"]


@contextmanager
def stage(directory: Path, **settings: str) -> Iterator[Stage]:
    """Everything started, in `directory`; `settings` are Holdfast's environment."""
    with ExitStack() as started:
        holdfast = started.enter_context(_engine(directory, **settings))
        log = directory / "peers.log"
        store = f"unix://{holdfast.store_socket}"
        peers = {
            "echo": started.enter_context(running(log, "benchmarks.echo_server")),
            "plain": started.enter_context(running(log, "benchmarks.peers.plain_server")),
            "naive": started.enter_context(running(log, "benchmarks.peers.naive_server", store)),
        }
        words = ("benchmarks.peers.postgres_server", str(directory / POSTGRES_DIRECTORY))
        postgres = started.enter_context(running(directory / "postgres.log", *words))
        yield Stage(
            {"holdfast": holdfast},
            {"holdfast": holdfast.target} | {name: peer.target for name, peer in peers.items()},
            {"holdfast": holdfast.servers}
            | {name: frozenset({peer.pid}) for name, peer in peers.items()},
            Postgres(**json.loads(postgres.line)),
        )


@contextmanager
def with_second_engine(directory: Path, first: Stage) -> Iterator[Stage]:
    """The stage with another engine on it, of two workers."""
    own = directory / SECOND
    own.mkdir(mode=0o700)
    with _engine(own, HOLDFAST_WORKERS=str(SECOND_WORKERS)) as second:
        yield first._replace(
            engines=first.engines | {SECOND: second},
            targets=first.targets | {SECOND: second.target},
            processes=first.processes | {SECOND: second.servers},
        )


@contextmanager
def _engine(directory: Path, **settings: str) -> Iterator[Engine]:
    with server(directory, **settings) as started:
        ours = family(started.pid)
        stores = frozenset(pid for pid, name in ours.items() if name.startswith(STORE_NAMES))
        yield Engine(started.target, directory / STORE_SOCKET, frozenset(ours) - stores, stores)
