"""The queue of orders that wait for stock (缺货待发, O14), served in order when stock arrives.

The order that waited longest has the first claim to stock that comes. A later order, waiting or
new, gets only what the claims before it leave (queue.py), and its stock is reserved while this
process has the turn.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple

import structlog
from sqlalchemy import Connection, select

from holdfast.client import Client
from order_service.catalogue.catalogue import Catalogue
from order_service.order.states import OrderState
from order_service.payment.methods import Methods
from order_service.placing.decisions import apply_stock_answer, begin_to_reserve
from order_service.placing.queue import ACTOR, StockDesk
from order_service.relay.handler import TryLater
from order_service.storage.orders import Orders
from order_service.storage.schema import order_lines
from order_service.storage.schema import orders as orders_table

LOOK_S: Final = 1.0
QUEUE_MAX: Final = 10_000
"""Lines of a shop's waiting orders that are looked at; those behind wait until these are served."""
SKUS_PER_READ: Final = 1_000

log = structlog.get_logger()


class Waiting(NamedTuple):
    """An order in the queue."""

    order_id: str
    units: dict[str, int]


class Backorders:
    """The queues of all shops."""

    def __init__(
        self,
        orders: Orders,
        engine: Client,
        catalogue: Catalogue,
        desk: StockDesk,
        methods: Methods,
    ) -> None:
        self._orders = orders
        self._engine = engine
        self._catalogue = catalogue
        self._desk = desk
        self._methods = methods
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Serves the queues until `stop`."""
        while not self._stopping.is_set():
            try:
                await self.serve()
            except Exception as error:  # noqa: BLE001 - whatever it is, the queues are served again
                # Its text may be personal.
                log.warning("backorders were not served", problem=type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._stopping.wait()

    def stop(self) -> None:
        """Lets `run` end after the order that it is at."""
        self._stopping.set()

    async def serve(self) -> int:
        """Reads the queues and serves whom stock has come for. Returns how many orders have left.

        Raises HoldfastError, Conflict, StorageUnavailable, Overloaded.
        """
        served = 0
        for tenant in self._catalogue.tenants:
            queue = await self._orders.read(partial(_queue, tenant=tenant))
            if queue:
                served += await self._serve(tenant, queue)
        return served

    async def _serve(self, tenant: str, queue: Sequence[Waiting]) -> int:
        stock = await self._available(tenant, queue)
        served = 0
        for waiting in queue:
            if self._stopping.is_set():
                break
            there_is = all(stock[sku] >= quantity for sku, quantity in waiting.units.items())
            if there_is and await self._try(waiting.order_id):
                served += 1
            # Whether it has them now or goes on waiting for them: nobody behind it may.
            for sku, quantity in waiting.units.items():
                stock[sku] -= quantity
        return served

    async def _available(self, tenant: str, queue: Sequence[Waiting]) -> dict[str, int]:
        """The units of waited-for SKUs that are free in all warehouses."""
        found = {sku: 0 for waiting in queue for sku in waiting.units}
        skus = list(found)
        for start in range(0, len(skus), SKUS_PER_READ):
            chunk = skus[start : start + SKUS_PER_READ]
            for level in await self._engine.get_stock(*chunk, tenant=tenant):
                found[level.sku] += level.available
        return found

    async def _try(self, order_id: str) -> bool:
        """Reserves for a waiting order; whether it need not wait any more.

        Where that is not known, because an answer is lost, the order has a task that finds out.
        """
        order = await self._orders.change(order_id, begin_to_reserve, ACTOR)
        if order is None:
            return False
        if order.state is not OrderState.BACKORDERED:
            return True
        try:
            async with self._desk.turns.of(order) as earlier:
                answer = await self._desk.reserving.reserve(order, earlier)
                # Within the turn: until it is settled, what it has counts as claimed, too.
                settled = await self._orders.change(
                    order_id,
                    partial(apply_stock_answer, answer=answer, methods=self._methods),
                    ACTOR,
                )
        except TryLater:
            return False
        return settled.state is not OrderState.BACKORDERED


def _queue(connection: Connection, tenant: str) -> Sequence[Waiting]:
    """A shop's waiting orders, the oldest first: their ids grow with time."""
    rows = connection.execute(
        select(orders_table.c.order_id, order_lines.c.sku, order_lines.c.quantity)
        .join(order_lines, order_lines.c.order_id == orders_table.c.order_id)
        .where(orders_table.c.tenant == tenant, orders_table.c.state == OrderState.BACKORDERED)
        .order_by(orders_table.c.order_id)
        .limit(QUEUE_MAX)
    )
    queue: dict[str, Waiting] = {}
    lines = 0
    for order_id, sku, quantity in rows:
        units = queue.setdefault(order_id, Waiting(order_id, {})).units
        units[sku] = units.get(sku, 0) + quantity
        lines += 1
    waiting = list(queue.values())
    return waiting if lines < QUEUE_MAX else waiting[:-1]  # the last may not be there in full
