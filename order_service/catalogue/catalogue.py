"""The catalogue in memory: every order is held against it, none waits for the database.

It is read anew when its version has changed. That is looked at every second, at once
where something is missing in it, and after each change by this process.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

import structlog
from sqlalchemy import Connection

from order_service.catalogue import store
from order_service.catalogue.contracts import NO_CONTRACT, Contract
from order_service.catalogue.model import (
    Article,
    Assortment,
    Atlas,
    Place,
    Warehouse,
)
from order_service.catalogue.store import Changes
from order_service.storage.database import Conflict, StorageUnavailable
from order_service.storage.orders import Orders

LOOK_S: Final = 1.0
PUT_ATTEMPTS_MAX: Final = 3

log = structlog.get_logger()
T = TypeVar("T")


class _Shop:
    """A shop's catalogue as it was last read."""

    def __init__(self) -> None:
        self.version = 0
        self.articles: dict[str, Article] = {}
        self.warehouses: dict[str, Warehouse] = {}
        self.places: dict[tuple[str, str, str], Place] = {}
        self.contracts: dict[str, list[Contract]] = {}
        self.assortment = Assortment(self.articles, (), Atlas(), self.contracts)

    def learn(self, changes: Changes) -> None:
        """Takes over what has changed."""
        self.version = max(self.version, changes.version)
        self.articles.update({article.sku: article for article in changes.articles})
        if changes.warehouses or changes.places:
            self.warehouses.update({each.location: each for each in changes.warehouses})
            self.places.update(
                {(each.country, each.region, each.postcode_prefix): each for each in changes.places}
            )
            in_order = sorted(self.warehouses.values(), key=store.preference)
            self.assortment = Assortment(
                self.articles,
                tuple(warehouse for warehouse in in_order if not warehouse.closed),
                Atlas(self.places.values()),
                self.contracts,
            )
        for contract in sorted(changes.contracts, key=lambda each: each.contract_no):
            known = self.contracts.setdefault(contract.merchant_id, [])
            if len(known) < contract.contract_no:
                known.append(contract)


class Catalogue:
    """The catalogues of all shops, as they were within the last second.

    Raises StorageUnavailable from every coroutine.
    """

    def __init__(self, orders: Orders) -> None:
        self.rounds = 0
        self._orders = orders
        self._shops: dict[str, _Shop] = {}
        self._reading = asyncio.Lock()
        self._reads_begun = 0
        self._last_good_read = 0

    @property
    def tenants(self) -> Sequence[str]:
        """The shops that have a catalogue: no other can have orders."""
        return list(self._shops)

    def assortment(self, tenant: str) -> Assortment:
        """Reads the articles and warehouses of a shop."""
        shop = self._shops.get(tenant)
        return shop.assortment if shop else _NOTHING

    def contract(self, tenant: str, merchant_id: str, contract_no: int) -> Contract | None:
        """A merchant's contract of a number; None where this process has not heard of it yet."""
        if not contract_no:
            return NO_CONTRACT
        known = self.assortment(tenant).contracts.get(merchant_id, ())
        return known[contract_no - 1] if contract_no <= len(known) else None

    async def put_contract(
        self, tenant: str, contract: Contract, now_ms: int
    ) -> tuple[Contract, bool]:
        """Writes the contract that follows a merchant's last; the second value: it is the last.

        Raises InvalidField.
        """
        put = partial(store.put_contract, tenant=tenant, wanted=contract, now_ms=now_ms)
        made, replayed = await self._put(put)
        await self.refresh()
        return made, replayed

    async def refresh(self) -> None:
        """Learns what has been put before this call, by any process."""
        begun = self._reads_begun
        async with self._reading:
            if self._last_good_read > begun:
                return  # somebody has read it all after this call was made
            self._reads_begun += 1
            for tenant, version in (await self._orders.read(store.versions)).items():
                await self._read(tenant, version)
            self._last_good_read = self._reads_begun

    async def _read(self, tenant: str, version: int) -> None:
        shop = self._shops.get(tenant) or _Shop()
        if shop.version < version:
            changes = partial(store.changes_since, tenant=tenant, version=shop.version)
            shop.learn(await self._orders.read(changes))
            self._shops[tenant] = shop

    async def run(self) -> None:
        """Keeps the catalogue fresh until it is cancelled."""
        while True:
            self.rounds += 1
            try:
                await self.refresh()
            except StorageUnavailable as error:
                log.warning("the catalogue was not refreshed", problem=str(error))
            await asyncio.sleep(LOOK_S)

    async def put(
        self,
        tenant: str,
        things: Sequence[Article | Warehouse | Place],
        part: store.Part | None = None,
    ) -> int:
        """Creates things of one kind or overwrites them or a part of each, all or none.

        Returns the catalogue's version. Raises InvalidField for too many warehouses, and for things
        that are not right with that part changed.
        """
        put = partial(store.put, tenant=tenant, things=things, part=part)
        version = await self._put(put)
        await self.refresh()
        return version

    async def _put(self, put: Callable[[Connection], T]) -> T:
        for _ in range(PUT_ATTEMPTS_MAX - 1):
            with suppress(Conflict):  # two put into a catalogue that was not there yet
                return await self._orders.write(put)
        return await self._orders.write(put)


_NOTHING: Final = Assortment({}, (), Atlas())
