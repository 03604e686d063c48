"""Where buyers place orders, pay them and cancel them."""

import asyncio

from holdfast.demo.effects import RESERVING, verdict_of
from holdfast.demo.ledger import Account
from holdfast.demo.requests import CARD, HASTY_CARD, order_key, place_order
from holdfast.demo.shop import Shop
from holdfast.demo.waiting import POLL_S, DemoStuckError, Patience
from holdfast.order.v1 import order_pb2, payment_pb2

CANCEL_REASON = "the buyer does not want it any more"


class Checkout:
    """The buyers' side of a shop."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def place(self, account: Account, *, hasty: bool = False) -> order_pb2.Order:
        """Places an order, perhaps again; a `hasty` one expires soon.

        It is still RESERVING where the client was killed at a bad moment: the service finds out in
        a few seconds. Then `outcome_of` waits for it.
        """
        shop = self._shop
        shop.ledger.places(account, lapses=hasty)
        method = HASTY_CARD if hasty else CARD
        review = shop.buyer_of(account).review
        request = place_order(account.order, account.attempt, shop.prices_minor, method, review)
        answer = await shop.command(account, request, {"OUT_OF_STOCK", RESERVING})
        order: order_pb2.Order = answer.order
        shop.know(account, order.order_id)
        return order

    async def outcome_of(self, account: Account, order: order_pb2.Order) -> order_pb2.Order | None:
        """The order that was placed, with its stock; None if there was none for it."""
        shop = self._shop
        if order.state == order_pb2.Order.RESERVING:
            order = await shop.order_once(
                order.order_id, lambda found: found.state != order_pb2.Order.RESERVING
            )
        if order.state != order_pb2.Order.REJECTED:
            shop.ledger.reserved(account, order.order_id)
            return order
        if not shop.ledger.refused(account, order.order_id):
            name = f"PlaceOrder {order_key(account.order, account.attempt)}"
            shop.effects.unexpected(
                name, "OUT_OF_STOCK although all that was asked for so far fits"
            )
        return None

    async def begin_payment(self, account: Account, attempt: int = 1) -> str:
        """Begins an attempt to pay and gives the payment's id; "" if it is too late."""
        allowed = {"NOT_PAYABLE"} if account.lapses else set()
        request = payment_pb2.StartPaymentRequest(
            order_id=account.order_id, payment_key=f"try-{attempt}"
        )
        patience = Patience()
        while not patience.is_over(self._shop.sign_of_life()):
            answer = await self._shop.command(account, request, allowed)
            if not verdict_of(answer).applied:
                return ""
            if answer.payment.provider_ref:
                return str(answer.payment.payment_id)
            if answer.payment.state == order_pb2.Payment.ABANDONED:
                return ""
            # Another copy of the request is just speaking to the provider.
            await asyncio.sleep(POLL_S)
        raise DemoStuckError(f"no payment reaches the provider for {account.order_id}")

    async def pay(
        self, account: Account, payment_id: str, *, amount_minor: int = 0, times: int = 1
    ) -> None:
        """The buyer's bank sends money: 0 means what was asked for."""
        captured_minor = await self._shop.outside.pay(
            payment_id, amount_minor=amount_minor, times=times
        )
        self._shop.money.paid(payment_id, captured_minor)
        self._shop.undecided[account.order_id] = account

    async def buy(self, account: Account) -> bool:
        """Places an order and pays it at once; returns whether there was stock for it."""
        if not await self.outcome_of(account, await self.place(account)):
            return False
        await self.pay(account, await self.begin_payment(account))
        return True

    async def cancel(self, account: Account) -> None:
        """Cancels an order that has not left the warehouse."""
        ledger = self._shop.ledger
        ledger.gives_back(account)
        request = order_pb2.CancelOrderRequest(
            order_id=account.order_id, reason=CANCEL_REASON, actor="buyer"
        )
        await self._shop.command(account, request)
        ledger.gave_back(account)
