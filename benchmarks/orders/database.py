"""The databases under the order services: how large they are, and what their processes use."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg  # type: ignore[import-untyped]

from benchmarks.processor_time import cpu_s, family

ORDERS_DATABASE = "orders"
_TABLES = """
SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""


class Sqlite(NamedTuple):
    """A file, which the order service reads and writes itself."""

    path: Path

    @property
    def url(self) -> str:
        """The URL that the order service is started with."""
        return f"sqlite:///{self.path}"

    def cpu_s(self) -> float:
        """0: the file has no processes of its own."""
        return 0.0

    def bytes_used(self) -> int:
        """The size of the file once its log is in it."""
        connection = sqlite3.connect(self.path)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        return self.path.stat().st_size


class Postgres(NamedTuple):
    """A database of its own on a PostgreSQL that runs in `directory`."""

    dsn: str
    directory: Path

    @classmethod
    def created(cls, dsn: str, directory: Path) -> "Postgres":
        """Makes the database on the server of `dsn`."""
        asyncio.run(_fetched(dsn, f"CREATE DATABASE {ORDERS_DATABASE}"))
        return cls(beside(dsn, ORDERS_DATABASE), directory)

    @property
    def url(self) -> str:
        """The URL that the order service is started with."""
        return self.dsn

    def cpu_s(self) -> float:
        """The CPU seconds that its own processes have used so far."""
        postmaster = (self.directory / "postmaster.pid").read_text().split()[0]
        return cpu_s(family(int(postmaster)))

    def bytes_used(self) -> int:
        """Tables and indexes, without the room that versions of rows have left that are gone."""
        asyncio.run(_fetched(self.dsn, "VACUUM FULL"))
        return int(asyncio.run(_fetched(self.dsn, _TABLES)))


Database = Sqlite | Postgres


def beside(dsn: str, name: str) -> str:
    """How to connect to another database of the same server."""
    address, mark, options = dsn.partition("?")
    return f"{address.rpartition('/')[0]}/{name}{mark}{options}"


async def _fetched(dsn: str, statement: str) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()
