"""The policies and pauses of all shops, in memory: decisions read them without waiting.

They are looked at every second, and at once after each change by this process. A version never
changes and none begins in the past: what is known late decides no order of before.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple, TypeVar

import structlog

from order_service.aftersales.policy import store
from order_service.aftersales.policy.deadlines import Pause
from order_service.aftersales.policy.document import Policy
from order_service.storage.database import Conflict, StorageUnavailable
from order_service.storage.orders import Orders

LOOK_S: Final = 1.0
PUT_ATTEMPTS_MAX: Final = 5

log = structlog.get_logger()
T = TypeVar("T")


class _Shop(NamedTuple):
    versions: Sequence[Policy] = ()
    pauses: Sequence[Pause] = ()


class PolicyBook:
    """Policies and pauses as they were within the last second.

    Raises StorageUnavailable from every coroutine.
    """

    def __init__(self, orders: Orders) -> None:
        self.rounds = 0
        self._orders = orders
        self._shops: dict[str, _Shop] = {}

    def versions(self, tenant: str) -> Sequence[Policy]:
        """All versions of a shop and of its merchants."""
        return self._shops.get(tenant, _NONE).versions

    def pauses(self, tenant: str) -> Sequence[Pause]:
        """All pauses of a shop."""
        return self._shops.get(tenant, _NONE).pauses

    async def put_policy(self, tenant: str, wanted: Policy) -> tuple[Policy, bool]:
        """Writes a version; the second value: the last one is the same. Raises InvalidField."""
        now_ms = self._orders.clock_ms()
        return await self._put(
            partial(store.put_policy, tenant=tenant, wanted=wanted, now_ms=now_ms)
        )

    async def put_pause(self, tenant: str, wanted: Pause) -> bool:
        """Writes a pause; whether it was there already. Raises InvalidField."""
        now_ms = self._orders.clock_ms()
        return await self._put(
            partial(store.put_pause, tenant=tenant, wanted=wanted, now_ms=now_ms)
        )

    async def refresh(self) -> None:
        """Learns what has been put before this call, by any process."""
        for tenant, count in (await self._orders.read(store.counts)).items():
            shop = self._shops.get(tenant, _NONE)
            if count == (len(shop.versions), len(shop.pauses)):
                continue
            versions = await self._orders.read(partial(store.versions_of, tenant=tenant))
            pauses = await self._orders.read(partial(store.pauses_of, tenant=tenant))
            self._shops[tenant] = _Shop(versions, pauses)

    async def run(self) -> None:
        """Keeps the book fresh until it is cancelled."""
        while True:
            self.rounds += 1
            try:
                await self.refresh()
            except StorageUnavailable as error:
                log.warning("the policies were not refreshed", problem=str(error))
            await asyncio.sleep(LOOK_S)

    async def _put(self, put: Callable[..., T]) -> T:
        made = await self._tried(put)
        await self.refresh()
        return made

    async def _tried(self, put: Callable[..., T]) -> T:
        for _ in range(PUT_ATTEMPTS_MAX - 1):
            with suppress(Conflict):  # two put into a shop's book at once
                return await self._orders.write(put)
        return await self._orders.write(put)


_NONE: Final = _Shop()
