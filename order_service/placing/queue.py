"""The queue of a shop's orders that wait for stock, as the orders that reserve have to respect it.

Waiting orders have the first claim to stock. Looking at stock and claims and then reserving are two
steps, and another process that reserves in between would take units that are claimed. So both are
done with the turn of the shop's queue. The turn is a task of the order that waits longest, the same
task that the order gets before stock is reserved for itself. A process that dies with the turn
leaves that task behind, which does no harm: the order is tried.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

from sqlalchemy import Connection, bindparam, func, literal_column, select

from order_service.order.model import Order
from order_service.order.states import OrderState
from order_service.placing.decisions import begin_to_reserve, let_go, reserving_task_of
from order_service.placing.reserving import Reserving, StockAnswer
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
_CLAIMS: Final = (
    select(order_lines.c.sku, func.sum(order_lines.c.quantity), func.max(order_lines.c.order_id))
    .join(orders_table, orders_table.c.order_id == order_lines.c.order_id)
    .where(*_WAITS)
    .group_by(order_lines.c.sku)
)
_CLAIMS_BEFORE: Final = _CLAIMS.where(orders_table.c.order_id < bindparam("before"))
# The sum keeps the database from reading in the order of ids, past all orders that do not wait.
_FIRST: Final = (
    select(orders_table.c.order_id)
    .where(*_WAITS)
    .order_by(orders_table.c.order_id + literal_column("0"))
    .limit(1)
)


class Claim(NamedTuple):
    """Units of an article that are waited for."""

    units: int
    last_order_id: str
    """The order that was placed last of those that wait for it."""


@dataclass(slots=True)
class _Looks:
    """The looks at a shop's queue: one is taken at a time, and one may be about to."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    coming: "asyncio.Task[Mapping[str, Claim]] | None" = None


class Claims:
    """The claims of all shops. Every order looks at them, so orders that come together share a look
    that begins after they came.
    """

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._looks: defaultdict[str, _Looks] = defaultdict(_Looks)

    async def now(self, tenant: str) -> Mapping[str, Claim]:
        """The claims of the orders that have begun to wait before this call, by SKU.

        Raises StorageUnavailable.
        """
        looks = self._looks[tenant]
        if looks.coming is None:
            looks.coming = asyncio.create_task(self._look(tenant, looks))
        # A caller may be cancelled; the others go on waiting for the same look.
        return await asyncio.shield(looks.coming)

    async def _look(self, tenant: str, looks: _Looks) -> Mapping[str, Claim]:
        async with looks.turn:
            looks.coming = None  # who comes from now on may know of somebody who waits since
            return await self._orders.read(partial(claims_of, tenant=tenant))


def claims_of(connection: Connection, tenant: str, before: str = "") -> Mapping[str, Claim]:
    """The claims of a shop's waiting orders, by SKU: of all, or of those placed before an order."""
    statement = _CLAIMS_BEFORE if before else _CLAIMS
    found = connection.execute(statement, {"tenant": tenant, "before": before})
    return {sku: Claim(int(units), last) for sku, units, last in found}


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
    async def of(self, order: Order) -> AsyncIterator[Mapping[str, int]]:
        """Has the turn while stock is reserved for an order: for one that waits, after
        `begin_to_reserve`. Gives the units that orders which were placed before it wait for.

        Raises TryLater where that takes too long, StorageUnavailable, Conflict, Overloaded.
        """
        try:
            async with asyncio.timeout(TURN_S_MAX), self._here[order.tenant]:
                first, task_id = await self._taken(order)
                try:
                    claims = await self._orders.read(
                        partial(claims_of, tenant=order.tenant, before=order.order_id)
                    )
                    yield {sku: claim.units for sku, claim in claims.items()}
                finally:
                    if task_id:
                        await self._orders.change(first, partial(let_go, task_id=task_id), ACTOR)
        except TimeoutError:
            raise TryLater("others are reserving what is waited for") from None

    async def _taken(self, order: Order) -> tuple[str, str]:
        """Takes the turn; the order and the task that it is, "" where it is the order's own."""
        while True:
            first = await self._orders.read(partial(first_waiting, tenant=order.tenant))
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
        self._claims = Claims(orders)

    async def reserve(self, order: Order) -> StockAnswer:
        """Reserves the stock of an order that is recorded.

        Raises HoldfastError, TryLater, StorageUnavailable, Conflict, Overloaded.
        """
        claims = await self._claims.now(order.tenant)
        claimed = {line.sku: claims[line.sku] for line in order.lines if line.sku in claims}
        if not claimed:
            return await self.reserving.reserve(order)
        if all(claim.last_order_id < order.order_id for claim in claimed.values()):
            # Most get nothing of what others wait for, and need no turn for that.
            units = {sku: claim.units for sku, claim in claimed.items()}
            answer = await self.reserving.look(order, units)
            if answer is not None:
                return answer
        async with self.turns.of(order) as earlier:
            return await self.reserving.reserve(order, earlier)
