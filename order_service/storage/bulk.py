"""Statements for many rows at a time, which go to the driver as they are.

SQLAlchemy makes a dictionary and a list of each row and looks at the type of each parameter, which
takes longer than the driver does. Here a statement is rendered once, and a row is a tuple of what
the driver takes. SQLite runs it for each row; PostgreSQL gets all rows as columns and runs it once,
because to run it for each row takes several times as long there.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Column, Connection, Table
from sqlalchemy.dialects import postgresql

from order_service.storage.columns import KNOWN_IS_KEPT, Id

Row = tuple[Any, ...]

_POSTGRES: Final[Any] = postgresql.dialect()  # type: ignore[no-untyped-call]


class Bulk:
    """A statement whose rows have the values of `columns`.

    `each` is it for one row, whose values are `?1`, `?2` and so on; `together` is it for the rows
    of `{given}`, whose columns are `given.v1`, `given.v2` and so on.
    """

    def __init__(self, columns: Sequence["Column[Any]"], each: str, together: str) -> None:
        types = enumerate((column.type.compile(dialect=_POSTGRES) for column in columns), 1)
        arrays = _listed(f"${number}::{type_}[]" for number, type_ in types)
        names = _listed(f"v{number}" for number in range(1, len(columns) + 1))
        self._ids = [number for number, column in enumerate(columns) if isinstance(column.type, Id)]
        self._each = each
        self._together = together.format(given=f"unnest({arrays}) AS given ({names})")

    def execute(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Runs it for all rows. Returns how many rows of its table that has changed."""
        if not rows:
            return 0
        if connection.dialect.name == "postgresql":
            columns = list(map(list, zip(*rows, strict=True)))
            for number in self._ids:
                columns[number] = list(map(int, columns[number]))
            return connection.exec_driver_sql(self._together, tuple(columns)).rowcount
        # SQLite itself makes a number of a text of digits that is put where numbers are.
        return connection.exec_driver_sql(self._each, list(rows)).rowcount


def insert_into(table: Table) -> Bulk:
    """Adds rows, which have the values of all columns.

    One whose key is there already is an error, or left as it is (`KNOWN_IS_KEPT`).
    """
    columns = list(table.c)
    or_not = " ON CONFLICT DO NOTHING" if table.info.get(KNOWN_IS_KEPT) else ""
    names = _listed(column.name for column in columns)
    marks = _listed(f"?{number}" for number in range(1, len(columns) + 1))
    return Bulk(
        columns,
        f"INSERT INTO {table.name} ({names}) VALUES ({marks}){or_not}",
        f"INSERT INTO {table.name} ({names}) SELECT * FROM {{given}}{or_not}",
    )


def update_of(table: Table, *compared: str, but: Collection[str] = ()) -> Bulk:
    """Writes the rows that a primary key names, where `compared` are as expected.

    A row has the values of all columns, then what is expected of those compared. All are written
    `but` some: SQLite writes the index of a column again that is written, also where its value is
    what it was.
    """
    numbered = list(enumerate(table.c, 1))
    keys = [(number, column) for number, column in numbered if column.primary_key]
    values = [
        (number, column)
        for number, column in numbered
        if not column.primary_key and column.name not in but
    ]
    expected = list(enumerate((table.c[name] for name in compared), len(numbered) + 1))

    def statement(mark: str, source: str) -> str:
        given = [f"{column.name} = {mark}{number}" for number, column in values]
        met = [f"{table.name}.{column.name} = {mark}{number}" for number, column in keys + expected]
        return f"UPDATE {table.name} SET {_listed(given)}{source} WHERE {' AND '.join(met)}"

    columns = [*table.c, *(column for _, column in expected)]
    return Bulk(columns, statement("?", ""), statement("given.v", " FROM {given}"))


def delete_by_key(table: Table) -> Bulk:
    """Takes out the rows that a primary key names; a row has its values."""
    keys = list(table.primary_key.columns)

    def statement(mark: str, source: str) -> str:
        met = [f"{table.name}.{key.name} = {mark}{number}" for number, key in enumerate(keys, 1)]
        return f"DELETE FROM {table.name}{source} WHERE {' AND '.join(met)}"

    return Bulk(keys, statement("?", ""), statement("given.v", " USING {given}"))


def _listed(parts: Iterable[str]) -> str:
    return ", ".join(parts)
