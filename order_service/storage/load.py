"""Reads whole orders: one statement a table, however many orders."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, bindparam, select, tuple_

from order_service.model import Incident, Line, Order, Payment, Refund, Shipment, Task
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

_IDS: "BindParameter[Any]" = bindparam("ids", expanding=True)


def _of_orders(table: Any, *order_by: Any) -> "Select[Any]":
    return select(table).where(table.c.order_id.in_(_IDS)).order_by(*order_by)


_ORDERS = select(orders).where(orders.c.order_id.in_(_IDS)).order_by(orders.c.order_id)
# In the order of their ids, so that two writers never wait for one another.
_ORDERS_TO_CHANGE = _ORDERS.with_for_update()
_PARTS: tuple[tuple[type, str, "Select[Any]", int], ...] = tuple(
    (
        kind,
        name,
        _of_orders(table, *table.primary_key.columns),
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
        order.payments.sort(key=lambda payment: _number(payment.payment_id))
        order.refunds.sort(key=lambda refund: _number(refund.refund_id))
        order.shipments.sort(key=lambda shipment: _number(shipment.shipment_id))
        order.incidents.sort(key=lambda incident: _number(incident.incident_id))
    return found


def _number(part_id: str) -> int:
    """`...-p10` comes after `...-p9`."""
    return int(part_id.rpartition("-")[2][1:])


_KEY_COLUMNS = (orders.c.tenant, orders.c.source, orders.c.order_key)
_BY_KEY = select(*_KEY_COLUMNS, orders.c.order_id).where(
    tuple_(*_KEY_COLUMNS).in_(bindparam("keys", expanding=True))
)
_SEEN = select(seen.c.once_key).where(seen.c.once_key.in_(bindparam("keys", expanding=True)))

OrderKey = tuple[str, str, str]
"""Tenant, source, and the caller's key."""


def ids_of_keys(connection: Connection, keys: Sequence[OrderKey]) -> dict[OrderKey, str]:
    """The ids of the orders that were placed under those keys."""
    if not keys:
        return {}
    rows = connection.execute(_BY_KEY, {"keys": [tuple(map(str, key)) for key in keys]})
    return {(row[0], row[1], row[2]): row[3] for row in rows}


def seen_keys(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Those of the keys that had their effect before."""
    if not keys:
        return set()
    return {row[0] for row in connection.execute(_SEEN, {"keys": list(keys)})}
