"""Order services that are loaded: one on SQLite, one on PostgreSQL, beside one engine.

Each runs as it is shipped, with a provider of its own: the built-in sandbox. It has no address for
callbacks, so that the load can send them when it wants.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.orders.database import Database, Postgres, Sqlite
from benchmarks.servers import running
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
        """The tenant whose orders it takes."""
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
            started.enter_context(order_service(directory, name, database, stage.holdfast.target))
            for name, database in databases.items()
        ]


@contextmanager
def order_service(
    directory: Path, name: str, database: Database, engine: str
) -> Iterator[OrderService]:
    """One, ready, with a provider of its own. Raises SystemExit with the end of its log."""
    log = directory / f"orders-{name}.log"
    sandbox = ("order_service.sandbox", "--listen", "127.0.0.1:0", "--stop-with-stdin")
    with running(log, *sandbox) as provider:
        ours = {
            "HOLDFAST_ORDERS_LISTEN": "127.0.0.1:0",
            "HOLDFAST_CALLBACKS_LISTEN": "127.0.0.1:0",
            "HOLDFAST_TARGET": engine,
            "HOLDFAST_DATABASE_URL": database.url,
            "HOLDFAST_SANDBOX_URL": provider.target,
            "HOLDFAST_SANDBOX_API_KEY": API_KEY,
            "HOLDFAST_SANDBOX_SECRETS": SECRET,
        }
        with running(log, "order_service", **ours) as orders:
            # "Orders are ready on 127.0.0.1:1234 (callbacks on http://127.0.0.1:1235)"
            callbacks = orders.line.split()[-1].rstrip(")")
            yield OrderService(
                name, orders.target, callbacks, provider.target, orders.pid, database
            )
