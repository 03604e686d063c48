"""The tasks of all orders: claimed, kept, given back, put off, buried, listed and replayed.

A task is written and ended with its order, in one transaction (`write.py`); what happens to it in
between is here. Who does a task has a lease of it: for so long nobody else claims it. A lease that
ran out belongs to whoever claims the task next, so what a dead process left is done by another.

Every update names the owner it expects: a process that was stopped for longer than its lease
changes nothing of what others have taken over meanwhile.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    case,
    delete,
    exists,
    func,
    not_,
    or_,
    select,
    update,
)

from order_service.order.model import Order, Task
from order_service.order.tasks import TASKS, TaskKind
from order_service.storage.load import load_orders
from order_service.storage.rows import ROW_KINDS
from order_service.storage.schema import orders, tasks

LEASE_MS = 10_000
# By how much the clocks of processes may differ before two of them do a task at the same time;
# even then it has its effect once.
SKEW_MS = 2_000

_task = ROW_KINDS[Task].from_row
_BLOCKING = [kind for kind, row in TASKS.items() if row.blocks]
_earlier = tasks.alias("earlier")
_IS_HELD_UP = exists().where(
    _earlier.c.order_id == tasks.c.order_id,
    _earlier.c.lane == tasks.c.lane,
    _earlier.c.task_id < tasks.c.task_id,
    or_(_earlier.c.dead == 0, _earlier.c.kind.in_(_BLOCKING)),
)
# A lease that ends later than any that is given now was given by a clock that is wrong.
_IS_LEASED = tasks.c.lease_until_ms.between(bindparam("lease_from"), bindparam("lease_to"))
_CLAIMABLE = (
    select(tasks)
    .where(
        tasks.c.dead == 0,
        tasks.c.due_at_ms <= bindparam("now_ms"),
        not_(_IS_LEASED),
        tasks.c.kind.in_(bindparam("kinds", expanding=True)),
        tasks.c.task_id.not_in(bindparam("without", expanding=True)),
        not_(_IS_HELD_UP),
    )
    .order_by(tasks.c.due_at_ms, tasks.c.task_id)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_IDS = tasks.c.task_id.in_(bindparam("ids", expanding=True))
_OURS = tasks.c.owner == bindparam("our_name")
_CLAIM = (
    update(tasks)
    .where(_IDS)
    .values(
        # Whoever had it has ended without a word, or stands still. That is no failed attempt, but
        # it is counted: a task that ends every process must not be tried for ever.
        taken_over=tasks.c.taken_over
        + case((tasks.c.owner.not_in(("", bindparam("our_name"))), 1), else_=0),
        owner=bindparam("our_name"),
        lease_until_ms=bindparam("until_ms"),
    )
)
_RENEW = (
    update(tasks)
    .where(_IDS, _OURS)
    .values(lease_until_ms=bindparam("until_ms"))
    .returning(tasks.c.task_id)
)
_GIVE_BACK = update(tasks).where(_IDS, _OURS).values(owner="", lease_until_ms=0)
_FAIL = (
    update(tasks)
    .where(tasks.c.task_id == bindparam("failed_id"), _OURS)
    .values(
        attempts=bindparam("new_attempts"),
        taken_over=bindparam("new_taken_over"),
        due_at_ms=bindparam("new_due_at_ms"),
        dead=bindparam("new_dead"),
        last_error=bindparam("new_error"),
        owner="",
        lease_until_ms=0,
    )
)


class Taken(NamedTuple):
    """A task that a process has a lease of, and its order as it was then."""

    order: Order
    task: Task


class Failure(NamedTuple):
    """A task that could not be done: when it is tried again, or that it is given up."""

    task_id: str
    attempts: int
    """With the one that failed."""
    due_at_ms: int
    dead: bool
    error: str
    """Why; never personal."""
    taken_over: int = 0
    """The count that is kept: 0, where the attempt came to its end."""


def claim(
    connection: Connection,
    owner: str,
    now_ms: int,
    limit: int,
    kinds: Collection[TaskKind] = tuple(TaskKind),
    without: Collection[str] = (),
) -> list[Taken]:
    """Takes tasks that are due: the first of their lanes, that nobody has a lease of, but for those
    `without`, whose ids are given.

    Of two claimers none gets what the other has, and none waits for the other.
    """
    wanted = {
        "now_ms": now_ms,
        "kinds": list(kinds),
        "without": list(without),
        "limit": limit,
        "lease_from": now_ms - SKEW_MS,
        "lease_to": now_ms + LEASE_MS + SKEW_MS,
    }
    found: list[Task] = [_task(row) for row in connection.execute(_CLAIMABLE, wanted)]
    if not found:
        return []
    until_ms = now_ms + LEASE_MS
    ids = [task.task_id for task in found]
    connection.execute(_CLAIM, {"ids": ids, "our_name": owner, "until_ms": until_ms})
    loaded = load_orders(connection, list({task.order_id for task in found}))
    claimed = {task.task_id: task for order in loaded.values() for task in order.tasks}
    return [Taken(loaded[task.order_id], claimed[task.task_id]) for task in found]


def renew(
    connection: Connection, owner: str, task_ids: Collection[str], now_ms: int
) -> Sequence[str]:
    """Keeps tasks for another lease; returns the ids of those that nobody has taken over."""
    if not task_ids:
        return []
    values = {"ids": sorted(task_ids), "our_name": owner, "until_ms": now_ms + LEASE_MS}
    return connection.scalars(_RENEW, values).all()


def give_back(connection: Connection, owner: str, task_ids: Collection[str]) -> None:
    """Lets others have tasks at once."""
    if task_ids:
        connection.execute(_GIVE_BACK, {"ids": sorted(task_ids), "our_name": owner})


def end(connection: Connection, task_ids: Collection[str]) -> None:
    """Takes tasks off their lists that were done and changed nothing of their orders."""
    if task_ids:
        connection.execute(delete(tasks).where(_IDS), {"ids": sorted(task_ids)})


def write_failures(connection: Connection, owner: str, failures: Sequence[Failure]) -> None:
    """Puts tasks off, and buries those that are given up."""
    if failures:
        rows = [
            {
                "failed_id": failure.task_id,
                "our_name": owner,
                "new_attempts": failure.attempts,
                "new_due_at_ms": failure.due_at_ms,
                "new_dead": int(failure.dead),
                "new_error": failure.error,
                "new_taken_over": failure.taken_over,
            }
            for failure in sorted(failures)
        ]
        connection.execute(_FAIL, rows)


class TaskFilter(NamedTuple):
    """Which of a tenant's tasks are meant; "" and False leave it open."""

    tenant: str
    dead: bool = False
    kind: str = ""
    order_id: str = ""


