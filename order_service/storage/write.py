"""Writes drafts: one statement a table, however many drafts."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete

from order_service.order.draft import Draft
from order_service.storage.bulk import Bulk, Row, delete_by_key, insert_into, update_of
from order_service.storage.database import Conflict
from order_service.storage.one_of import one_of
from order_service.storage.rows import ROW_KINDS, order_row
from order_service.storage.schema import order_lines, orders, seen, tasks


class Written(NamedTuple):
    """A draft with what the order was before it."""

    draft: Draft
    state_before: str
    version_before: int
    """0 for a new order."""


_NEW_ORDERS = insert_into(orders)
_MOVE_ORDERS = update_of(orders, "state", "version")
_SEEN = insert_into(seen)
_END_LINES = delete_by_key(order_lines)
_END_TASKS = delete(tasks).where(one_of(tasks.c.task_id, "ids"))


def write_drafts(connection: Connection, all_written: Sequence[Written]) -> None:
    """Writes what the drafts changed. Raises Conflict where an order is not what it was."""
    new: list[Row] = []
    moved: list[Row] = []
    inserts: dict[type, list[Row]] = defaultdict(list)
    updates: dict[type, list[Row]] = defaultdict(list)
    lines_gone: list[Row] = []
    done: list[str] = []
    for draft, state_before, version_before in all_written:
        order = draft.order
        if not version_before:
            new.append(order_row(order))
        elif order.version != version_before:
            moved.append((*order_row(order), state_before, version_before))
        _add_rows(inserts, (*draft.added, *draft.history, *draft.tasks_made), order.order_id)
        _add_rows(updates, draft.changed.values(), order.order_id)
        lines_gone.extend((order.order_id, line_no) for line_no in draft.lines_gone)
        done.extend(draft.tasks_done)
    _NEW_ORDERS.execute(connection, new)
    _move(connection, moved)
    for struct in ROW_KINDS.in_order():
        if struct in inserts:
            _insert_of(struct).execute(connection, inserts[struct])
        if struct in updates:
            _update_of(struct).execute(connection, updates[struct])
    _END_LINES.execute(connection, lines_gone)
    if done:
        connection.execute(_END_TASKS, {"ids": done})


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


def _move(connection: Connection, rows: Sequence[Row]) -> None:
    """Compare-and-set on state and version, for many orders at a time."""
    if _MOVE_ORDERS.execute(connection, rows) != len(rows):
        raise Conflict("an order is not what it was")
