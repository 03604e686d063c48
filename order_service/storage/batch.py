"""One batch: loads the orders that are to be changed, has each change decided, writes them all.

The whole batch is one transaction, so its cost, the fsync above all, is shared. A decision that
raises takes nothing of its neighbours with it: its draft is not written.

Who has just written an order can give it as `known`, and spare it being loaded. A decision on a
known order counts only if it is written, because then the compare-and-set proves that nobody has
changed the order since; any other is made again, on the order as the database has it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import structs
from sqlalchemy import Connection

from order_service.order.draft import Decide, Draft
from order_service.order.ids import Ids
from order_service.order.journals import Journal
from order_service.order.keys import OrderKey, kept_key
from order_service.order.model import Order, Task
from order_service.storage.bulk import Row
from order_service.storage.load import digest_of, ids_of_keys, load_orders, seen_by
from order_service.storage.tasks import Taken
from order_service.storage.write import Written, write_drafts, write_seen


class OrderNotFound(Exception):
    """There is no order of that id."""

    def __init__(self, order_id: str) -> None:
        super().__init__(order_id)
        self.order_id = order_id


class AlreadySeen(Exception):
    """A change with this `once` key has had its effect before."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of an order: the decision, and who makes it.

    `once` is the key of what must have its effect on the order only once; "" for what may have it
    again. `known`
    is the order as the caller has last written it; None if it has not.
    """

    order_id: str
    decide: Decide
    actor: str
    once: str = ""
    known: Order | None = None

    @property
    def claim(self) -> object:
        """A batch has at most one entry of each claim."""
        return self.order_id


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A new order, and what is decided on it first."""

    order: Order
    decide: Decide
    actor: str

    @property
    def key(self) -> OrderKey:
        """The key by which the order is recognised when it is sent again."""
        order = self.order
        return (order.tenant, order.source, kept_key(order.order_key, order.channel))

    @property
    def claim(self) -> object:
        """A batch has at most one entry of each claim."""
        return self.key


@dataclass(frozen=True, slots=True)
class Recorded:
    """An order that was placed: now, or before (`replayed`)."""

    order: Order
    replayed: bool


@dataclass(slots=True)
class Judged:
    """The result of one change: a value or an error, the tasks that this process took, and what
    went into the ledger.
    """

    value: Any = None
    error: Exception | None = None
    tasks: Sequence[Taken] = ()
    journals: Sequence[Journal] = ()


@dataclass(frozen=True, slots=True)
class Writer:
    """The writing process: its clock, new ids, and the leases of tasks that are due at once."""

    clock_ms: Callable[[], int]
    ids: Ids
    owner: str
    """The relay of this process, which does such tasks first; "" if it has none."""
    lease_ms: int
    follow: Callable[[Draft], None]
    """Derives what follows from a decision, before its draft is finished."""
    post: Callable[[Draft], None]
    """Enters into the ledger what a draft has done to money, once nothing more follows."""
    announce: Callable[[Draft], None]
    """Adds the tasks by which others are told of what a draft has moved."""
    accounts: set[int] = field(default_factory=set)
    """Accounts of the ledger that are surely in the database."""


def run_batch(
    connection: Connection, entries: Sequence[Change | NewOrder], writer: Writer
) -> list[Judged]:
    """Judges and writes a batch in the transaction of a connection; `[i]` is of `entries[i]`."""
    batch = _Batch(writer)
    seen = seen_by(connection, [entry.order_id for entry in _changes(entries) if entry.once])
    placed = ids_of_keys(connection, [one.key for one in entries if isinstance(one, NewOrder)])
    replayed = load_orders(connection, list(placed.values()))
    results: list[Judged | None] = [
        batch.place(entry, replayed.get(placed.get(entry.key, "")))
        if isinstance(entry, NewOrder)
        else batch.change_known(entry, seen)
        for entry in entries
    ]
    unsure = [entry for entry, judged in zip(entries, results, strict=True) if judged is None]
    loaded = load_orders(connection, [entry.order_id for entry in _changes(unsure)], to_change=True)
    for number, entry in enumerate(entries):
        if results[number] is None and isinstance(entry, Change):
            results[number] = batch.change(entry, loaded.get(entry.order_id))
    write_drafts(connection, batch.written, writer.accounts)
    write_seen(connection, batch.once_rows)
    return [judged for judged in results if judged is not None]


