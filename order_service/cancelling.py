"""Cancels an order that has not left the warehouse (O14): its stock and its money go back.

Before that, the provider of each open attempt to pay is asked (P2): an order that turns out to be
paid is brought to that first, and an order of a silent provider is not cancelled.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from holdfast.errors import HoldfastError, Reason
from order_service.draft import Draft
from order_service.fulfilment.withdrawing import cancel_unshipped
from order_service.model import Order
from order_service.payment.asking import Answer, all_answered, close_open, learn_all
from order_service.payment.attempts import open_payments
from order_service.payment.methods import CASH
from order_service.payment.port import Providers
from order_service.payment.refunds import refund_all
from order_service.refusals import RefusalReason, Refused
from order_service.states import ORDER, OrderEvent, OrderState
from order_service.storage.orders import Orders
from order_service.tasks import TaskKind

# In these its stock was not confirmed: it is released; in the others it is cancelled.
_NOT_CONFIRMED = frozenset(
    {OrderState.RESERVING, OrderState.BACKORDERED, OrderState.AWAITING_PAYMENT}
)


class Cancelled(NamedTuple):
    """What came of it: the order, whether it was cancelled before, or why it could not be."""

    order: Order
    replayed: bool = False
    refused: Refused | None = None


class Cancelling:
    """Cancels orders. `providers` are asked before."""

    def __init__(self, orders: Orders, providers: Providers) -> None:
        self._orders = orders
        self._providers = providers

    async def cancel(self, order: Order, reason: str, actor: str) -> Cancelled:
        """Closes the order. Raises HoldfastError where a provider does not say whether it was paid.

        An order that cannot be cancelled is `refused`, with WRONG_STATE.
        """
        answers: list[Answer] = []
        if ORDER.allows(order.state, OrderEvent.CANCEL):
            answers = await close_open(self._providers, order)
            if not all_answered(answers):
                raise HoldfastError.of(Reason.PROVIDER_UNREACHABLE, order_id=order.order_id)
        return await self._orders.change(
            order.order_id, partial(cancel, answers=answers, reason=reason), actor
        )


def cancel(draft: Draft, answers: Sequence[Answer], reason: str) -> Cancelled:
    """Cancels the order, given what the providers of its open attempts answered.

    Returns the refusal instead of raising it: what was learned must be written all the same.
    """
    learn_all(draft, answers)
    order = draft.order
    if order.state is OrderState.CANCELLED:
        return Cancelled(order, replayed=True)
    if not ORDER.allows(order.state, OrderEvent.CANCEL):
        return Cancelled(order, refused=_wrong_state(order, order.state))
    asked = {answer.payment_id for answer in answers}
    for payment in open_payments(order):
        if payment.provider != CASH and payment.payment_id not in asked:
            # Begun while the others were asked; whoever tries again asks for it, too.
            return Cancelled(order, refused=_wrong_state(order, f"{order.state} and being paid"))
    not_confirmed = order.state in _NOT_CONFIRMED
    draft.move(order, OrderEvent.CANCEL, reason)
    draft.update(order, closed_reason=reason)
    for kind in (TaskKind.RESERVE, TaskKind.PAYMENT_DUE):
        draft.forget(kind)
    cancel_unshipped(draft, reason)
    draft.send(TaskKind.RELEASE if not_confirmed else TaskKind.CANCEL)
    refund_all(draft, "the order was cancelled")
    return Cancelled(order)


def _wrong_state(order: Order, state: str) -> Refused:
    return Refused(
        RefusalReason.WRONG_STATE,
        thing="order",
        name=order.order_id,
        state=state,
        event=OrderEvent.CANCEL,
    )
