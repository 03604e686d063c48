"""Reads whole orders: one statement a table, however many orders."""

import json
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final

from sqlalchemy import Connection, Select, literal_column, select

from order_service.order.ids import text_of
from order_service.order.model import Incident, Line, Order, Payment, Refund, Shipment, Task
from order_service.storage.one_of import one_of
from order_service.storage.parts import part_no
from order_service.storage.rows import ROW_KINDS, order_from
from order_service.storage.schema import (
    order_lines,
    orders,
    payments,
    refunds,
    seen,
    shipments,
    tasks,
)
from order_service.storage.schema_fulfilment import incidents


def _of_orders(table: Any) -> "Select[Any]":
    return select(table).where(one_of(table.c.order_id, "ids"))


# PostgreSQL keeps the plans that it made when a table was still small. So no statement here can be
# answered in a way that is only good then: in the order of an index that does not find its rows, or
# by an index that finds too many.
_ORDERS = _of_orders(orders)
# In the order of their ids, so that two writers never wait for one another.
_ORDERS_TO_CHANGE = _ORDERS.order_by(orders.c.order_id + literal_column("0")).with_for_update()
_PARTS: tuple[tuple[type, str, "Select[Any]", int], ...] = tuple(
    (
        kind,
        name,
        _of_orders(table),
        list(table.c).index(table.c.order_id),
    )
    for kind, name, table in (
        (Line, "lines", order_lines),
        (Payment, "payments", payments),
        (Refund, "refunds", refunds),
        (Shipment, "shipments", shipments),
        (Task, "tasks", tasks),
        (Incident, "incidents", incidents),
    )
)


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
        for kind, name, parts, position in _PARTS:
            from_row = ROW_KINDS[kind].from_row
            for row in connection.execute(parts, wanted):
                getattr(found[row[position]], name).append(from_row(row))
    for order in found.values():
        order.lines.sort(key=lambda line: line.line_no)
        order.tasks.sort(key=lambda task: task.task_id)
        order.payments.sort(key=lambda payment: part_no(payment.payment_id))
        order.refunds.sort(key=lambda refund: part_no(refund.refund_id))
        order.shipments.sort(key=lambda shipment: part_no(shipment.shipment_id))
        order.incidents.sort(key=lambda incident: part_no(incident.incident_id))
    return found


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

OrderKey = tuple[str, str, str]
"""Tenant, source, and the caller's key."""


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
    """What had its effect before on those orders: the order's id and the digest of a key."""
    if not order_ids:
        return set()
    return {(row[0], row[1]) for row in connection.execute(_SEEN, {"ids": list(order_ids)})}


def digest_of(key: str) -> int:
    """What is kept of the key of something that has its effect once. Of an order's few keys no two
    have the same one.
    """
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)
