"""The sale: what a crowd of buyers does at once, and what is offered again when units come back."""

import asyncio
import time
from collections.abc import Callable, Sequence

from holdfast.commands import Command, Confirm, Release, Reserve
from holdfast.demo.callers import Callers, Tally, for_each
from holdfast.demo.ledger import Account, Ledger
from holdfast.demo.plan import Buyer, Ending, delivery_commands
from holdfast.demo.returns import ReturnsDesk
from holdfast.types import Result, State

DEADLINE_MARGIN_MS = 50
"""How long after its deadline a buyer who let a reservation lapse comes back."""

RESERVE_CALL, ENDING_CALL, FIRST_DELIVERY_CALL = 0, 1, 2
"""The numbers of a buyer's calls, by which its mishaps are planned."""


class Sale:
    """One replay: `concurrency` buyers at once, by their plans.

    `now_ms` tells the time in milliseconds since the epoch, on the engine's clock.
    """

    def __init__(
        self,
        callers: Callers,
        ledger: Ledger,
        tally: Tally,
        buyers: Sequence[Buyer],
        concurrency: int,
        now_ms: Callable[[], float],
    ) -> None:
        self._callers = callers
        self._ledger = ledger
        self._tally = tally
        self._buyers = buyers
        self._numbers = {buyer.order.order_id: number for number, buyer in enumerate(buyers)}
        self._concurrency = concurrency
        self._turns = asyncio.Semaphore(concurrency)
        self._now_ms = now_ms

    async def sell(
        self, on_buyer_done: Callable[[], None], on_all_done: Callable[[], None]
    ) -> float:
        """Lets every buyer come once; returns when the last deadline has passed.

        Gives the seconds in which orders came in: the wait for the last deadlines is not in it.
        """
        started_at = time.perf_counter()
        async with asyncio.TaskGroup() as lapsing:

            async def come(buyer: Buyer) -> None:
                async with self._turns:
                    await self._buy(buyer, lapsing)
                on_buyer_done()

            await for_each(self._buyers, self._concurrency, come)
            on_all_done()
            return time.perf_counter() - started_at

    async def offer_again(self) -> int:
        """Offers what came back to every order still wanting, in the log's order.

        Gives how many orders took it; those are confirmed and delivered. When it is 0, nothing has
        moved during the round: every refusal was judged on the levels as they are.
        """
        wanting = self._ledger.wanting()
        answers = await self._callers.apply([self._try_again(account) for account in wanting])
        filled = [
            account for account, answer in zip(wanting, answers, strict=True) if answer.applied
        ]
        await for_each(filled, self._concurrency, self._serve)
        return len(filled)

    async def take_returns(self, desk: ReturnsDesk) -> int:
        """Sends every return that matches something shipped by now; gives how many pieces."""
        returns = desk.take_in()

        async def send_back(piece: Command) -> None:
            await self._callers.call(self._numbers[piece.reservation_id], piece)

        await for_each(returns, self._concurrency, send_back)
        return len(returns)

    async def _buy(self, buyer: Buyer, lapsing: asyncio.TaskGroup) -> None:
        reserved = await self._call(buyer, RESERVE_CALL, _reserve(buyer))
        if not reserved.applied:
            return
        match buyer.ending:
            case Ending.CONFIRM:
                await self._call(buyer, ENDING_CALL, Confirm(buyer.order.order_id))
                await self._deliver(buyer)
            case Ending.RELEASE:
                await self._call(buyer, ENDING_CALL, Release(buyer.order.order_id))
            case Ending.LAPSE | Ending.LAPSE_AND_REACQUIRE:
                lapsing.create_task(self._come_back_late(buyer, reserved.expires_at_ms))

    async def _come_back_late(self, buyer: Buyer, expires_at_ms: int) -> None:
        left_ms = expires_at_ms + DEADLINE_MARGIN_MS - self._now_ms()
        await asyncio.sleep(max(left_ms, 0) / 1_000)
        reacquire = buyer.ending is Ending.LAPSE_AND_REACQUIRE
        async with self._turns:
            self._tally.expired += 1
            confirm = Confirm(buyer.order.order_id, reacquire_if_expired=reacquire)
            answer = await self._call(buyer, ENDING_CALL, confirm)
            if answer.applied:
                self._tally.reacquired += 1
                await self._deliver(buyer)

    def _try_again(self, account: Account) -> Command:
        # An order that was accepted and still wants units has expired and been refused since.
        if account.accepted:
            return Confirm(account.order.order_id, reacquire_if_expired=True)
        return _reserve(self._buyer_of(account))

    async def _serve(self, account: Account) -> None:
        buyer = self._buyer_of(account)
        if account.state is State.CONFIRMED:
            self._tally.reacquired += 1
        else:
            # A short deadline may pass between the two calls of this round.
            confirm = Confirm(buyer.order.order_id, reacquire_if_expired=True)
            confirmed = await self._call(buyer, ENDING_CALL, confirm)
            if not confirmed.applied:
                return
        await self._deliver(buyer)

    async def _deliver(self, buyer: Buyer) -> None:
        for number, command in enumerate(delivery_commands(buyer), FIRST_DELIVERY_CALL):
            await self._call(buyer, number, command)

    async def _call(self, buyer: Buyer, call_number: int, command: Command) -> Result:
        caller = self._numbers[buyer.order.order_id]
        return await self._callers.call(caller, command, buyer.mishap(call_number))

    def _buyer_of(self, account: Account) -> Buyer:
        return self._buyers[self._numbers[account.order.order_id]]


def _reserve(buyer: Buyer) -> Reserve:
    """The buyer's Reserve: the same content every time, as the same id demands."""
    order = buyer.order
    return Reserve(order.order_id, order.lines, buyer.ttl_ms, order.buyer_id)
