"""The queue of a shop's orders that wait for stock, as the orders that reserve have to respect it.

Waiting orders have the first claim to stock. Looking at stock and claims and then reserving are two
steps, and another process that reserves in between would take units that are claimed. So both are
done with the turn of the shop's queue. The turn is a task of the order that waits longest, the same
task that the order gets before stock is reserved for itself. A process that dies with the turn
leaves that task behind, which does no harm: the order is tried.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from sqlalchemy import Connection, bindparam, literal_column, select

from order_service.order.joint_rules import SOLD
from order_service.order.model import Order
from order_service.order.placed import ShortagePolicy
from order_service.order.states import OrderState
from order_service.placing.claims import Waiting, related, why_not_wait
from order_service.placing.decisions import begin_to_reserve, let_go, reserving_task_of
from order_service.placing.reserving import Declined, Reserving, Short, StockAnswer
from order_service.placing.shortage import units_of
from order_service.relay.handler import TryLater
from order_service.storage.orders import Orders
from order_service.storage.schema import order_lines
from order_service.storage.schema import orders as orders_table

ACTOR: Final = "backorders"
TURN_S_MAX: Final = 3.0
"""The limit for waiting and reserving. Shorter than the time for which others respect a turn
(`RESERVE_AGAIN_MS`), so that no process goes on reserving without it."""
ASK_AGAIN_S: Final = 0.02

_WAITS: Final = (
    orders_table.c.tenant == bindparam("tenant"),
    orders_table.c.state == OrderState.BACKORDERED,
)
_QUEUE: Final = (
    select(
        orders_table.c.order_id,
        orders_table.c.buyer_id,
        orders_table.c.waits_until_at_ms,
        order_lines.c.sku,
        order_lines.c.quantity,
    )
    .join(order_lines, order_lines.c.order_id == orders_table.c.order_id)
    .where(*_WAITS)
    .order_by(orders_table.c.order_id)
)
_QUEUE_BEFORE: Final = _QUEUE.where(orders_table.c.order_id < bindparam("before"))
# The sum keeps the database from reading in the order of ids, past all orders that do not wait.
_FIRST: Final = (
    select(orders_table.c.order_id)
    .where(*_WAITS)
    .order_by(orders_table.c.order_id + literal_column("0"))
    .limit(1)
)


# An order of these has units of its buyer's limit, or waits for some.
_HAS_UNITS: Final = SOLD - {OrderState.COMPLETED} | {
    OrderState.BACKORDERED,
    OrderState.AWAITING_PAYMENT,
    OrderState.CONFIRMING,
}
_HAD: Final = (
    select(
        orders_table.c.state,
        orders_table.c.order_id,
        order_lines.c.sku,
        order_lines.c.quantity - order_lines.c.cancelled - order_lines.c.returned,
    )
    .join(order_lines, order_lines.c.order_id == orders_table.c.order_id)
    .where(
        orders_table.c.tenant == bindparam("tenant"),
        orders_table.c.buyer_id == bindparam("buyer_id"),
        orders_table.c.order_id != bindparam("order_id"),
        orders_table.c.state.in_(_HAS_UNITS),
    )
)


@dataclass(slots=True)
class _Looks:
    """The looks at a shop's queue: one is taken at a time, and one may be about to."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    coming: "asyncio.Task[Sequence[Waiting]] | None" = None


class Claims:
    """The queues of all shops. Every order looks at one, so orders that come together share a look
    that begins after they came.
    """

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._looks: defaultdict[str, _Looks] = defaultdict(_Looks)

    async def now(self, tenant: str) -> Sequence[Waiting]:
        """The orders that have begun to wait before this call, the oldest first.

        Raises StorageUnavailable.
        """
        looks = self._looks[tenant]
        if looks.coming is None:
            looks.coming = asyncio.create_task(self._look(tenant, looks))
        # A caller may be cancelled; the others go on waiting for the same look.
        return await asyncio.shield(looks.coming)

    async def _look(self, tenant: str, looks: _Looks) -> Sequence[Waiting]:
        async with looks.turn:
            looks.coming = None  # who comes from now on may know of somebody who waits since
            return await self._orders.look(partial(queue_of, tenant=tenant))


