"""The sale: what a crowd of buyers does at once, and what is offered again when units come back."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from holdfast.client import Client
from holdfast.demo.callers import for_each
from holdfast.demo.checkout import Checkout
from holdfast.demo.ledger import Account
from holdfast.demo.plan import Paying
from holdfast.demo.shop import Shop
from holdfast.order.v1 import order_pb2

DEADLINE_MARGIN_MS = 50
"""A buyer who let an order expire comes back this long after the end of its reservation."""


@dataclass(frozen=True, slots=True)
class SaleTime:
    """The `seconds` in which buyers came, paid and left, and the `calls` made in them.

    It took `reserving_s` until the last of them was told whether there is stock: `reserved` orders
    had it by then. `accepted` were with those of which that was known only later.
    """

    seconds: float
    reserving_s: float
    reserved: int
    calls: int
    accepted: int


class Sale:
    """The buyers of a shop, as many at once as its concurrency says.

    `engine` tells when reservations end, `now_ms` the time since the epoch on the engine's clock.
    """

    def __init__(
        self, shop: Shop, checkout: Checkout, engine: Client, now_ms: Callable[[], float]
    ) -> None:
        self._shop = shop
        self._checkout = checkout
        self._engine = engine
        self._now_ms = now_ms

    async def sell(self, meanwhile: Callable[[], Awaitable[object]]) -> SaleTime:
        """Lets every buyer come once; returns when the last order has expired that was to.

        When all have come, and some orders are still to expire, others do their work `meanwhile`.
        """
        shop = self._shop
        accounts = shop.ledger.accounts
        shop.progress.enter("Selling", len(accounts))
        started_at = time.perf_counter()
        async with asyncio.TaskGroup() as waiting:

            async def come(account: Account) -> None:
                await self._buy(account, waiting)
                shop.progress.step()

            await for_each(accounts, shop.concurrency, come)
            tally, reserved = shop.callers.tally, shop.ledger.accepted_orders()
            sold_s, calls = time.perf_counter() - started_at, tally.calls
            await meanwhile()
            shop.progress.enter("Waiting for the last deadlines")
        reserving_s, accepted = tally.placed_at_s - started_at, shop.ledger.accepted_orders()
        return SaleTime(sold_s, reserving_s, reserved, calls, accepted)

    async def offer_again(self) -> int:
        """Offers what came back to every order still wanting for which there is enough.

        Gives how many orders took it. When it is 0, nothing has moved during the round: every
        refusal was judged on the levels as they are.
        """
        took: list[Account] = []

        async def offer(account: Account) -> None:
            if await self._checkout.buy(account):
                took.append(account)

        await for_each(self._shop.ledger.fitting(), self._shop.concurrency, offer)
        return len(took)

    async def _buy(self, account: Account, waiting: asyncio.TaskGroup) -> None:
        """Lets one buyer come. A buyer who has to wait for stock waits as a task of `waiting`."""
        hasty = self._shop.buyer_of(account).paying.lets_it_expire
        order = await self._checkout.place(account, hasty=hasty)
        if order.state == order_pb2.Order.RESERVING:
            waiting.create_task(self._end(account, order, waiting))
        else:
            await self._end(account, order, waiting)

    async def _end(
        self, account: Account, order: order_pb2.Order, waiting: asyncio.TaskGroup
    ) -> None:
        checkout, happened = self._checkout, self._shop.happened
        paying = self._shop.buyer_of(account).paying
        if not await checkout.outcome_of(account, order):
            return
        if paying is Paying.CANCELS:
            await checkout.cancel(account)
            return
        payment_id = await checkout.begin_payment(account)
        match paying:
            case Paying.AT_ONCE:
                await checkout.pay(account, payment_id)
            case Paying.TWICE:
                happened.paid_twice += 1
                await checkout.pay(account, payment_id, times=2)
            case Paying.DECLINED_FIRST:
                happened.declined += 1
                await self._shop.outside.decline(payment_id)
                await checkout.pay(account, await checkout.begin_payment(account, 2))
            case Paying.WRONG_AMOUNT_FIRST:
                happened.wrong_amounts += 1
                too_little_minor = order.amounts.total_minor - 1
                await checkout.pay(account, payment_id, amount_minor=too_little_minor)
            case Paying.CANCELS_AND_PAYS:
                happened.paid_after_cancelling += 1
                await checkout.cancel(account)
                await checkout.pay(account, payment_id)
            case Paying.LATE | Paying.NEVER:
                waiting.create_task(self._let_expire(account, payment_id))

    async def _let_expire(self, account: Account, payment_id: str) -> None:
        reservation = await self._engine.get_reservation(account.order_id)
        left_ms = reservation.expires_at_ms + DEADLINE_MARGIN_MS - self._now_ms()
        await asyncio.sleep(max(left_ms, 0) / 1_000)
        await self._shop.order_once(
            account.order_id, lambda order: order.state == order_pb2.Order.EXPIRED
        )
        self._shop.ledger.expired(account)
        if payment_id and self._shop.buyer_of(account).paying is Paying.LATE:
            self._shop.happened.paid_late += 1
            await self._checkout.pay(account, payment_id)
