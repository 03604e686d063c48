"""Order services that are loaded: one on SQLite, one on PostgreSQL, beside one engine.

Each runs as it is shipped, with a provider of its own: the built-in sandbox, which nobody told
where callbacks go, so that the load can send them when it wants.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.orders.database import Database, Postgres, Sqlite
from benchmarks.servers import process
from benchmarks.stage import POSTGRES_DIRECTORY, Stage
from order_service.sandbox.__main__ import API_KEY, SECRET


class OrderService(NamedTuple):
    """An order service that runs: where it listens, its process, and its database."""

    name: str
    target: str
    callbacks: str
    sandbox: str
    pid: int
    database: Database

    @property
    def tenant(self) -> str:
        """Whose orders it takes."""
        return f"orders-{self.name}"


@contextmanager
def order_services(directory: Path, stage: Stage) -> Iterator[list[OrderService]]:
    """Both, ready."""
    with ExitStack() as started:
        databases: dict[str, Database] = {
            "sqlite": Sqlite(directory / "orders.db"),
            "postgres": Postgres.created(stage.postgres.dsn, directory / POSTGRES_DIRECTORY),
        }
        yield [
            started.enter_context(order_service(directory, name, database, stage.holdfast))
            for name, database in databases.items()
        ]


@contextmanager
def order_service(
    directory: Path, name: str, database: Database, engine: str
) -> Iterator[OrderService]:
    """One, ready, with a provider of its own. Raises SystemExit with its log if it does not start.

    Settings in the caller's own environment are left out.
    """
    inherited = {name: "" for name in os.environ if name.startswith("HOLDFAST_")}
    log = directory / f"orders-{name}.log"
    command = [sys.executable, "-P", "-m", "order_service"]
    with sandbox(log) as provider, log.open("ab") as errors:
        ours = {
            "HOLDFAST_ORDERS_LISTEN": "127.0.0.1:0",
            "HOLDFAST_CALLBACKS_LISTEN": "127.0.0.1:0",
            "HOLDFAST_TARGET": engine,
            "HOLDFAST_DATABASE_URL": database.url,
            "HOLDFAST_SANDBOX_URL": provider,
            "HOLDFAST_SANDBOX_API_KEY": API_KEY,
            "HOLDFAST_SANDBOX_SECRETS": SECRET,
            "HOLDFAST_STOP_WITH_STDIN": "true",
        }
        with process(command, errors, **inherited | ours) as started:
            assert started.stdout is not None
            # "Orders are ready on 127.0.0.1:1234 (callbacks on http://127.0.0.1:1235)"
            words = started.stdout.readline().decode().split()
            if not words:
                raise SystemExit(f"the order service did not start: {log.read_text()}")
            callbacks = words[-1].rstrip(")")
            yield OrderService(name, words[4], callbacks, provider, started.pid, database)


@contextmanager
def sandbox(log: Path) -> Iterator[str]:
    """The built-in provider and carrier: its URL."""
    command = [sys.executable, "-P", "-m", "order_service.sandbox", "--listen", "127.0.0.1:0"]
    with log.open("ab") as errors, process(command, errors) as started:
        assert started.stdout is not None
        yield started.stdout.readline().decode().split()[-1]
