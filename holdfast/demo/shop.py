"""The things that all parts of the demo share: the plans, the accounts, the connections."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.demo.callers import Callers
from holdfast.demo.effects import Effects
from holdfast.demo.ledger import Account, Ledger
from holdfast.demo.money import MoneyAccount
from holdfast.demo.outside import Outside
from holdfast.demo.plan import Buyer
from holdfast.demo.waiting import POLL_S, DemoStuckError, Patience, Stages
from holdfast.order.v1 import order_pb2
from holdfast.orders import OrderClient

STAFF = 0
"""The caller of requests that belong to no single order."""


@dataclass(slots=True)
class Happenings:
    """Counts of what buyers and staff did on purpose; every figure counts orders or parcels."""

    paid_twice: int = 0
    declined: int = 0
    wrong_amounts: int = 0
    paid_late: int = 0
    late_refunded: int = 0
    paid_after_cancelling: int = 0
    found_in_statement: int = 0
    read_by_person: int = 0
    refused_by_person: int = 0
    parcels: int = 0
    short_picks: int = 0
    wrong_scans: int = 0


@dataclass(slots=True)
class Shop:
    """The state of one replay. `buyers` are by the position of their orders in the log.

    `undecided`: paid orders, by id, that may or may not have become effective by now.
    """

    buyers: Mapping[int, Buyer]
    prices_minor: Mapping[str, int]
    ledger: Ledger
    money: MoneyAccount
    callers: Callers
    outside: Outside
    progress: Stages
    concurrency: int
    happened: Happenings = field(default_factory=Happenings)
    undecided: dict[str, Account] = field(default_factory=dict)
    _calls: Counter[int] = field(default_factory=Counter)
    _accounts: dict[str, Account] = field(default_factory=dict)

    @property
    def effects(self) -> Effects:
        """The effects of each command, by the answers."""
        return self.callers.effects

    @property
    def orders(self) -> OrderClient:
        """The client for requests that change nothing."""
        return self.callers.orders

    def buyer_of(self, account: Account) -> Buyer:
        """The buyer of an account."""
        return self.buyers[account.order.position]

    def know(self, account: Account, order_id: str) -> None:
        """Notes the id that an account's order has at the order service."""
        self._accounts[order_id] = account

    def order_ids(self) -> Iterable[str]:
        """Every order that was placed, those of earlier attempts too."""
        return self._accounts

    def account_of(self, order_id: str) -> Account:
        """The account of an order of the order service."""
        return self._accounts[order_id]

    def sign_of_life(self) -> object:
        """Changes as long as the demo gets on: with the progress of the stage it is in."""
        return self.progress.done, len(self._accounts)

    async def order_once(
        self, order_id: str, reached: Callable[[order_pb2.Order], bool]
    ) -> order_pb2.Order:
        """The order once it is where it has to come by itself. Raises DemoStuckError."""
        patience = Patience()
        while True:
            order = await self.orders.get(order_id)
            if reached(order):
                return order
            if patience.is_over((order.version, self.sign_of_life())):
                state = order_pb2.Order.State.Name(order.state)
                raise DemoStuckError(f"order {order_id} is still {state}, and nothing happens")
            await asyncio.sleep(POLL_S)

    async def command(self, account: Account, request: Any, allowed: Collection[str] = ()) -> Any:
        """Sends a request that is about one order, with the mishap that is planned for it."""
        position = account.order.position
        mishap = self.buyers[position].mishap(self._calls[position])
        self._calls[position] += 1
        return await self.callers.command(position, request, mishap, allowed)
