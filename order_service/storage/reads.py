"""Reads parts of orders: lists, timelines, contact logs, receipts.

Functions of a plain `Connection`, for `Orders.read`. Pages are found by key, never by counting:
each begins after the last thing of the page before, however many came in between. A list returns
at most `size` things.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Select, func, select, tuple_

from order_service.order.bounds import BOUNDS
from order_service.order.ids import least_of
from order_service.order.keys import key_and_channel
from order_service.order.model import HistoryEntry, Remark
from order_service.order.receipts import Receipt
from order_service.storage.history import ENTRIES
from order_service.storage.rows import ROW_KINDS
from order_service.storage.schema import history, order_merchants, orders, receipts, remarks

# By how much the time in an order's id may differ from when it was placed: processes' clocks do.
ID_SKEW_MS: Final = 60_000


class Summary(NamedTuple):
    """An order as a list shows it."""

    order_id: str
    source: str
    order_key: str
    state: str
    buyer_id: str
    currency: str
    total_minor: int
    payment_due_at_ms: int
    created_at_ms: int
    updated_at_ms: int
    waits_until_at_ms: int
    held_at_ms: int
    channel: str


class Wanted(NamedTuple):
    """Which of a tenant's orders; "" and 0 mean any."""

    tenant: str
    buyer_id: str = ""
    state: str = ""
    source: str = ""
    placed_from_at_ms: int = 0
    placed_before_at_ms: int = 0
    merchant_id: str = ""


_KEY: Final = Summary._fields.index("order_key")
SUMMARY: Final = tuple(
    func.coalesce(orders.c[name], 0) if orders.c[name].nullable else orders.c[name]
    for name in Summary._fields
    if name != "channel"
)


def summary_of(row: Sequence[Any]) -> Summary:
    """The summary in a row of `SUMMARY`."""
    order_key, channel = key_and_channel(row[_KEY])
    return Summary._make((*row[:_KEY], order_key, *row[_KEY + 1 :], channel))


def list_orders(connection: Connection, wanted: Wanted, size: int, after: str) -> list[Summary]:
    """Orders, the newest first, of those before the id `after`; "" means from the newest."""
    rows = connection.execute(_list_statement(wanted, size, after))
    return [summary_of(row) for row in rows]


def _list_statement(wanted: Wanted, size: int, after: str) -> "Select[Any]":
    statement = select(*SUMMARY).where(orders.c.tenant == wanted.tenant)
    for column, value in (
        (orders.c.buyer_id, wanted.buyer_id),
        (orders.c.state, wanted.state),
        (orders.c.source, wanted.source),
    ):
        if value:
            statement = statement.where(column == value)
    if wanted.merchant_id:
        statement = statement.join(order_merchants, order_merchants.c.order_id == orders.c.order_id)
        statement = statement.where(
            order_merchants.c.tenant == wanted.tenant,
            order_merchants.c.merchant_id == wanted.merchant_id,
        )
    # Of a merchant's orders those are read that its index begins with.
    order_id = order_merchants.c.order_id if wanted.merchant_id else orders.c.order_id
    if wanted.placed_from_at_ms:
        at_ms = wanted.placed_from_at_ms
        first = least_of(max(at_ms - ID_SKEW_MS, 0))
        statement = statement.where(order_id >= first, orders.c.created_at_ms >= at_ms)
    if wanted.placed_before_at_ms:
        at_ms = wanted.placed_before_at_ms
        end = least_of(at_ms + ID_SKEW_MS)
        statement = statement.where(order_id < end, orders.c.created_at_ms < at_ms)
    if after:
        statement = statement.where(order_id < after)
    return statement.order_by(order_id.desc()).limit(size)


def order_exists(connection: Connection, tenant: str, order_id: str) -> bool:
    """Whether a tenant has an order."""
    statement = select(orders.c.order_id).where(
        orders.c.order_id == order_id, orders.c.tenant == tenant
    )
    return connection.execute(statement).first() is not None


def timeline_of(
    connection: Connection, order_id: str, size: int, after: tuple[int, int]
) -> list[HistoryEntry]:
    """An order's history, the oldest first; `after` a version and the number of its entry."""
    key = (history.c.version, history.c.entry_no)
    statement = ENTRIES.where(history.c.order_id == order_id, tuple_(*key) > after)
    return _read(connection, HistoryEntry, statement.order_by(*key).limit(size))


def remarks_of(
    connection: Connection, order_id: str, size: int, after: tuple[int, str]
) -> list[Remark]:
    """An order's contact log, the oldest first; `after` the time and id of a remark."""
    key = (remarks.c.at_ms, remarks.c.remark_id)
    statement = select(remarks).where(remarks.c.order_id == order_id, tuple_(*key) > after)
    return _read(connection, Remark, statement.order_by(*key).limit(size))


def remark_of(connection: Connection, order_id: str, remark_id: str) -> Remark | None:
    """One entry of a contact log."""
    statement = select(remarks).where(
        remarks.c.order_id == order_id, remarks.c.remark_id == remark_id
    )
    found: list[Remark] = _read(connection, Remark, statement)
    return found[0] if found else None


def log_has_room(connection: Connection, order_id: str, remark_id: str) -> bool:
    """Whether a contact log takes an entry: one that is there already, or one more."""
    of_order = remarks.c.order_id == order_id
    count = select(func.count()).select_from(remarks).where(of_order)
    is_full = connection.execute(count).scalar_one() >= BOUNDS[Remark].most
    return not is_full or remark_of(connection, order_id, remark_id) is not None


def receipt_of(connection: Connection, order_id: str) -> Receipt | None:
    """The receipt of an order, if it was made."""
    statement = select(receipts).where(receipts.c.order_id == order_id)
    found: list[Receipt] = _read(connection, Receipt, statement)
    return found[0] if found else None


def _read(connection: Connection, kind: type, statement: "Select[Any]") -> list[Any]:
    return [ROW_KINDS[kind].from_row(row) for row in connection.execute(statement)]
