"""Looks now and then at what waits for a person, for the gauges; and when asked, for `status`."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Final

import structlog

from order_service.storage.needs import Look, Waiting, needs
from order_service.storage.orders import Orders

log = structlog.get_logger()

LOOK_S: Final = 15.0


class NeedsWatch:
    """Knows everything that waits for a person, of all shops.

    `tenants` gives the shops there are; a parcel not picked after `pick_within_ms` is overdue, and
    an order that a person has not decided about after `review_within_ms`.
    """

    def __init__(
        self,
        orders: Orders,
        tenants: Callable[[], Collection[str]],
        pick_within_ms: int,
        review_within_ms: int,
    ) -> None:
        self.last: Sequence[Waiting] = ()
        """Everything that waited at the last look."""
        self.rounds = 0
        self._orders = orders
        self._tenants = tenants
        self._within_ms = pick_within_ms, review_within_ms

    async def look(self) -> Sequence[Waiting]:
        """Counts it now. Raises StorageUnavailable."""
        look = Look(self._tenants(), self._orders.clock_ms(), *self._within_ms)
        self.last = await self._orders.read(partial(needs, look=look))
        return self.last

    async def run(self) -> None:
        """Looks again and again until cancelled."""
        while True:
            self.rounds += 1
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - the next look may succeed
                log.warning("what waits for a person was not counted", problem=type(error).__name__)
            await asyncio.sleep(LOOK_S)
