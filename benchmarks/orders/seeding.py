"""Fills the database of an order service with orders: copies of one that was placed.

By SQL that both databases understand, because to place a million takes a quarter of an hour.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Text,
    cast,
    insert,
    literal,
    literal_column,
    select,
    text,
)
from sqlalchemy.sql.expression import ColumnElement

from order_service.storage.database import open_database
from order_service.storage.schema import history, order_lines, orders

# The numbers of their ids: lower than all ids that are made from the time.
FIRST_ID = 10**17


def buyer_of(number: int, buyers: int) -> str:
    """The buyer of the n-th copy."""
    return f"seeded-{number % buyers}"


async def seed(url: str, template_id: str, count: int, buyers: int) -> None:
    """Copies an order with its lines and history `count` times; each buyer gets equally many."""
    database = open_database(url)
    try:
        await database.write(lambda connection: _copy(connection, template_id, count, buyers))
        await database.write(lambda connection: connection.execute(text("ANALYZE")))
    finally:
        await database.close()


def _copy(connection: Connection, template_id: str, count: int, buyers: int) -> None:
    number: ColumnElement[int] = literal_column("number", BigInteger)
    first = select(literal(0, BigInteger).label("number")).cte("numbers", recursive=True)
    numbers = first.union_all(select(first.c.number + 1).where(first.c.number < count - 1))
    order_id = literal(FIRST_ID, BigInteger) + number
    changed: dict[str, ColumnElement[Any]] = {
        "order_id": order_id,
        "order_key": literal("seeded-") + cast(number, Text),
        "buyer_id": literal("seeded-") + cast(number % buyers, Text),
    }
    for table in (orders, order_lines, history):
        columns = [changed.get(each.name, each).label(each.name) for each in table.c]
        copies = select(*columns).select_from(numbers.join(table, table.c.order_id == template_id))
        connection.execute(insert(table).from_select(list(table.c.keys()), copies))