def queue_of(
    connection: Connection, tenant: str, before: str = "", lines_max: int = 0
) -> Sequence[Waiting]:
    """A shop's waiting orders, the oldest first, as their ids grow with time.

    Of all, or of those placed `before` an order; at most so many that they have `lines_max` lines.
    """
    statement = _QUEUE_BEFORE if before else _QUEUE
    values = {"tenant": tenant, "before": before} if before else {"tenant": tenant}
    rows = connection.execute(statement.limit(lines_max or None), values).all()
    queue: dict[str, Waiting] = {}
    for order_id, buyer_id, until_ms, sku, quantity in rows:
        waiting = queue.setdefault(order_id, Waiting(order_id, buyer_id, {}, until_ms or 0))
        waiting.units[sku] = waiting.units.get(sku, 0) + quantity
    found = list(queue.values())
    return found[:-1] if lines_max and len(rows) == lines_max else found  # the last may be cut


def first_waiting(connection: Connection, tenant: str) -> str:
    """The order of a shop that waits longest; "" if none does."""
    return connection.scalar(_FIRST, {"tenant": tenant}) or ""


class Turns:
    """The turns of all shops."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._here: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        """One caller of this process at a time asks for the turn of a shop."""

    @asynccontextmanager
    async def of(self, order: Order) -> AsyncIterator[Sequence[Waiting]]:
        """Has the turn while stock is reserved for an order: for one that waits, after
        `begin_to_reserve`. Gives the waiting orders that were placed before it and have a say in
        who gets its articles.

        Raises TryLater where that takes too long, StorageUnavailable, Conflict, Overloaded.
        """
        try:
            async with asyncio.timeout(TURN_S_MAX), self._here[order.tenant]:
                first, task_id = await self._taken(order)
                try:
                    queue = await self._orders.look(
                        partial(queue_of, tenant=order.tenant, before=order.order_id)
                    )
                    yield related(queue, units_of(order))
                finally:
                    if task_id:
                        await self._orders.change(first, partial(let_go, task_id=task_id), ACTOR)
        except TimeoutError:
            raise TryLater("others are reserving what is waited for") from None

    async def _taken(self, order: Order) -> tuple[str, str]:
        """Takes the turn; the order and the task that it is, "" where it is the order's own."""
        while True:
            first = await self._orders.look(partial(first_waiting, tenant=order.tenant))
            if first in ("", order.order_id):
                return "", ""
            holder = await self._orders.change(first, begin_to_reserve, ACTOR)
            if holder is None:
                await asyncio.sleep(ASK_AGAIN_S)
            elif holder.state is OrderState.BACKORDERED:
                return first, reserving_task_of(holder)


class StockDesk:
    """Reserves stock for orders, behind the claims of those that wait."""

    def __init__(self, orders: Orders, reserving: Reserving) -> None:
        self.reserving = reserving
        self.turns = Turns(orders)
        self._orders = orders
        self._claims = Claims(orders)

    async def reserve(self, order: Order) -> StockAnswer:
        """Reserves the stock of an order that is recorded. One that is to wait for it is held
        against the rules of waiting first.

        Raises HoldfastError, TryLater, StorageUnavailable, Conflict, Overloaded.
        """
        answer = await self._behind_claims(order)
        begins_to_wait = order.state is OrderState.RESERVING and isinstance(answer, Short)
        if begins_to_wait and order.shortage_policy is ShortagePolicy.WAIT:
            return await self._turned_away(order) or answer
        return answer

    async def _behind_claims(self, order: Order) -> StockAnswer:
        queue = related(await self._claims.now(order.tenant), units_of(order))
        if not queue:
            return await self.reserving.reserve(order)
        if all(waiting.order_id < order.order_id for waiting in queue):
            # Most get nothing of what others wait for, and need no turn for that.
            answer = await self.reserving.look(order, queue)
            if answer is not None:
                return answer
        async with self.turns.of(order) as earlier:
            return await self.reserving.reserve(order, earlier)

    async def _turned_away(self, order: Order) -> Declined | None:
        """Why an order may not begin to wait; None if it may."""
        had = await self._orders.read(
            partial(_had_by, tenant=order.tenant, buyer_id=order.buyer_id, order_id=order.order_id)
        )
        limits = await self.reserving.limits(order.tenant, units_of(order))
        units_max = self.reserving.waiting_rules.units_max
        turned = why_not_wait(units_of(order), limits, *had, units_max)
        return turned and Declined(*turned)


def _had_by(
    connection: Connection, tenant: str, buyer_id: str, order_id: str
) -> tuple[dict[str, int], int]:
    """The units by SKU that a buyer has in other orders or waits for, and how many orders wait."""
    values = {"tenant": tenant, "buyer_id": buyer_id, "order_id": order_id}
    units: dict[str, int] = {}
    waiting: set[str] = set()
    for state, other_id, sku, quantity in connection.execute(_HAD, values):
        units[sku] = units.get(sku, 0) + quantity
        if state == OrderState.BACKORDERED:
            waiting.add(other_id)
    return units, len(waiting)
