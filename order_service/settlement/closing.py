"""Opens and closes statements, and does what their deadlines do, as time goes on."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

import structlog
from sqlalchemy import Connection

from order_service.settlement.statement_store import SERVICE, ContractOf, Ledger
from order_service.storage.database import Conflict, StorageUnavailable, WriteRefused
from order_service.storage.orders import Orders

LOOK_S: Final = 10.0
LAPSED_MAX: Final = 10_000
"""Statements that are moved in one round."""

log = structlog.get_logger()
T = TypeVar("T")


class Settlement:
    """The statements of all shops. `contract_of` names a merchant's contract that is in force."""

    def __init__(self, orders: Orders, contract_of: ContractOf) -> None:
        self.rounds = 0
        self._orders = orders
        self._contract_of = contract_of

    async def change(self, decide: Callable[[Ledger], T], actor: str) -> T:
        """Makes a change of statements, in a transaction. Raises what it raises, Conflict,
        StorageUnavailable.
        """
        return await self._orders.write(partial(self._in, decide=decide, actor=actor))

    def _in(self, connection: Connection, decide: Callable[[Ledger], T], actor: str) -> T:
        orders = self._orders
        ledger = Ledger(connection, orders.ids, self._contract_of, orders.clock_ms(), actor)
        return decide(ledger)

    async def look(self) -> int:
        """Does all that is due now; returns how many statements it has moved."""
        await self.change(Ledger.begin, SERVICE)
        count = 0
        # One at a time: a merchant's balance is locked no longer than its own statement takes.
        while count < LAPSED_MAX and await self.change(Ledger.lapse, SERVICE):
            count += 1
        return count

    async def run(self) -> None:
        """Looks at the statements until it is cancelled."""
        while True:
            self.rounds += 1
            try:
                await self.look()
            except (Conflict, StorageUnavailable, WriteRefused) as error:
                log.warning("statements were not looked at", problem=str(error))
            await asyncio.sleep(LOOK_S)
