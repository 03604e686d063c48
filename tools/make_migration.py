"""Writes an Alembic migration from the database as migrated to the schema as it is in code.

`python -m tools.make_migration "what changes"`; read what it wrote before you commit it.
"""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.operations import ops
from sqlalchemy import Column, Connection
from sqlalchemy.dialects import postgresql

from order_service.storage.database import open_database
from order_service.storage.migrate import alembic_config, run_migrations

_POSTGRES: Final[Any] = postgresql.dialect()  # type: ignore[no-untyped-call]
_WIDEST_FIRST: Final = ("BIGINT", "DOUBLE PRECISION", "INTEGER", "SMALLINT")


async def make_migration(message: str) -> None:
    """Compares the schema with an empty database that all migrations have run on."""
    with tempfile.TemporaryDirectory() as directory:
        database = open_database(f"sqlite:///{Path(directory) / 'orders.db'}")
        await database.write(run_migrations)

        def compare(connection: Connection) -> None:
            command.revision(
                alembic_config(connection),
                message,
                autogenerate=True,
                process_revision_directives=widest_first,
            )

        await database.write(compare)
        await database.close()


def widest_first(_context: Any, _revision: Any, directives: list[Any]) -> None:
    """Puts the columns of new tables in the order of their widths, texts last.

    PostgreSQL leaves room between a narrow column and a wide one.
    """
    for step in directives[0].upgrade_ops.ops:
        if isinstance(step, ops.CreateTableOp):
            step.columns = sorted(step.columns, key=_width)


def _width(part: Any) -> int:
    """The place of a part in its table; parts that are no columns come last."""
    kind = part.type.compile(dialect=_POSTGRES) if isinstance(part, Column) else ""
    return _WIDEST_FIRST.index(kind) if kind in _WIDEST_FIRST else len(_WIDEST_FIRST)


if __name__ == "__main__":
    asyncio.run(make_migration(sys.argv[1]))
