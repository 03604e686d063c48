"""Asks providers what became of payments: before an order is closed, and on a schedule (P2, O2).

The reservation of an order that was not paid in time is not released but made to expire: its units
are on sale at once, and money that comes late can take the stock of the same reservation again.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from order_service.order.draft import Draft
from order_service.order.model import Order, Payment, Task
from order_service.order.states import OrderEvent, OrderState, PaymentState
from order_service.order.tasks import (
    ClosePayment,
    ExpireReservation,
    PaymentDue,
    TaskKind,
    todos,
)
from order_service.payment.attempts import OPEN, abandon_open, charge_of
from order_service.payment.facts import learn
from order_service.payment.methods import CASH
from order_service.payment.providers.port import Fact, FactKind, Providers, ProviderUnreachable

ASK_AGAIN_MS: Final = 30_000
ASK_AGAIN_MS_MAX: Final = 600_000
"""The pauses before a silent provider is asked once more grow from the one to the other."""
ASKED_MAX: Final = 30
"""So often a silent provider is asked at the due time of an order, for more than four hours. Then
it is a person's, and the stock is kept no longer."""
EXTENSION_MS: Final = 120_000
"""For how long the stock is kept for an order whose provider does not answer, each time anew."""

EXPIRES_IN_MS: Final = 1_000
"""How soon the reservation of an order that was not paid expires: the engine takes only deadlines
that are ahead of its own clock, which may be ahead of ours."""


class Answer(NamedTuple):
    """A provider's answer about a payment.

    `fact` is None where the provider did not answer, or could not close the payment yet, because
    a bank is at it.
    """

    payment_id: str
    provider: str
    fact: Fact | None


async def ask(providers: Providers, order: Order, payments: Iterable[Payment]) -> list[Answer]:
    """Asks the providers of some payments of an order what became of them."""
    return await asyncio.gather(
        *(_answer(providers, order, payment, to_close=False) for payment in payments)
    )


async def close_open(providers: Providers, order: Order) -> list[Answer]:
    """Has the providers close every attempt that may still pay an order, unless it was paid.

    To be called before an order is closed. The decision that closes it calls `learn_all` with the
    answers and looks at the order again; it must not close it while `unanswered` has any payment.
    """
    payments = may_still_pay(order)
    return await asyncio.gather(
        *(_answer(providers, order, payment, to_close=True) for payment in payments)
    )


def may_still_pay(order: Order) -> list[Payment]:
    """The attempts that may still bring money.

    Open ones; and while nobody has paid the order, also declined ones, and those that were given up
    here and are not closed at their provider yet.
    """
    nobody_has_paid = order.state is OrderState.AWAITING_PAYMENT
    ended = _ended_here(order) if nobody_has_paid else frozenset()
    return [
        payment
        for payment in order.payments
        if payment.provider != CASH and (payment.state in OPEN or payment.payment_id in ended)
    ]


def unanswered(order: Order, answers: Sequence[Answer]) -> list[Payment]:
    """The attempts that may still pay an order, for all that the providers have answered."""
    answered = {answer.payment_id for answer in answers if answer.fact is not None}
    return [payment for payment in may_still_pay(order) if payment.payment_id not in answered]


def all_answered(answers: Sequence[Answer]) -> bool:
    """Whether no provider was silent."""
    return all(answer.fact is not None for answer in answers)


def learn_all(draft: Draft, answers: Sequence[Answer]) -> None:
    """Brings the order to what the providers said. Pure."""
    for answer in answers:
        if answer.fact is not None:
            learn(draft, answer.provider, answer.fact)


def pause_ms(attempts: int) -> int:
    """The pause before a silent provider is asked again, after a number of attempts."""
    return min(ASK_AGAIN_MS << attempts, ASK_AGAIN_MS_MAX)


def extension_ms(attempts: int) -> int:
    """For how long the stock is kept meanwhile; 0 after the last attempt."""
    is_last = attempts + 1 >= ASKED_MAX
    return 0 if is_last else pause_ms(attempts) + EXTENSION_MS - ASK_AGAIN_MS


def payment_due(draft: Draft, answers: Sequence[Answer], task: Task | None = None) -> None:
    """Closes the order unless it was paid, given what the providers answered when asked to close.

    An order with an attempt whose provider has not answered is not closed, but asked for again.
    `task` is the one that asks; after too many attempts it waits for a person.
    """
    learn_all(draft, answers)
    order = draft.order
    if order.state is not OrderState.AWAITING_PAYMENT:
        return
    silent = unanswered(order, answers)
    if silent:
        names = ", ".join(sorted({payment.provider for payment in silent}))
        draft.forget(TaskKind.PAYMENT_DUE)
        if task is None:
            draft.send(PaymentDue(), draft.now_ms + ASK_AGAIN_MS)
        else:
            draft.again(
                task,
                draft.now_ms + pause_ms(task.attempts),
                f"{names} does not say whether it was paid",
                last=not extension_ms(task.attempts),
            )
        return
    draft.move(order, OrderEvent.PAYMENT_OVERDUE)
    abandon_open(draft, "the payment was due")
    draft.send(ExpireReservation())


def _ended_here(order: Order) -> frozenset[str]:
    """The attempts that have ended for us, and for their providers perhaps not."""
    closing = {todo.payload.payment_id for todo in todos(order, ClosePayment)}
    return frozenset(
        payment.payment_id
        for payment in order.payments
        if payment.state is PaymentState.DECLINED
        or (payment.state is PaymentState.ABANDONED and payment.payment_id in closing)
    )


async def _answer(
    providers: Providers, order: Order, payment: Payment, *, to_close: bool
) -> Answer:
    fact: Fact | None = None
    # Silent, or no longer set up: whether there is money is not known.
    with suppress(ProviderUnreachable, KeyError):
        provider = providers[payment.provider]
        ask = provider.close if to_close else provider.query
        fact = await ask(charge_of(order, payment))
    if to_close and fact is not None and fact.kind is FactKind.OPEN:
        fact = None  # it could not be closed: whether there will be money is not known yet
    return Answer(payment.payment_id, payment.provider, fact)
