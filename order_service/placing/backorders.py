"""The queue of orders that wait for stock (缺货待发, O14), served in order when stock arrives.

Whoever waited longest has the first claim to what comes: a later order, waiting or new, gets only
what the claims before it leave. What other processes have queued is known within `LOOK_S`.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

import structlog
from sqlalchemy import Connection, select

from holdfast.client import Client
from order_service.catalogue.catalogue import Catalogue
from order_service.model import Order
from order_service.payment.methods import Methods
from order_service.placing.decisions import begin_to_reserve, settle
from order_service.placing.reserving import Reserving
from order_service.placing.shortage import units_of
from order_service.relay.errors import TryLater
from order_service.states import OrderState
from order_service.storage.orders import Orders
from order_service.storage.schema import order_lines
from order_service.storage.schema import orders as orders_table

ACTOR: Final = "backorders"
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
        reserving: Reserving,
        methods: Methods,
    ) -> None:
        self._orders = orders
        self._engine = engine
        self._catalogue = catalogue
        self._reserving = reserving
        self._methods = methods
        self._queues: dict[str, dict[str, Waiting]] = {}
        self._claims: dict[str, dict[str, int]] = {}
        self._joined: dict[str, list[Waiting]] = {}
        self._stopping = asyncio.Event()
        self.turn = asyncio.Lock()
        """Held by whoever reserves what others have a claim to."""

    def claims(self, tenant: str) -> Mapping[str, int]:
        """The units that waiting orders of a shop have the first claim to, by SKU."""
        return self._claims.get(tenant, {})

    def claims_before(self, order: Order) -> Mapping[str, int]:
        """The units that orders which were placed before this one wait for, by SKU."""
        queue = self._queues.get(order.tenant, {})
        return _sum(each.units for each in queue.values() if each.order_id < order.order_id)

    def join(self, order: Order) -> None:
        """Takes note of an order that has just begun to wait."""
        waiting = Waiting(order.order_id, units_of(order))
        self._queues.setdefault(order.tenant, {})[order.order_id] = waiting
        self._joined.setdefault(order.tenant, []).append(waiting)
        self._add_up(order.tenant)

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
        await self.refresh()
        served = 0
        for tenant, queue in list(self._queues.items()):
            if queue:
                served += await self._serve(tenant)
        return served

    async def refresh(self) -> None:
        """Reads the queues: whoever has not done so does not know who waits. Raises
        StorageUnavailable.
        """
        for tenant in self._catalogue.tenants:
            await self._read(tenant)

    async def _read(self, tenant: str) -> None:
        self._joined[tenant] = []
        queue = await self._orders.read(lambda connection: _queue(connection, tenant))
        # Who joined while it was read may be missing in it.
        everybody = (*queue, *self._joined[tenant])
        self._queues[tenant] = {waiting.order_id: waiting for waiting in everybody}
        self._add_up(tenant)

    def _add_up(self, tenant: str) -> None:
        self._claims[tenant] = _sum(waiting.units for waiting in self._queues[tenant].values())

    async def _serve(self, tenant: str) -> int:
        stock = await self._available(tenant)
        earlier: dict[str, int] = {}
        served = 0
        for waiting in list(self._queues[tenant].values()):
            if self._stopping.is_set():
                break
            units = waiting.units
            if all(
                stock.get(sku, 0) - earlier.get(sku, 0) >= quantity
                for sku, quantity in units.items()
            ) and await self._try(waiting.order_id, earlier):
                served += 1
                del self._queues[tenant][waiting.order_id]
                self._add_up(tenant)
                for sku, quantity in units.items():
                    stock[sku] -= quantity
            else:
                for sku, quantity in units.items():
                    earlier[sku] = earlier.get(sku, 0) + quantity
        return served

    async def _available(self, tenant: str) -> dict[str, int]:
        """The units of waited-for SKUs that are free in warehouses that take orders."""
        skus = list(self._claims[tenant])
        found: dict[str, int] = {}
        for start in range(0, len(skus), SKUS_PER_READ):
            chunk = skus[start : start + SKUS_PER_READ]
            for level in await self._engine.get_stock(*chunk, tenant=tenant):
                found[level.sku] = found.get(level.sku, 0) + level.available
        return found

    async def _try(self, order_id: str, earlier: Mapping[str, int]) -> bool:
        """Reserves for a waiting order; whether it need not wait any more.

        Where that is not known, because an answer is lost, the order has a task that finds out.
        """
        order = await self._orders.change(order_id, begin_to_reserve, ACTOR)
        if order is None:
            return False
        if order.state is not OrderState.BACKORDERED:
            return True
        try:
            async with self.turn:
                answer = await self._reserving.reserve(order, earlier)
        except TryLater:
            return False
        settled = await self._orders.change(
            order_id, lambda draft: settle(draft, answer, self._methods), ACTOR
        )
        return settled.state is not OrderState.BACKORDERED


def _sum(all_units: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for units in all_units:
        for sku, quantity in units.items():
            total[sku] = total.get(sku, 0) + quantity
    return total


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
