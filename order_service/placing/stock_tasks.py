"""The tasks that speak to the engine for orders: reserve, confirm, release, cancel.

Each can be done again: the engine knows reservations by the order's id, and cancellations by the
task's.
"""

from collections import Counter
from functools import partial
from typing import Final

from holdfast.client import Client
from holdfast.outcomes import Outcome
from holdfast.types import Result
from order_service.fulfilment.cancelling import grant_once_confirmed
from order_service.order.draft import Decide, Draft
from order_service.order.model import Order
from order_service.order.states import OrderEvent, OrderState
from order_service.order.tasks import (
    CancelStock,
    ConfirmStock,
    ReleaseStock,
    ReserveStock,
    ReviewOrder,
    TaskKind,
    Todo,
    WaitDue,
)
from order_service.payment.methods import Methods
from order_service.payment.refunds import refund_all
from order_service.placing.decisions import WAITS_FOR_STOCK, apply_stock_answer, wait_due
from order_service.placing.queue import StockDesk
from order_service.relay.handler import GiveUp, Learned, TryLater, handles

CONFIRM_AGAIN_TTL_MS: Final = 60_000
"""For how long a reservation is kept that is only made to be confirmed at once."""

_OVER: Final = frozenset(
    {
        Outcome.APPLIED,
        Outcome.NOT_FOUND,
        Outcome.ALREADY_EXPIRED,
        Outcome.ALREADY_RELEASED,
        Outcome.ALREADY_CANCELLED,
    }
)


class StockTasks:
    """Does the stock tasks of orders."""

    def __init__(self, engine: Client, desk: StockDesk, methods: Methods) -> None:
        self._engine = engine
        self._desk = desk
        self._methods = methods

    @handles(ReserveStock)
    async def reserve(self, order: Order, _todo: Todo[ReserveStock]) -> Decide | None:
        """Finishes an order whose process died before it knew that stock was reserved."""
        if order.state not in WAITS_FOR_STOCK:
            return None
        answer = await self._desk.reserve(order)
        return Learned(partial(apply_stock_answer, answer=answer, methods=self._methods))

    @handles(WaitDue)
    async def wait_due(self, _order: Order, _todo: Todo[WaitDue]) -> Decide | None:
        """Ends the wait of an order that has waited long enough."""
        return wait_due

    @handles(ConfirmStock)
    async def confirm(self, order: Order, _todo: Todo[ConfirmStock]) -> Decide | None:
        """Sells the stock of a paid order, taking it again where the reservation has expired."""
        if order.state is not OrderState.CONFIRMING:
            return None
        result = await self._confirmed(order)
        if result.applied:
            return Learned(stock_confirmed)
        return partial(stock_lost, why=f"its stock is gone: {result.outcome.name}")

    @handles(ReleaseStock)
    async def release(self, order: Order, todo: Todo[ReleaseStock]) -> Decide | None:
        """Gives back the stock of an order that was closed, or keeps it from being reserved."""
        result = await self._engine.release(order.reservation_id, tenant=order.tenant)
        if result.outcome is Outcome.ALREADY_CONFIRMED:
            return await self.cancel(order, todo.task)
        _check_over(result)
        return None

    @handles(CancelStock)
    async def cancel(self, order: Order, todo: Todo[CancelStock]) -> Decide | None:
        """Gives back the confirmed stock of an order that was cancelled."""
        result = await self._engine.cancel(
            order.reservation_id, todo.task.task_id, tenant=order.tenant
        )
        _check_over(result)
        return None

    async def _confirmed(self, order: Order) -> Result:
        result = await self._engine.confirm(
            order.reservation_id, reacquire_if_expired=True, tenant=order.tenant
        )
        if result.outcome is not Outcome.NOT_FOUND:
            return result
        # The engine keeps reservations that are over for some days only; money can take longer.
        units: Counter[tuple[str, str]] = Counter()
        for line in order.lines:
            units[line.sku, line.location] += line.quantity
        lines = [(sku, quantity, location) for (sku, location), quantity in units.items()]
        reserved = await self._engine.reserve(
            order.reservation_id,
            lines,
            ttl_ms=CONFIRM_AGAIN_TTL_MS,
            buyer_id=order.buyer_id,
            tenant=order.tenant,
        )
        if not reserved.applied:
            return reserved
        return await self._engine.confirm(order.reservation_id, tenant=order.tenant)


def stock_confirmed(draft: Draft) -> None:
    """The order is effective, and goes on to its review, unless it was to be cancelled."""
    order = draft.order
    if order.state is not OrderState.CONFIRMING:
        return
    draft.move(order, OrderEvent.STOCK_CONFIRMED)
    if not grant_once_confirmed(draft):
        draft.send(ReviewOrder())


def stock_lost(draft: Draft, why: str) -> None:
    """There is no stock for a paid order any more: it is cancelled, and the money goes back."""
    order = draft.order
    if order.state is not OrderState.CONFIRMING:
        return
    draft.move(order, OrderEvent.STOCK_LOST, why)
    draft.update(order, closed_reason=why)
    draft.forget(TaskKind.CANCEL_ORDER)
    draft.forget(TaskKind.CANCEL_PARCEL)  # of units that were refunded before they were sold
    refund_all(draft, why)


def _check_over(result: Result) -> None:
    """Raises unless nothing of the reservation is held any more."""
    if result.outcome is Outcome.NOT_CONFIRMED:
        raise TryLater("the reservation is not confirmed yet")
    if result.outcome not in _OVER:
        raise GiveUp(f"the engine says {result.outcome.name}")