def _changes(entries: Sequence[Change | NewOrder]) -> list[Change]:
    return [entry for entry in entries if isinstance(entry, Change)]


class _Batch:
    """The rows that a batch is going to write."""

    def __init__(self, writer: Writer) -> None:
        self.written: list[Written] = []
        self.once_rows: list[Row] = []
        self._writer = writer
        self._now_ms = writer.clock_ms()

    def place(self, new: NewOrder, placed_before: Order | None) -> Judged:
        if placed_before is not None:
            return Judged(Recorded(placed_before, replayed=True))
        draft = self._draft(_copied(new.order), new)
        judged = _judge(draft, new, self._writer)
        if judged.error is None:
            self.written.append(Written(draft, "", 0))
        return judged

    def change_known(self, change: Change, seen: set[tuple[str, int]]) -> Judged | None:
        """None: the order has to be loaded."""
        if change.once and (change.order_id, digest_of(change.once)) in seen:
            return Judged(error=AlreadySeen(change.once))
        if change.known is None:
            return None
        draft = self._draft(_copied(change.known), change)
        judged = _judge(draft, change, self._writer)
        if judged.error is not None or draft.order.version == change.known.version:
            return None
        self._write(change, draft, change.known.state, change.known.version)
        return judged

    def change(self, change: Change, order: Order | None) -> Judged:
        if order is None:
            return Judged(error=OrderNotFound(change.order_id))
        state, version = order.state, order.version
        draft = self._draft(order, change)
        judged = _judge(draft, change, self._writer)
        if judged.error is None:
            self._write(change, draft, state, version)
        return judged

    def _draft(self, order: Order, entry: Change | NewOrder) -> Draft:
        return Draft(order, entry.actor, self._now_ms, self._writer.ids)

    def _write(self, change: Change, draft: Draft, state_before: str, version_before: int) -> None:
        self.written.append(Written(draft, state_before, version_before))
        if change.once:
            self.once_rows.append((change.order_id, digest_of(change.once)))


def _copied(order: Order) -> Order:
    """A copy, because a batch that collides is judged again, from what was given."""
    return structs.replace(
        order,
        lines=[structs.replace(line) for line in order.lines],
        parts={kind: list(map(structs.replace, parts)) for kind, parts in order.parts.items()},
        tasks=list(order.tasks),
        refund_rows=list(order.refund_rows),
    )


def _judge(draft: Draft, entry: Change | NewOrder, writer: Writer) -> Judged:
    try:
        if isinstance(entry, NewOrder):
            draft.begin()
        value = entry.decide(draft)
        writer.follow(draft)
        writer.post(draft)
        draft.finish()
        writer.announce(draft)
    except Exception as error:  # noqa: BLE001 - it is its caller's, who gets it
        return Judged(error=error)
    if isinstance(entry, NewOrder):
        value = Recorded(draft.order, replayed=False)
    draft.tasks_made = [_taken(task, draft, writer) for task in draft.tasks_made]
    taken = [Taken(draft.order, task) for task in draft.tasks_made if task.owner]
    return Judged(value, tasks=taken, journals=draft.journals)


def _taken(task: Task, draft: Draft, writer: Writer) -> Task:
    """The task with a lease of this process, if it can be done at once."""
    if not writer.owner or task.due_at_ms > draft.now_ms:
        return task
    first = next(other for other in draft.order.tasks if other.lane == task.lane)
    if first.task_id != task.task_id:
        return task
    lease_until_ms = draft.now_ms + writer.lease_ms
    return structs.replace(task, owner=writer.owner, lease_until_ms=lease_until_ms)
