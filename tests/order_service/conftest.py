"""Databases for the tests of the order service: each test runs on SQLite and on PostgreSQL."""

import asyncio
import random
import shutil
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import asyncpg  # type: ignore[import-untyped]
import pytest
from sqlalchemy import create_engine

from order_service.order.ids import Ids
from order_service.storage.database import Database, open_database
from order_service.storage.migrate import upgrade
from order_service.storage.orders import Orders
from order_service.storage.schema import METADATA
from tests.order_service.clock import Clock
from tests.order_service.following import FOLLOW, POST
from tests.order_service.postgres import serve_postgres

KINDS = ("sqlite", "postgres")
SQLITE_FIRST: Final = (
    # They prove decisions, which no database changes; their statements run on both databases in
    # storage, edge and placing.
    "audit/",
    "catalogue/",
    "fulfilment/",
    "notifications/",
    "payment/",
    # They try thousands of requests, moves and deaths.
    "edge/test_bad_input.py",
    "edge/test_privacy.py",
    "faults/test_killed_at_every_step.py",
    "states/",
)
"""Tests that `make test` runs on SQLite only; their runs on PostgreSQL are left to `test-long`."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves the runs on PostgreSQL of SQLITE_FIRST to `make test-long`."""
    here = Path(__file__).parent
    for item in items:
        callspec = getattr(item, "callspec", None)
        if (
            callspec is not None
            and item.path.is_relative_to(here)
            and "postgres" in callspec.params.values()
            and item.path.relative_to(here).as_posix().startswith(SQLITE_FIRST)
        ):
            item.add_marker(pytest.mark.long)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "orders.db"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        upgrade(connection)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A migrated database on a PostgreSQL server of the session's own."""
    with serve_postgres(tmp_path_factory.mktemp("postgres")) as postgres:
        yield postgres.url


async def emptied(url: str) -> None:
    """Takes everything out of a database but what every database has.

    A thousand tests do so first: TRUNCATE would make and remove files each time.
    """
    tables = [name for name in METADATA.tables if name != "moves"]
    connection = await asyncpg.connect(url)
    try:
        # Keys are not checked, and the history is not guarded, while this is on.
        await connection.execute(
            "SET session_replication_role = replica;"
            + ";".join(f"DELETE FROM {name}" for name in tables)
        )
    finally:
        await connection.close()


@pytest.fixture
def empty_postgres_url(postgres_url: str) -> str:
    """A PostgreSQL database with nothing in it but the schema."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, emptied(postgres_url)).result()
    return postgres_url


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database with the schema."""
    if request.param == "sqlite":
        path = tmp_path / "orders.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        opened = open_database(f"sqlite:///{path}")
    else:
        opened = open_database(request.getfixturevalue("empty_postgres_url"))
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> Clock:
    """A clock that the test moves."""
    return Clock()


@pytest.fixture
def ids() -> Ids:
    """A source of ids that gives the same ones in each run."""
    return Ids(random.Random(1))


@pytest.fixture
async def orders(database: Database, clock: Clock, ids: Ids) -> AsyncIterator[Orders]:
    """The orders of an empty database; no relay does their tasks."""
    orders = Orders(database, clock, ids, follow=FOLLOW, post=POST)
    yield orders
    await orders.drain()
