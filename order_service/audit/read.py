"""Reads orders for the audit, a slice at a time. Each function is given a connection."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, func, select

from order_service.audit.case import Case
from order_service.order.model import HistoryEntry
from order_service.storage.history import ENTRIES
from order_service.storage.load import load_orders
from order_service.storage.rows import ROW_KINDS
from order_service.storage.schema import history, orders, reviews

_IDS: "BindParameter[Any]" = bindparam("ids", expanding=True)
_SLICE = (
    select(orders.c.order_id)
    .where(orders.c.tenant == bindparam("tenant"), orders.c.order_id > bindparam("after"))
    .order_by(orders.c.order_id)
    .limit(bindparam("count"))
)
_HISTORY = ENTRIES.where(history.c.order_id.in_(_IDS)).order_by(*history.primary_key.columns)
_REVIEWED = select(reviews.c.order_id).where(reviews.c.order_id.in_(_IDS)).distinct()
_VERSIONS = select(orders.c.order_id, orders.c.version).where(orders.c.order_id.in_(_IDS))
_TENANTS = select(orders.c.order_id, orders.c.tenant).where(orders.c.order_id.in_(_IDS))
_entry = ROW_KINDS[HistoryEntry].from_row


def count(connection: Connection, tenant: str) -> tuple[int, int]:
    """The number of a tenant's orders, and when the first was placed; 0 without any."""
    columns = select(func.count(), func.min(orders.c.created_at_ms))
    number, first_at_ms = connection.execute(columns.where(orders.c.tenant == tenant)).one()
    return number, first_at_ms or 0


def order_ids(connection: Connection, tenant: str, after: str, count: int) -> Sequence[str]:
    """The ids of the next orders, those after an id."""
    wanted = {"tenant": tenant, "after": after, "count": count}
    return connection.scalars(_SLICE, wanted).all()


def read_cases(connection: Connection, ids: Sequence[str], now_ms: int) -> list[Case]:
    """Reads the orders that exist, with their histories, in the order of `ids`.

    An order that is changed while it is read (where a transaction sees what others commit
    meanwhile) has a history that ends elsewhere; `moved_since` tells.
    """
    wanted = {"ids": list(ids)}
    found = load_orders(connection, ids)
    if not found:
        return []
    entries: dict[str, list[HistoryEntry]] = defaultdict(list)
    for row in connection.execute(_HISTORY, wanted):
        entry: HistoryEntry = _entry(row)
        entries[entry.order_id].append(entry)
    reviewed = set(connection.scalars(_REVIEWED, wanted))
    return [
        Case(found[order_id], entries[order_id], now_ms, reviewed=order_id in reviewed)
        for order_id in ids
        if order_id in found
    ]


def moved_since(connection: Connection, cases: Sequence[Case]) -> set[str]:
    """The ids of the orders that have another version by now."""
    rows = connection.execute(_VERSIONS, {"ids": [case.order.order_id for case in cases]})
    versions = {row[0]: row[1] for row in rows}
    return {
        case.order.order_id
        for case in cases
        if versions.get(case.order.order_id) != case.order.version
    }


def tenants_of(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    """The tenants of those of the orders that exist, by id."""
    return {row[0]: row[1] for row in connection.execute(_TENANTS, {"ids": list(ids)})}
