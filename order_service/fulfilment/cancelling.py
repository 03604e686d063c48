"""Cancels an order, a merchant's part or one shipment of it, that has not left the warehouse (O14).

Its stock and its money go back; where a part or a shipment is left out, the buyer gets the others.

Before an order is cancelled, the provider of each open attempt to pay is asked (P2): an order that
turns out to be paid is brought to that first. The wish is written down before, as a task that goes
on asking while a provider is silent: as soon as it is known whether there is money, the order is
cancelled, and the money goes back.
"""

from collections.abc import Collection, Sequence
from functools import partial
from typing import Final, NamedTuple

from order_service.fulfilment.giving_back import give_back
from order_service.fulfilment.incidents import close_with_refund
from order_service.fulfilment.leaving_out import leave_out_part
from order_service.fulfilment.merchant_parts import (
    is_all_there_is,
    is_left_out,
    parcels_gone,
    part_of,
)
from order_service.fulfilment.stopping import leave_behind
from order_service.fulfilment.warehouse import withdraw
from order_service.order.draft import Decide, Draft
from order_service.order.machines import ORDER, SHIPMENT
from order_service.order.model import Order, Shipment
from order_service.order.records import MoneyCaseKind
from order_service.order.refusals import RefusalReason, Refused, wrong_state
from order_service.order.states import OrderEvent, OrderState, ShipmentEvent, ShipmentState
from order_service.order.tasks import (
    CancelOrder,
    CancelShipmentStock,
    CancelStock,
    ClosePayment,
    ReleaseStock,
    TaskKind,
    Todo,
    todos,
)
from order_service.payment.asking import (
    Answer,
    all_answered,
    close_open,
    learn_all,
    may_still_pay,
    unanswered,
)
from order_service.payment.cases import open_case
from order_service.payment.providers.port import Fact, FactKind, Providers
from order_service.payment.refunds import refund_all
from order_service.relay.handler import Learned, NotHere, TryLater, handles
from order_service.storage.orders import Orders

ASK_AGAIN_MS: Final = 5_000
"""The pause before the task asks the providers, because the first caller has just asked them."""

# In these its stock was not confirmed: it is released; in the others it is cancelled.
_NOT_CONFIRMED = frozenset(
    {OrderState.RESERVING, OrderState.BACKORDERED, OrderState.AWAITING_PAYMENT}
)
# In these a merchant's part may be there still, and its units are sold.
_SOLD_NOT_ALL_GONE: Final = frozenset(
    {OrderState.CONFIRMED, OrderState.IN_FULFILMENT, OrderState.PARTLY_SHIPPED}
)
# Tasks of an order that has been cancelled.
_POINTLESS_TASKS: Final = (
    TaskKind.RESERVE,
    TaskKind.WAIT_DUE,
    TaskKind.PAYMENT_DUE,
    TaskKind.REVIEW,
    TaskKind.SOURCE_ANEW,
    TaskKind.CANCEL_ORDER,
)


class Cancelled(NamedTuple):
    """The order, whether it was cancelled before, and the refusal where it could not be."""

    order: Order
    replayed: bool = False
    refused: Refused | None = None


class Cancelling:
    """Cancels orders. `providers` are asked before."""

    def __init__(self, orders: Orders, providers: Providers) -> None:
        self._orders = orders
        self._providers = providers

    async def cancel(
        self, order: Order, reason: str, actor: str, merchant_id: str = "", *, force: bool = False
    ) -> Cancelled:
        """Closes the order, or leaves a merchant's part out of it.

        An order that cannot be cancelled is `refused` with WRONG_STATE. It is refused with
        UNDER_WAY, and cancelled later, while a provider does not say whether it was paid, and while
        its stock is being confirmed. Raises Refused: NOT_FOUND, where the merchant has no part.

        With `force` it does not wait for a provider's word (`cancel_unanswered`).
        """
        if merchant_id and not is_all_there_is(order, part_of(order, merchant_id)):
            leave_out = partial(cancel_part, merchant_id=merchant_id, reason=reason)
            return await self._orders.change(order.order_id, leave_out, actor)
        answers: list[Answer] = []
        if _needs_answers(order):
            await self._orders.change(order.order_id, partial(wish, reason=reason), actor)
            answers = await close_open(self._providers, order)
        decide = partial(cancel, answers=answers, reason=reason)
        if force:
            decide = partial(
                cancel_unanswered, answers=answers, reason=reason, known=set(self._providers)
            )
        return await self._orders.change(order.order_id, decide, actor)

    @handles(CancelOrder)
    async def carry_out(self, order: Order, todo: Todo[CancelOrder]) -> Decide | None:
        """Cancels an order that could not be cancelled at once. Raises TryLater."""
        if order.state is OrderState.CONFIRMING:
            raise TryLater("it turned out to be paid, and its stock is being confirmed")
        merchant_id = todo.payload.merchant_id
        if merchant_id:
            return partial(grant_part, merchant_id=merchant_id, reason=todo.payload.reason)
        answers: list[Answer] = []
        if _needs_answers(order):
            for payment in may_still_pay(order):
                if payment.provider not in self._providers:
                    raise NotHere(f"provider {payment.provider} is not set up here")
            answers = await close_open(self._providers, order)
            if not all_answered(answers):
                raise TryLater("a payment provider does not say whether it was paid")
        granted = partial(grant, answers=answers, reason=todo.payload.reason)
        return Learned(partial(learn_all, answers=answers), granted)


