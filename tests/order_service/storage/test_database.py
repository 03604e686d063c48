"""Databases as they are opened and read."""

import pytest
from sqlalchemy import Connection, text

from order_service.storage.database import (
    Database,
    PostgresDatabase,
    StorageUnavailable,
    open_database,
)


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "mysql://host/orders", "orders.db", ""]
)
def test_what_is_no_database_to_keep_orders_in_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"must|URL"):
        open_database(url)


async def test_a_read_sees_one_moment(database: Database) -> None:
    def counts(connection: Connection) -> list[int]:
        return [connection.scalar(text("SELECT count(*) FROM moves")) or 0 for _ in range(2)]

    first, second = await database.read(counts)
    assert first == second > 0
    if isinstance(database, PostgresDatabase):

        def level(connection: Connection) -> object:
            return connection.scalar(text("SHOW transaction_isolation"))

        assert await database.read(level) == "repeatable read"
        assert await database.write(level) == "read committed"


async def test_a_read_cannot_write(database: Database) -> None:
    if not isinstance(database, PostgresDatabase):
        pytest.skip("SQLite's readers are kept from it by nothing")
    with pytest.raises(StorageUnavailable):
        await database.read(lambda connection: connection.execute(text("DELETE FROM moves")))
