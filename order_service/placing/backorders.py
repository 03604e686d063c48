"""The queue of orders that wait for stock (缺货待发, O14), served in order when stock arrives.

The order that waited longest has the first claim to stock that comes, as far as it can use it
(claims.py). A later order, waiting or new, gets only what the claims before it leave, and its stock
is reserved while this process has the turn (queue.py).
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

import structlog

from order_service.catalogue.catalogue import Catalogue
from order_service.order.states import OrderState
from order_service.payment.methods import Methods
from order_service.placing.claims import Turned, Waiting, kept_by, why_not_wait
from order_service.placing.decisions import (
    apply_stock_answer,
    begin_to_reserve,
    give_end,
    stop_waiting,
)
from order_service.placing.queue import ACTOR, StockDesk, queue_of
from order_service.placing.reserving import free_in, limits_in
from order_service.relay.handler import TryLater
from order_service.storage.orders import Orders

LOOK_S: Final = 1.0
QUEUE_LINES_MAX: Final = 10_000
"""Lines of a shop's waiting orders that are looked at; those behind wait until these are served."""

log = structlog.get_logger()


class Backorders:
    """The queues of all shops."""

    def __init__(
        self,
        orders: Orders,
        catalogue: Catalogue,
        desk: StockDesk,
        methods: Methods,
    ) -> None:
        self._orders = orders
        self._catalogue = catalogue
        self._desk = desk
        self._methods = methods
        self.rounds = 0
        """Grows with each look at the queues, and with each order of one."""
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Serves the queues until `stop`."""
        while not self._stopping.is_set():
            self.rounds += 1
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
            queue = await self._orders.read(
                partial(queue_of, tenant=tenant, lines_max=QUEUE_LINES_MAX)
            )
            if queue:
                served += await self._serve(tenant, queue)
        return served

    async def _serve(self, tenant: str, queue: Sequence[Waiting]) -> int:
        reserving = self._desk.reserving
        levels = await reserving.levels(tenant, (sku for each in queue for sku in each.units))
        free = free_in(levels, reserving.open_locations(tenant))
        left = 0
        for waiting, turned in self._judged(queue, limits_in(levels)):
            if self._stopping.is_set():
                break
            self.rounds += 1
            if turned is not None:
                left += await self._turn_away(waiting, turned)
                continue
            if not waiting.until_ms:  # it has waited since before waits had an end
                await self._give_end(waiting)
            there_is = all(free.get(sku, 0) >= wanted for sku, wanted in waiting.units.items())
            kept = kept_by(waiting.units, free)
            if there_is and await self._try(waiting.order_id):
                left += 1
            # Whether it has them now or goes on waiting for them: nobody behind it may.
            for sku in kept:
                free[sku] = free.get(sku, 0) - waiting.units[sku]
        return left

    def _judged(
        self, queue: Sequence[Waiting], limits: Mapping[str, int]
    ) -> Iterator[tuple[Waiting, Turned | None]]:
        """The orders of a queue, each with why it may not wait any more, if so: limits change, and
        two orders of a buyer can have begun to wait at once.
        """
        units_max = self._desk.reserving.waiting_rules.units_max
        units: defaultdict[str, Counter[str]] = defaultdict(Counter)
        orders: Counter[str] = Counter()
        for waiting in queue:
            buyer = waiting.buyer_id
            turned = why_not_wait(waiting.units, limits, units[buyer], orders[buyer], units_max)
            yield waiting, turned
            if turned is None:
                units[buyer].update(waiting.units)
                orders[buyer] += 1

    async def _turn_away(self, waiting: Waiting, turned: Turned) -> bool:
        """Ends a wait that could not be served; whether it has ended."""
        decide = partial(stop_waiting, reason=turned.reason, detail=turned.detail)
        order = await self._orders.change(waiting.order_id, decide, ACTOR)
        return order.state is not OrderState.BACKORDERED

    async def _give_end(self, waiting: Waiting) -> None:
        decide = partial(give_end, waits_ms=self._desk.reserving.waiting_rules.waits_ms)
        await self._orders.change(waiting.order_id, decide, ACTOR)

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