def wish(draft: Draft, reason: str, merchant_id: str = "") -> None:
    """Writes down that the order, or a merchant's part, is to be cancelled later, unless that is
    written already.
    """
    known = {todo.payload.merchant_id for todo in todos(draft.order, CancelOrder)}
    if known.isdisjoint({"", merchant_id}):
        what = f"the part of {merchant_id} is" if merchant_id else "is"
        draft.note(f"{what} to be cancelled: {reason}")
        draft.send(CancelOrder(reason, merchant_id), draft.now_ms + ASK_AGAIN_MS)


def grant(draft: Draft, answers: Sequence[Answer], reason: str) -> None:
    """Grants a wish that was written down before, or keeps it while that is not possible yet."""
    refused = cancel(draft, answers, reason).refused
    if refused is None or refused.reason is RefusalReason.UNDER_WAY:
        return
    draft.note(f"not cancelled, it is {draft.order.state}")
    if draft.order.state is OrderState.EXPIRED:
        # Money that still comes does not make it effective: it goes back.
        draft.update(draft.order, closed_reason=reason)


def grant_once_confirmed(draft: Draft) -> bool:
    """Cancels an order, or parts of it, that were to be while its stock was being confirmed.

    Returns whether it is cancelled. A wish that was given up after too many attempts counts, too.
    """
    wishes = [todo.payload for todo in todos(draft.order, CancelOrder)]
    whole = next((each for each in wishes if not each.merchant_id), None)
    if whole is not None:
        return cancel(draft, (), whole.reason).refused is None
    draft.forget(TaskKind.CANCEL_ORDER)
    for each in wishes:
        grant_part(draft, each.merchant_id, each.reason)
    return draft.order.state is OrderState.CANCELLED


def grant_part(draft: Draft, merchant_id: str, reason: str) -> None:
    """Grants a wish for a merchant's part that was written down before."""
    refused = cancel_part(draft, merchant_id, reason).refused
    if refused is not None and refused.reason is not RefusalReason.UNDER_WAY:
        draft.note(f"the part of {merchant_id} is not cancelled, the order is {draft.order.state}")


def cancel_unanswered(
    draft: Draft, answers: Sequence[Answer], reason: str, known: Collection[str]
) -> Cancelled:
    """Cancels the order as a person wants it, though a provider does not say whether it was paid.

    Each attempt that may still bring money becomes a case for a person; money that comes goes back.
    Nothing more is asked of a provider that is not `known` here.
    """
    learn_all(draft, answers)
    silent = unanswered(draft.order, answers)
    cancelled = cancel(draft, answers, reason, force=True)
    if cancelled.refused is None and not cancelled.replayed:
        for payment in silent:
            fact = Fact(FactKind.OPEN, payment.payment_id, payment.provider_ref)
            why = (
                f"its order was cancelled, and {payment.provider} does not say whether it was paid"
            )
            open_case(draft, MoneyCaseKind.NOT_CLOSED, payment, fact, why)
        gone = {each.payment_id for each in silent if each.provider not in known}
        for task, close in todos(draft.order, ClosePayment):
            if close.payment_id in gone:
                draft.done(task)
        if gone:
            draft.forget(TaskKind.QUERY_PAYMENT)
    return cancelled


def cancel(
    draft: Draft, answers: Sequence[Answer], reason: str, *, force: bool = False
) -> Cancelled:
    """Cancels the order, given what the providers of its open attempts answered.

    Returns the refusal instead of raising it, so that the providers' answers are written anyway.
    With `force`, what is not answered does not matter.
    """
    learn_all(draft, answers)
    order = draft.order
    if order.state is OrderState.CONFIRMING:
        wish(draft, reason)
        detail = f"the stock of order {order.order_id} is being confirmed: it is cancelled, and "
        detail += "its money goes back, as soon as that is done"
        return Cancelled(order, refused=Refused(RefusalReason.UNDER_WAY, detail=detail))
    if not ORDER.allows(order.state, OrderEvent.CANCEL):
        draft.forget(TaskKind.CANCEL_ORDER)
        if order.state is OrderState.CANCELLED:
            return Cancelled(order, replayed=True)
        return Cancelled(order, refused=_not_now(order, order.state))
    if unanswered(order, answers) and not force:
        # A provider is silent, or a payment was begun while the others were asked.
        wish(draft, reason)
        detail = f"a payment provider does not say whether order {order.order_id} was paid: it is "
        detail += "cancelled as soon as that is known"
        return Cancelled(order, refused=Refused(RefusalReason.UNDER_WAY, detail=detail))
    not_confirmed = order.state in _NOT_CONFIRMED
    draft.move(order, OrderEvent.CANCEL, reason)
    draft.update(order, closed_reason=reason)
    for kind in _POINTLESS_TASKS:
        draft.forget(kind)
    cancel_unshipped(draft, reason)
    draft.send(ReleaseStock() if not_confirmed else CancelStock())
    refund_all(draft, "the order was cancelled")
    return Cancelled(order)


