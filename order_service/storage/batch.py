"""One batch: loads the orders that are to be changed, has each change decided, writes them all.

The whole batch is one transaction, so its cost, the fsync above all, is shared. A decision that
raises takes nothing of its neighbours with it: its draft is not written.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import structs
from sqlalchemy import Connection

from order_service.draft import Draft
from order_service.ids import Ids
from order_service.model import Order, Task
from order_service.storage.bulk import Row
from order_service.storage.load import OrderKey, ids_of_keys, load_orders, seen_keys
from order_service.storage.tasks import Taken
from order_service.storage.write import Written, write_drafts, write_seen

Decide = Callable[[Draft], Any]


class OrderNotFound(Exception):
    """There is no order of that id."""

    def __init__(self, order_id: str) -> None:
        super().__init__(order_id)
        self.order_id = order_id


class AlreadySeen(Exception):
    """What was to have its effect once has had it."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be changed of an order: by whom, and the decision.

    `once` is the key of what must have its effect only once; "" for what may have it again.
    """

    order_id: str
    decide: Decide
    actor: str
    once: str = ""

    @property
    def claim(self) -> object:
        """Of changes with the same claim a batch has one."""
        return self.order_id


@dataclass(frozen=True, slots=True)
class Placing:
    """A new order, and what is decided on it first."""

    order: Order
    decide: Decide
    actor: str

    @property
    def key(self) -> OrderKey:
        """What makes it the same order when it is sent again."""
        return (self.order.tenant, self.order.source, self.order.order_key)

    @property
    def claim(self) -> object:
        """Of placings with the same claim a batch has one."""
        return self.key


@dataclass(frozen=True, slots=True)
class Placed:
    """An order that was placed: now, or before (`replayed`)."""

    order: Order
    replayed: bool


@dataclass(slots=True)
class Judged:
    """What came of one change: a value or an error; and the tasks that this process has now."""

    value: Any = None
    error: Exception | None = None
    tasks: Sequence[Taken] = ()


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes: the history's clock, new ids, and the leases of tasks that are due at once."""

    clock_ms: Callable[[], int]
    ids: Ids
    owner: str
    """The relay of this process, which does such tasks first; "" if it has none."""
    lease_ms: int
    announce: Callable[[Draft], None]
    """Adds the tasks by which others are told of what a draft has moved."""


def run_batch(
    connection: Connection, entries: Sequence[Change | Placing], writer: Writer
) -> list[Judged]:
    """Judges and writes a batch in the transaction of a connection; `[i]` is of `entries[i]`."""
    now_ms = writer.clock_ms()
    changes = [entry for entry in entries if isinstance(entry, Change)]
    placings = [entry for entry in entries if isinstance(entry, Placing)]
    placed_before = ids_of_keys(connection, [placing.key for placing in placings])
    loaded = load_orders(connection, [change.order_id for change in changes], to_change=True)
    replayed = load_orders(connection, list(placed_before.values()))
    seen = seen_keys(connection, [change.once for change in changes if change.once])
    all_written: list[Written] = []
    once_rows: list[Row] = []
    results: list[Judged] = []
    for entry in entries:
        if isinstance(entry, Placing):
            known = placed_before.get(entry.key)
            if known:
                results.append(Judged(Placed(replayed[known], replayed=True)))
                continue
            draft = Draft(_fresh(entry.order), entry.actor, now_ms, writer.ids)
            before = ("", 0)
        else:
            problem = _problem(entry, loaded, seen)
            if problem:
                results.append(Judged(error=problem))
                continue
            order = loaded[entry.order_id]
            draft = Draft(order, entry.actor, now_ms, writer.ids)
            before = (order.state, order.version)
            if entry.once:
                once_rows.append((entry.once, order.order_id, now_ms))
        judged = _judge(draft, entry, writer)
        results.append(judged)
        if judged.error is None:
            all_written.append(Written(draft, *before))
        elif isinstance(entry, Change) and entry.once:
            once_rows.pop()
    write_drafts(connection, all_written)
    write_seen(connection, once_rows)
    return results


def _fresh(order: Order) -> Order:
    """A copy, because a batch that collides is judged again, from what was given."""
    return structs.replace(
        order,
        lines=[structs.replace(line) for line in order.lines],
        payments=[],
        refunds=[],
        shipments=[],
        incidents=[],
        tasks=[],
    )


def _problem(change: Change, loaded: dict[str, Order], seen: set[str]) -> Exception | None:
    if change.order_id not in loaded:
        return OrderNotFound(change.order_id)
    if change.once and change.once in seen:
        return AlreadySeen(change.once)
    return None


def _judge(draft: Draft, entry: Change | Placing, writer: Writer) -> Judged:
    try:
        if isinstance(entry, Placing):
            draft.begin()
        value = entry.decide(draft)
        draft.finish()
        writer.announce(draft)
    except Exception as error:  # noqa: BLE001 - it is its caller's, who gets it
        return Judged(error=error)
    if isinstance(entry, Placing):
        value = Placed(draft.order, replayed=False)
    draft.tasks_made = [_taken(task, draft, writer) for task in draft.tasks_made]
    taken = [Taken(draft.order, task) for task in draft.tasks_made if task.owner]
    return Judged(value, tasks=taken)


def _taken(task: Task, draft: Draft, writer: Writer) -> Task:
    """The task with a lease of this process, if it can be done at once."""
    if not writer.owner or task.due_at_ms > draft.now_ms:
        return task
    first = next(other for other in draft.order.tasks if other.lane == task.lane)
    if first.task_id != task.task_id:
        return task
    lease_until_ms = draft.now_ms + writer.lease_ms
    return structs.replace(task, owner=writer.owner, lease_until_ms=lease_until_ms)
