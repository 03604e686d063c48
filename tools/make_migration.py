"""Writes an Alembic migration from the database as migrated to the schema as it is in code.

`python -m tools.make_migration "what changes"`; read what it wrote before you commit it.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from alembic import command
from sqlalchemy import Connection

from order_service.storage.database import open_database
from order_service.storage.migrate import alembic_config, run_migrations


async def make_migration(message: str) -> None:
    """Compares the schema with an empty database that all migrations have run on."""
    with tempfile.TemporaryDirectory() as directory:
        database = open_database(f"sqlite:///{Path(directory) / 'orders.db'}")
        await database.write(run_migrations)

        def compare(connection: Connection) -> None:
            command.revision(alembic_config(connection), message, autogenerate=True)

        await database.write(compare)
        await database.close()


if __name__ == "__main__":
    asyncio.run(make_migration(sys.argv[1]))
