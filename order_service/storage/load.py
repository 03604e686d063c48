"""Reads whole orders: one statement a table, however many orders."""

import json
from collections.abc import Sequence
from functools import cache
from hashlib import blake2b
from typing import Any, Final

from sqlalchemy import Connection, Select, literal_column, select

from order_service.order.ids import text_of
from order_service.order.keys import OrderKey
from order_service.order.model import Line, Order, Task
from order_service.order.parts import PART_KINDS, part_no
from order_service.order.refund_rows import RefundRow
from order_service.storage.one_of import one_of
from order_service.storage.rows import ROW_KINDS, order_from
from order_service.storage.schema import orders, seen


def _of_orders(table: Any) -> "Select[Any]":
    return select(table).where(one_of(table.c.order_id, "ids"))


# PostgreSQL keeps the plans that it made when a table was still small. So no statement here can be
# answered in a way that is only good then: in the order of an index that does not find its rows, or
# by an index that finds too many.
_ORDERS = _of_orders(orders)
# In the order of their ids, so that two writers never wait for one another.
_ORDERS_TO_CHANGE = _ORDERS.order_by(orders.c.order_id + literal_column("0")).with_for_update()


@cache
def _rows_of(struct: type) -> "tuple[Select[Any], int]":
    """The statement for the rows that orders have of a struct, and which column has the order."""
    table = ROW_KINDS[struct].table
    return _of_orders(table), list(table.c).index(table.c.order_id)


def load_orders(
    connection: Connection, order_ids: Sequence[str], *, to_change: bool = False
) -> dict[str, Order]:
    """The orders of those ids that exist. `to_change`: nobody else changes them meanwhile."""
    if not order_ids:
        return {}
    wanted = {"ids": list(order_ids)}
    statement = _ORDERS_TO_CHANGE if to_change else _ORDERS
    found = {row[0]: order_from(row) for row in connection.execute(statement, wanted)}
    if found:
        common = (kind.struct for kind in PART_KINDS.values() if not kind.rare)
        structs: tuple[type, ...] = (Line, *common, Task)
        for struct in structs:
            _load(connection, struct, list(found), found)
        after_sales = [order_id for order_id, order in found.items() if order.after_sales]
        for kind in PART_KINDS.values() if after_sales else ():
            if kind.rare:
                _load(connection, kind.struct, after_sales, found)
        refunding = [order_id for order_id, order in found.items() if order.refunds]
        if refunding:
            _load(connection, RefundRow, refunding, found)
    for order in found.values():
        order.lines.sort(key=lambda line: line.line_no)
        order.tasks.sort(key=lambda task: task.task_id)
        for struct, parts in order.parts.items():
            kind = PART_KINDS[struct]
            parts.sort(key=lambda part: part_no(kind.id_of(part)))
        order.refund_rows.sort(key=lambda row: (part_no(row.refund_id), row.row_no))
    return found


def _load(
    connection: Connection, struct: type, order_ids: Sequence[str], orders_by_id: dict[str, Order]
) -> None:
    """Puts the rows of one struct into their orders."""
    statement, order_id_place = _rows_of(struct)
    from_row = ROW_KINDS[struct].from_row
    for row in connection.execute(statement, {"ids": list(order_ids)}):
        _put(from_row(row), orders_by_id[row[order_id_place]])


def _put(thing: Any, order: Order) -> None:
    if isinstance(thing, Line):
        order.lines.append(thing)
    elif isinstance(thing, Task):
        order.tasks.append(thing)
    elif isinstance(thing, RefundRow):
        order.refund_rows.append(thing)
    else:
        order.add(thing)


_BY_KEY: Final = {
    "postgresql": """
        SELECT tenant, source, order_key, order_id
        FROM unnest($1::TEXT[], $2::TEXT[], $3::TEXT[]) AS given (tenant, source, order_key)
        JOIN orders USING (tenant, source, order_key)
    """,
    "sqlite": """
        SELECT tenant, source, order_key, order_id
        FROM json_each(?) AS given
        JOIN orders ON tenant = json_extract(given.value, '$[0]')
            AND source = json_extract(given.value, '$[1]')
            AND order_key = json_extract(given.value, '$[2]')
    """,
}
_SEEN = select(seen.c.order_id, seen.c.once).where(one_of(seen.c.order_id, "ids"))


def ids_of_keys(connection: Connection, keys: Sequence[OrderKey]) -> dict[OrderKey, str]:
    """The ids of the orders that were placed under those keys."""
    if not keys:
        return {}
    kind = connection.dialect.name
    given: Any = tuple(zip(*keys, strict=True)) if kind == "postgresql" else (json.dumps(keys),)
    found = connection.exec_driver_sql(_BY_KEY[kind], given)
    return {
        (tenant, source, order_key): text_of(number) for tenant, source, order_key, number in found
    }


def seen_by(connection: Connection, order_ids: Sequence[str]) -> set[tuple[str, int]]:
    """Effects that those orders have had before: the order's id and the digest of a key."""
    if not order_ids:
        return set()
    return {(row[0], row[1]) for row in connection.execute(_SEEN, {"ids": list(order_ids)})}


def digest_of(key: str) -> int:
    """The digest kept of the key of an effect that comes once. Of an order's few keys no two
    have the same one.
    """
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)
