"""Statements for many rows at a time, which go to the driver as they are.

SQLAlchemy makes a dictionary and a list of each row and looks at the type of each parameter, which
takes longer than the driver does. Here a statement is rendered once a dialect, and a row is a tuple
of what the driver takes.
"""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Delete, Insert, Table, Update, bindparam, insert, update

Row = tuple[Any, ...]


class Bulk:
    """A statement with parameters of those `names`; a row has their values, in that order."""

    def __init__(self, statement: Insert | Update | Delete, names: Sequence[str]) -> None:
        self._statement = statement
        self._names = list(names)
        self._rendered: dict[str, tuple[str, Callable[[Row], Row]]] = {}

    def execute(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Runs it for each row. How many rows that changed; -1 where the driver does not count."""
        if not rows:
            return 0
        text, arranged = self._rendered_for(connection)
        return connection.exec_driver_sql(text, [arranged(row) for row in rows]).rowcount

    def _rendered_for(self, connection: Connection) -> tuple[str, Callable[[Row], Row]]:
        dialect = connection.dialect
        if dialect.name not in self._rendered:
            compiled: Any = self._statement.compile(dialect=dialect)
            positions = map(self._names.index, compiled.positiontup)
            self._rendered[dialect.name] = str(compiled), itemgetter(*positions)
        return self._rendered[dialect.name]


def insert_into(table: Table) -> Bulk:
    """Adds rows, which have the values of all columns."""
    return Bulk(insert(table).inline(), [column.name for column in table.c])


def update_of(table: Table, *compared: str) -> Bulk:
    """Writes all columns of the rows that a primary key names, where `compared` are as expected.

    A row has the values of all columns, then what is expected of those compared.
    """
    names = [column.name for column in table.c]
    keys = [column.name for column in table.primary_key.columns]
    # A key never changes, so it tells which row is meant as well.
    conditions = [table.c[name] == bindparam(f"old_{name}") for name in (*keys, *compared)]
    values: dict[str, Any] = {name: bindparam(name) for name in names if name not in keys}
    parameters = [f"old_{name}" if name in keys else name for name in names]
    expected = [f"old_{name}" for name in compared]
    return Bulk(update(table).where(*conditions).values(values), [*parameters, *expected])
