"""Orders, as the rest of the order service has them: placed, changed and read."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from order_service.order.draft import Draft
from order_service.order.ids import Ids
from order_service.order.model import Order
from order_service.storage.batch import (
    Change,
    Judged,
    NewOrder,
    OrderNotFound,
    Recorded,
    Writer,
    run_batch,
)
from order_service.storage.database import Database, StorageUnavailable
from order_service.storage.group_commit import GroupCommit
from order_service.storage.ledger import accounts_of
from order_service.storage.load import load_orders
from order_service.storage.tasks import LEASE_MS, Taken

T = TypeVar("T")


class Writes:
    """The writes that this process has made: `taken` counts them; `refused` says why the database
    has lately not taken one, until somebody has looked.
    """

    def __init__(self) -> None:
        self.taken = 0
        self.refused = ""


class Orders:
    """The orders of a database.

    `owner` names the relay of this process: tasks that are due at once are written as taken by it,
    and told to `on_tasks` after the commit. `follow` adds to each draft what follows from its
    decision, and `post` what goes into the ledger; `announce` then adds the tasks by which others
    are told of what was moved.
    """

    def __init__(
        self,
        database: Database,
        clock_ms: Callable[[], int],
        ids: Ids,
        *,
        owner: str = "",
        on_tasks: Callable[[Sequence[Taken]], None] = lambda _: None,
        follow: Callable[[Draft], None] = lambda _: None,
        post: Callable[[Draft], None] = lambda _: None,
        announce: Callable[[Draft], None] = lambda _: None,
    ) -> None:
        self.database = database
        self.clock_ms = clock_ms
        self.ids = ids
        self.writes = Writes()
        self._writer = Writer(clock_ms, ids, owner, LEASE_MS, follow, post, announce)
        self._commits = GroupCommit(self._run, database.writers, on_tasks)

    async def place(self, order: Order, decide: Callable[[Draft], object], actor: str) -> Recorded:
        """Keeps a new order, or finds the one that was placed under its key.

        `decide` may add to it. Raises what it raises, Conflict, StorageUnavailable, Overloaded.
        """
        placed: Recorded = await self._commits.submit(NewOrder(order, decide, actor))
        return placed

    async def change(
        self,
        order_id: str,
        decide: Callable[[Draft], T],
        actor: str,
        once: str = "",
        known: Order | None = None,
    ) -> T:
        """Has a decision made on an order, and returns what it returns once that is on disk.

        `known`, the order as the caller has just written it, spares it being read.

        Raises what the decision raised, OrderNotFound, AlreadySeen if `once` has had its effect
        before, Conflict, StorageUnavailable (then whether it was written is not known), Overloaded.
        """
        changed: T = await self._commits.submit(Change(order_id, decide, actor, once, known))
        return changed

    async def get(self, order_id: str) -> Order:
        """An order with all its parts. Raises OrderNotFound, StorageUnavailable."""
        found = await self.read(lambda connection: load_orders(connection, [order_id]))
        if order_id not in found:
            raise OrderNotFound(order_id)
        return found[order_id]

    async def read(self, function: Callable[[Connection], T]) -> T:
        """Runs a function in a transaction that only reads."""
        return await self.database.read(function)

    async def look(self, function: Callable[[Connection], T]) -> T:
        """Runs one statement that only reads."""
        return await self.database.look(function)

    async def write(self, function: Callable[[Connection], T]) -> T:
        """Runs a function in a transaction of its own, for what belongs to no order."""
        try:
            return await self.database.write(function)
        except StorageUnavailable as error:
            self.writes.refused = str(error)
            raise

    @property
    def queued(self) -> int:
        """The number of changes that wait to be written."""
        return self._commits.queued

    async def drain(self) -> None:
        """Waits until what was asked for is written."""
        await self._commits.drain()

    async def _run(self, changes: Sequence[Change | NewOrder]) -> list[Judged]:
        judged = await self.write(partial(run_batch, entries=changes, writer=self._writer))
        if not all(one.error for one in judged):
            self.writes.taken += 1
        for one in judged:
            self._writer.accounts.update(*map(accounts_of, one.journals))
        return judged