def list_tasks(
    connection: Connection, wanted: TaskFilter, size: int, after: str = ""
) -> list[Task]:
    """Tasks in the order in which they were made, from the one after the id `after`."""
    statement = (
        select(tasks)
        .where(*_conditions(wanted), tasks.c.task_id > after)
        .order_by(tasks.c.task_id)
        .limit(size)
    )
    return [_task(row) for row in connection.execute(statement)]


def find_task(connection: Connection, tenant: str, task_id: str) -> Task | None:
    """A task of one of the tenant's orders, if it is there."""
    statement = select(tasks).where(*_conditions(TaskFilter(tenant)), tasks.c.task_id == task_id)
    row = connection.execute(statement).one_or_none()
    return _task(row) if row else None


def replay(
    connection: Connection, wanted: TaskFilter, now_ms: int, task_ids: Collection[str] = ()
) -> list[str]:
    """Has dead tasks done again, with all their attempts; says which those were.

    None of `task_ids` means all that are dead and match.
    """
    dead = _conditions(wanted._replace(dead=True))
    if task_ids:
        dead.append(tasks.c.task_id.in_(task_ids))
    chosen = select(tasks.c.task_id).where(*dead).with_for_update(skip_locked=True)
    ids = list(connection.scalars(chosen))
    if ids:
        revived = (
            update(tasks).where(_IDS).values(dead=0, attempts=0, taken_over=0, due_at_ms=now_ms)
        )
        connection.execute(revived, {"ids": ids})
    return ids


def _conditions(wanted: TaskFilter) -> list[ColumnElement[bool]]:
    of_tenant = select(orders.c.tenant).where(orders.c.order_id == tasks.c.order_id)
    conditions = [of_tenant.scalar_subquery() == wanted.tenant]
    if wanted.dead:
        conditions.append(tasks.c.dead == 1)
    if wanted.kind:
        conditions.append(tasks.c.kind == wanted.kind)
    if wanted.order_id:
        conditions.append(tasks.c.order_id == wanted.order_id)
    return conditions


class Queue(NamedTuple):
    """The number of tasks of one kind, and how late they are."""

    due: int = 0
    """Running ones among them."""
    later: int = 0
    dead: int = 0
    oldest_due_at_ms: int = 0
    """0 if none is due."""


def queues(
    connection: Connection, now_ms: int, *, with_later: bool = True
) -> dict[TaskKind, Queue]:
    """Counts the tasks of all tenants by kind.

    With what is due later every task is read; without, only those that are due or dead.
    """
    is_due = (tasks.c.due_at_ms <= now_ms).label("is_due")
    counts = (func.count(), func.min(tasks.c.due_at_ms))
    statement = select(tasks.c.kind, tasks.c.dead, is_due, *counts)
    if not with_later:
        statement = statement.where(or_(tasks.c.dead == 1, tasks.c.due_at_ms <= now_ms))
    found = dict.fromkeys(TaskKind, Queue())
    for kind, dead, due, count, oldest_due_at_ms in connection.execute(
        statement.group_by(tasks.c.kind, tasks.c.dead, is_due)
    ):
        queue = found[kind]
        if dead:
            found[kind] = queue._replace(dead=queue.dead + count)
        elif due:
            found[kind] = queue._replace(due=count, oldest_due_at_ms=oldest_due_at_ms)
        else:
            found[kind] = queue._replace(later=count)
    return found
