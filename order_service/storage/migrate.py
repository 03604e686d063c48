"""Brings a database to the schema of this version, by Alembic's migrations."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, select

from order_service.storage.database import Database, StorageUnsafe
from order_service.storage.history import all_moves
from order_service.storage.schema import moves

_MIGRATIONS = Path(__file__).parent / "migrations"
# Processes that start together migrate one after another; the number is anybody's guess but ours.
_POSTGRES_LOCK = 4_851_236_790


async def migrate(database: Database) -> None:
    """Runs the migrations that are missing, all or none.

    Raises StorageUnavailable, and StorageUnsafe where another version has made the tables.
    """
    await database.write(upgrade)


def upgrade(connection: Connection) -> None:
    """Migrates in the transaction of a connection."""
    run_migrations(connection)
    write_moves(connection)


def run_migrations(connection: Connection) -> None:
    """Brings the tables up to date, not what is in them."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_POSTGRES_LOCK})")
    config = alembic_config(connection)
    # Alembic costs most of a second to look around: not at each start.
    current = MigrationContext.configure(connection).get_current_revision()
    scripts = ScriptDirectory.from_config(config)
    if current and current not in {script.revision for script in scripts.walk_revisions()}:
        raise StorageUnsafe(
            f"its tables are of revision {current}, which this version of Holdfast cannot read or "
            "bring up to date: use the version that made them, or an empty database"
        )
    if current != scripts.get_current_head():
        command.upgrade(config, "head")


def write_moves(connection: Connection) -> None:
    """Tells the database the moves of `machines.py` that it does not know yet.

    None is taken away: the history may have it, and an older process may still make it.
    """
    known = set(connection.scalars(select(moves.c.move)))
    missing = [
        {"move": move.number, **move._asdict()} for move in all_moves() if move.number not in known
    ]
    if missing:
        connection.execute(insert(moves), missing)


def alembic_config(connection: Connection) -> Config:
    """Alembic's settings for a connection."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config
