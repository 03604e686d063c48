"""All rows of a database, to hold one state of it against another."""

from typing import Any

from sqlalchemy import Connection, select

from order_service.storage.schema import METADATA


def all_rows(connection: Connection) -> dict[str, list[Any]]:
    """The rows of each table, in an order of their own."""
    return {
        name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
        for name, table in METADATA.tables.items()
    }
