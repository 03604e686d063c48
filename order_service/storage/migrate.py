"""Brings a database to the schema of this version, by Alembic's migrations."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, select

from order_service.states import MACHINES
from order_service.storage.database import Database
from order_service.storage.schema import moves

_MIGRATIONS = Path(__file__).parent / "migrations"
# Processes that start together migrate one after another; the number is anybody's guess but ours.
_POSTGRES_LOCK = 4_851_236_790


async def migrate(database: Database) -> None:
    """Runs the migrations that are missing, all or none. Raises StorageUnavailable."""
    await database.write(upgrade)


def upgrade(connection: Connection) -> None:
    """The same in the transaction of a connection."""
    run_migrations(connection)
    write_moves(connection)


def run_migrations(connection: Connection) -> None:
    """Brings the tables up to date, not what is in them."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_POSTGRES_LOCK})")
    config = alembic_config(connection)
    # Alembic costs most of a second to look around: not at each start.
    current = MigrationContext.configure(connection).get_current_revision()
    if current != ScriptDirectory.from_config(config).get_current_head():
        command.upgrade(config, "head")


def write_moves(connection: Connection) -> None:
    """Tells the database the moves of `states.py` that it does not know yet.

    None is taken away: the history may have it, and an older process may still make it.
    """
    known = {tuple(row) for row in connection.execute(select(moves))}
    missing = [
        {"machine": machine.name, "from_state": state, "event": event, "to_state": after}
        for machine in MACHINES
        for state, row in machine.moves.items()
        for event, after in row.items()
        if (machine.name, state, event, after) not in known
    ]
    if missing:
        connection.execute(insert(moves), missing)


def alembic_config(connection: Connection) -> Config:
    """Alembic's settings for a connection."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config
