"""The turn of a shop's queue: only who has it reserves stock that other orders wait for.

Looking at stock and claims and then reserving are two steps, and another process that reserves in
between would take units that are claimed. So both are done with the turn. The turn is a task of the
order that waits longest, the same task that the order gets before stock is reserved for itself. A
process that dies with the turn leaves that task behind, which does no harm: the order is tried.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from order_service.order.model import Order
from order_service.order.states import OrderState
from order_service.placing.claims import claims_of, first_waiting
from order_service.placing.decisions import begin_to_reserve, let_go, reserving_task_of
from order_service.relay.handler import TryLater
from order_service.storage.orders import Orders

ACTOR: Final = "backorders"
TURN_S_MAX: Final = 3.0
"""The limit for waiting and reserving. Shorter than the time for which others respect a turn
(`RESERVE_AGAIN_MS`), so that no process goes on reserving without it."""
ASK_AGAIN_S: Final = 0.02


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
