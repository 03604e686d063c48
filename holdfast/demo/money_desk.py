"""Sees to the money: paid orders become effective, and staff handles those that do not."""

import time
from datetime import UTC, datetime, timedelta

from holdfast.demo.callers import for_each
from holdfast.demo.checkout import Checkout
from holdfast.demo.money import PROVIDER, sums_of
from holdfast.demo.plan import Delivery, Review
from holdfast.demo.shop import Shop
from holdfast.demo.waiting import until_done
from holdfast.order.v1 import fulfilment_pb2, order_pb2, payment_pb2

STATEMENT_EVERY_S = 1.0
"""Callbacks have this long; then the provider's statement is read."""
RECONCILE_TIMEOUT_MS = 120_000

_S = order_pb2.Order
ON_THE_WAY = (_S.AWAITING_PAYMENT, _S.EXPIRED, _S.CONFIRMING, _S.CONFIRMED)
"""The states of a paid order before it is effective and reviewed. They are listed in the order in
which an order goes through them, so that none is missed that moves meanwhile."""


class MoneyDesk:
    """The people of a shop who see to money, and to orders before they are shipped."""

    def __init__(self, shop: Shop, checkout: Checkout, started_at: datetime) -> None:
        self._shop = shop
        self._checkout = checkout
        self._first_day = started_at.astimezone(UTC).date()
        self._statement_at_s = 0.0
        self._returned: set[str] = set()

    async def see_to_payments(self) -> None:
        """Waits until all paid money is known, and whether each paid order became effective.

        Planned cancellations of effective orders come then. Raises DemoStuckError.
        """
        shop = self._shop
        self._statement_at_s = time.monotonic() + STATEMENT_EVERY_S
        await until_done(self._left, "paid orders", shop.progress)
        cancelled = [
            account
            for account in shop.ledger.accounts
            if account.sold
            and not account.cancelled
            and shop.buyer_of(account).delivery is Delivery.CANCELLED
        ]
        await for_each(cancelled, shop.concurrency, self._checkout.cancel)

    async def reconcile(self, *, report_only: bool = False) -> list[str]:
        """Holds the provider's statements against the books; gives what was not repaired."""
        problems: list[str] = []
        day, today = self._first_day, datetime.now(UTC).date()
        while day <= today:
            request = payment_pb2.ReconcileRequest(
                provider=PROVIDER, day=day.isoformat(), report_only=report_only
            )
            answer = await self._shop.orders.ask(request, timeout_ms=RECONCILE_TIMEOUT_MS)
            repaired = sum(difference.repaired for difference in answer.differences)
            self._shop.happened.found_in_statement += repaired
            problems += [_problem(one) for one in answer.differences if not one.repaired]
            day += timedelta(days=1)
        return problems

    async def _left(self) -> int:
        await self._see_to_quarantine()
        await self._read_remarks()
        if time.monotonic() > self._statement_at_s:
            await self.reconcile()
            self._statement_at_s = time.monotonic() + STATEMENT_EVERY_S
        shop = self._shop
        on_the_way: set[str] = set()
        for state in ON_THE_WAY:
            async for summary in shop.orders.list(order_pb2.ListOrdersRequest(state=state)):
                on_the_way.add(summary.order_id)
        arrived = [order_id for order_id in shop.undecided if order_id not in on_the_way]
        await for_each(arrived, shop.concurrency, self._conclude)
        books = await shop.orders.ask(payment_pb2.GetPaymentBooksRequest())
        all_is_known = sums_of(books.books).captured_minor == shop.money.paid_minor
        return len(shop.undecided) + (not all_is_known)

    async def _conclude(self, order_id: str) -> None:
        shop = self._shop
        account = shop.undecided.pop(order_id)
        order = await shop.orders.get(order_id)
        if order.state != _S.CANCELLED:
            shop.ledger.sold(account)
        elif account.expired:
            shop.happened.late_refunded += 1
            shop.ledger.lost(account)

    async def _see_to_quarantine(self) -> None:
        """Has wrong amounts sent back; their buyers pay again."""
        pages = self._shop.orders.pages(payment_pb2.ListQuarantinedRequest())
        new = [
            payment
            async for page in pages
            for payment in page.payments
            if payment.payment_id not in self._returned
        ]
        self._returned.update(payment.payment_id for payment in new)
        await for_each(new, self._shop.concurrency, self._send_back)

    async def _send_back(self, payment: order_pb2.Payment) -> None:
        account = self._shop.account_of(_order_id(payment.payment_id))
        request = payment_pb2.ResolveQuarantinedRequest(
            payment_id=payment.payment_id,
            resolution=payment_pb2.QUARANTINE_RESOLUTION_RETURN,
            reason="it is not what the order costs",
        )
        await self._shop.command(account, request)
        await self._checkout.pay(account, await self._checkout.begin_payment(account, 2))

    async def _read_remarks(self) -> None:
        pages = self._shop.orders.pages(fulfilment_pb2.ListReviewsRequest())
        order_ids = [waiting.order_id async for page in pages for waiting in page.reviews]
        await for_each(order_ids, self._shop.concurrency, self._review)

    async def _review(self, order_id: str) -> None:
        shop = self._shop
        account = shop.account_of(order_id)
        shop.ledger.sold(account)
        shop.happened.read_by_person += 1
        refused = shop.buyer_of(account).review is Review.REFUSED
        verdict = (
            fulfilment_pb2.REVIEW_VERDICT_REFUSE
            if refused
            else fulfilment_pb2.REVIEW_VERDICT_APPROVE
        )
        if refused:
            shop.happened.refused_by_person += 1
            shop.undecided.pop(order_id, None)
            shop.ledger.gives_back(account)
        request = fulfilment_pb2.ReviewOrderRequest(
            order_id=order_id, verdict=verdict, actor="staff:review", reason="the remark was read"
        )
        await shop.command(account, request)
        if refused:
            shop.ledger.gave_back(account)


def _order_id(payment_id: str) -> str:
    return payment_id.rpartition("-")[0]


def _problem(difference: payment_pb2.Difference) -> str:
    kind = payment_pb2.DifferenceKind.Name(difference.kind).removeprefix("DIFFERENCE_KIND_")
    return (
        f"reconciliation: {kind} {difference.payment_id} {difference.refund_id}: "
        f"{difference.here_minor} here, {difference.there_minor} there"
    )
