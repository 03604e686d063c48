"""Migrations: both databases get the schema that the code has, also from processes at once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, select

from order_service.storage.database import Database, StorageUnsafe, open_database
from order_service.storage.history import all_moves
from order_service.storage.migrate import migrate
from order_service.storage.schema import METADATA, moves

PROCESSES = 4
HEAD = "0003"


def differences(connection: Connection) -> list[Any]:
    """What a new migration would have to change."""
    found = compare_metadata(MigrationContext.configure(connection), METADATA)
    return list(found)


async def test_a_migrated_database_is_as_the_code_says(database: Database) -> None:
    assert await database.read(differences) == []


async def test_the_database_knows_the_moves_of_the_tables(database: Database) -> None:
    def known(connection: Connection) -> set[tuple[Any, ...]]:
        return {tuple(row) for row in connection.execute(select(moves))}

    assert await database.read(known) == {(move.number, *move) for move in all_moves()}


async def test_migrating_again_changes_nothing(database: Database) -> None:
    await migrate(database)
    assert await database.read(differences) == []


async def test_tables_of_another_version_are_refused_and_left_alone(database: Database) -> None:
    def stamped(connection: Connection) -> None:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'ffff'")

    await database.write(stamped)
    try:
        with pytest.raises(StorageUnsafe, match=r"revision ffff.*empty database"):
            await migrate(database)
    finally:
        head = f"UPDATE alembic_version SET version_num = '{HEAD}'"
        await database.write(lambda connection: connection.exec_driver_sql(head))


async def test_processes_that_start_at_once_migrate_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'orders.db'}"
    databases = [open_database(url) for _ in range(PROCESSES)]
    await asyncio.gather(*(migrate(database) for database in databases))
    assert await databases[0].read(differences) == []
    for database in databases:
        await database.close()


async def test_tables_of_sqlite_are_strict_and_its_keys_are_checked(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'orders.db'}")
    await migrate(database)

    def look(connection: Connection) -> tuple[int, str, int, list[str]]:
        loose = [
            str(row.name)
            for row in connection.exec_driver_sql("PRAGMA table_list")
            if row.name in inspect(connection).get_table_names()
            and not row.strict
            and row.name != "alembic_version"
        ]
        return (
            connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one(),
            connection.exec_driver_sql("PRAGMA journal_mode").scalar_one(),
            connection.exec_driver_sql("PRAGMA synchronous").scalar_one(),
            loose,
        )

    full = 2
    assert await database.write(look) == (1, "wal", full, [])
    await database.close()