def cancel_part(draft: Draft, merchant_id: str, reason: str) -> Cancelled:
    """Leaves a merchant's part out; with the last one the order is cancelled.

    Returns the refusal, as `cancel` does: UNDER_WAY, WRONG_STATE. Raises Refused: NOT_FOUND.
    """
    order = draft.order
    number = part_of(order, merchant_id)
    if order.state is OrderState.CANCELLED or is_left_out(order, number):
        return Cancelled(order, replayed=True)
    if order.state is OrderState.CONFIRMING:
        wish(draft, reason, merchant_id)
        detail = f"the stock of order {order.order_id} is being confirmed: the part of "
        detail += f"{merchant_id} is cancelled, and its money goes back, as soon as that is done"
        return Cancelled(order, refused=Refused(RefusalReason.UNDER_WAY, detail=detail))
    if order.state is OrderState.RESERVING:
        detail = f"the stock of order {order.order_id} is being reserved: send it again"
        return Cancelled(order, refused=Refused(RefusalReason.UNDER_WAY, detail=detail))
    gone = ", ".join(each.shipment_id for each in parcels_gone(order, number))
    if gone or order.state not in _SOLD_NOT_ALL_GONE:
        state = f"on its way in {gone} (leave its other parcels out)" if gone else order.state
        if order.state in _NOT_CONFIRMED:
            state = f"of an order that is {order.state}: its amounts are fixed until it is paid"
        thing = f"the part of order {order.order_id} of merchant"
        refused = wrong_state(thing, merchant_id, state, OrderEvent.CANCEL)
        return Cancelled(order, refused=refused)
    if is_all_there_is(order, number):
        return cancel(draft, (), reason)
    leave_out_part(draft, number, reason)
    return Cancelled(order)


def cancel_unshipped(draft: Draft, why: str) -> None:
    """Cancels every shipment of an order that has not left, and closes its incidents."""
    for shipment in draft.order.shipments:
        if SHIPMENT.allows(shipment.state, ShipmentEvent.CANCEL):
            withdraw(draft, shipment, why)
            # What is not there must not go on sale with the others; and another warehouse's units
            # are in a reservation of their own.
            if shipment.missing or draft.order.sold_again_for(shipment):
                draft.send(CancelShipmentStock(shipment.shipment_id, lost=shipment.missing))
            close_with_refund(draft, shipment, why)


def cancel_at_once(draft: Draft, reason: str) -> bool:
    """Cancels an order without asking a provider; returns whether it was cancelled before.

    Raises Refused: WRONG_STATE, also where an attempt to pay it is open. No wish is kept then,
    because the caller's other changes may be wrong by the time it would be granted.
    """
    cancelled = cancel(draft, (), reason)
    if cancelled.refused is None:
        return cancelled.replayed
    if cancelled.refused.reason is RefusalReason.UNDER_WAY:
        raise _not_now(draft.order, f"{draft.order.state} and being paid")
    raise cancelled.refused


def _needs_answers(order: Order) -> bool:
    """Whether providers have to be asked before it is cancelled."""
    return ORDER.allows(order.state, OrderEvent.CANCEL) and bool(may_still_pay(order))


def _not_now(order: Order, state: str) -> Refused:
    return wrong_state("order", order.order_id, state, OrderEvent.CANCEL)


def leave_out(draft: Draft, shipment: Shipment, part_id: str, why: str) -> None:
    """Cancels a shipment that has not left: its units are on sale again, their money goes back.

    `part_id` is what the refund is of: the shipment, or an incident of it. With its last shipment
    the order is cancelled. Raises Refused: WRONG_STATE where it cannot be, because another attempt
    to pay it is open.
    """
    order = draft.order
    if is_last_parcel(order, shipment):
        cancel_at_once(draft, why)
        return
    leave_behind(draft, shipment, why)
    close_with_refund(draft, shipment, why)
    give_back(draft, shipment, part_id, why)


def is_last_parcel(order: Order, shipment: Shipment) -> bool:
    """Whether nothing of the order has left, and no other shipment will."""
    return order.state is OrderState.IN_FULFILMENT and all(
        other is shipment or other.state is ShipmentState.CANCELLED for other in order.shipments
    )
