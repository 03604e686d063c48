"""Writes drafts: one statement a table, however many drafts."""

from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection

from order_service.order.draft import Draft
from order_service.storage.bulk import Bulk, Row, delete_by_key, insert_into, update_of
from order_service.storage.database import Conflict
from order_service.storage.ledger import write_journals
from order_service.storage.rows import ROW_KINDS, order_row
from order_service.storage.schema import order_lines, orders, seen, tasks


class Written(NamedTuple):
    """A draft with what the order was before it."""

    draft: Draft
    state_before: str
    version_before: int
    """0 for a new order."""


# Columns that are written once, with the order.
_PLACED_WITH = (
    *("tenant", "source", "order_key", "buyer_id", "currency", "shortage_policy", "fingerprint"),
    "created_at_ms",
)
_NEW_ORDERS = insert_into(orders)
_MOVE_ORDERS = update_of(orders, "state", "version", but=(*_PLACED_WITH, "delivery"))
_CORRECT_ORDERS = update_of(orders, "state", "version", but=_PLACED_WITH)
_SEEN = insert_into(seen)
_END_LINES = delete_by_key(order_lines)
_END_TASKS = delete_by_key(tasks)


def write_drafts(
    connection: Connection, all_written: Sequence[Written], accounts: Container[int] = ()
) -> None:
    """Writes what the drafts changed. Raises Conflict where an order is not what it was.

    `accounts` are those of the ledger that are surely there.
    """
    new: list[Row] = []
    moved: list[Row] = []
    corrected: list[Row] = []
    inserts: dict[type, list[Row]] = defaultdict(list)
    updates: dict[type, list[Row]] = defaultdict(list)
    lines_gone: list[Row] = []
    done: list[Row] = []
    for draft, state_before, version_before in all_written:
        order = draft.order
        if not version_before:
            new.append(order_row(order))
        elif order.version != version_before:
            rows = corrected if "delivery" in draft.order_changed else moved
            rows.append((*order_row(order), state_before, version_before))
        _add_rows(inserts, (*draft.added, *draft.history, *draft.tasks_made), order.order_id)
        _add_rows(updates, draft.changed.values(), order.order_id)
        lines_gone.extend((order.order_id, line_no) for line_no in draft.lines_gone)
        done.extend((task_id,) for task_id in draft.tasks_done)
    _NEW_ORDERS.execute(connection, new)
    _move(connection, _MOVE_ORDERS, moved)
    _move(connection, _CORRECT_ORDERS, corrected)
    for struct in ROW_KINDS.in_order():
        if struct in inserts:
            _insert_of(struct).execute(connection, inserts[struct])
        if struct in updates:
            _update_of(struct).execute(connection, updates[struct])
    _END_LINES.execute(connection, lines_gone)
    _END_TASKS.execute(connection, done)
    journals = [journal for written in all_written for journal in written.draft.journals]
    if journals:
        write_journals(connection, journals, accounts)


@cache
def _insert_of(struct: type) -> Bulk:
    return insert_into(ROW_KINDS[struct].table)


@cache
def _update_of(struct: type) -> Bulk:
    return update_of(ROW_KINDS[struct].table)


def write_seen(connection: Connection, rows: Sequence[Row]) -> None:
    """Writes down what has had its effect: the order, and the digest of its key."""
    _SEEN.execute(connection, rows)


def _add_rows(rows: dict[type, list[Row]], things: Iterable[Any], order_id: str) -> None:
    for thing in things:
        kind = type(thing)
        rows[kind].append(ROW_KINDS[kind].to_row(thing, order_id))


def _move(connection: Connection, statement: Bulk, rows: Sequence[Row]) -> None:
    """Compare-and-set on state and version, for many orders at a time."""
    if statement.execute(connection, rows) != len(rows):
        raise Conflict("an order is not what it was")
