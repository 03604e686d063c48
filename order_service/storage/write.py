"""Writes drafts: one statement a table, however many drafts."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, Update, bindparam, delete, insert, update

from order_service.draft import Draft
from order_service.model import HistoryEntry, Task
from order_service.storage.database import Conflict
from order_service.storage.rows import ROW_KINDS, order_row
from order_service.storage.schema import order_lines, orders, seen, tasks

Row = Mapping[str, Any]


class Written(NamedTuple):
    """A draft with what the order was before it."""

    draft: Draft
    state_before: str
    version_before: int
    """0 for a new order."""


def _update_of(table: Table, *compared: str) -> Update:
    """Writes all columns of the rows that a primary key names, where `compared` are as expected."""
    keys = [column.name for column in table.primary_key.columns]
    conditions = [table.c[name] == bindparam(f"old_{name}") for name in (*keys, *compared)]
    values: Row = {
        column.name: bindparam(column.name) for column in table.c if column.name not in keys
    }
    return update(table).where(*conditions).values(values)


_MOVE_ORDERS = _update_of(orders, "state", "version")
_UPDATES = {kind: _update_of(row_kind.table) for kind, row_kind in ROW_KINDS.items()}
_END_LINES = delete(order_lines).where(
    order_lines.c.order_id == bindparam("old_order_id"),
    order_lines.c.line_no == bindparam("old_line_no"),
)
_END_TASKS = delete(tasks).where(tasks.c.task_id.in_(bindparam("ids", expanding=True)))


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
            row = _with_old_key(orders, order_row(order))
            moved.append({**row, "old_state": state_before, "old_version": version_before})
        for kind, things in (
            *_by_kind(draft.added),
            (HistoryEntry, draft.history),
            (Task, draft.tasks_made),
        ):
            to_row = ROW_KINDS[kind].to_row
            inserts[kind].extend(to_row(thing, order.order_id) for thing in things)
        for kind, things in _by_kind(draft.changed.values()):
            table, to_row = ROW_KINDS[kind].table, ROW_KINDS[kind].to_row
            updates[kind].extend(
                _with_old_key(table, to_row(thing, order.order_id)) for thing in things
            )
        lines_gone.extend(
            {"old_order_id": order.order_id, "old_line_no": line_no} for line_no in draft.lines_gone
        )
        done.extend(draft.tasks_done)
    _insert(connection, orders, new)
    _move(connection, moved)
    # Those that others refer to come first.
    for kind in ROW_KINDS:
        _insert(connection, ROW_KINDS[kind].table, inserts[kind])
        if updates[kind]:
            connection.execute(_UPDATES[kind], updates[kind])
    if lines_gone:
        connection.execute(_END_LINES, lines_gone)
    if done:
        connection.execute(_END_TASKS, {"ids": done})


def write_seen(connection: Connection, rows: Sequence[Row]) -> None:
    """Writes down what has had its effect."""
    _insert(connection, seen, rows)


def _insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _move(connection: Connection, rows: Sequence[Row]) -> None:
    """Compare-and-set on state and version, for many orders at a time.

    Where the driver does not count what a statement for many rows has changed, a stale version
    collides in the history, whose primary key it is part of.
    """
    if not rows:
        return
    changed = connection.execute(_MOVE_ORDERS, rows).rowcount
    if changed not in (-1, len(rows)):
        raise Conflict("an order is not what it was")


def _by_kind(things: Iterable[Any]) -> list[tuple[type, list[Any]]]:
    kinds: dict[type, list[Any]] = defaultdict(list)
    for thing in things:
        kinds[type(thing)].append(thing)
    return list(kinds.items())


def _with_old_key(table: Table, row: Mapping[str, Any]) -> Row:
    """The parameters of `_update_of`: the key, which never changes, tells which row is meant."""
    keys = {column.name for column in table.primary_key.columns}
    return {f"old_{name}" if name in keys else name: value for name, value in row.items()}
