"""Asks providers what became of payments: before an order is closed, and on a schedule (P2)."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from order_service.order.draft import Draft
from order_service.order.model import Order, Payment
from order_service.order.states import OrderState, PaymentState
from order_service.order.tasks import ClosePayment, todos
from order_service.payment.attempts import OPEN, charge_of
from order_service.payment.facts import learn
from order_service.payment.methods import CASH
from order_service.payment.providers.port import Fact, FactKind, Providers, ProviderUnreachable


class Answer(NamedTuple):
    """What a provider said of a payment; `fact` is None where it did not answer, or, asked to
    close it, not yet: a bank is at it.
    """

    payment_id: str
    provider: str
    fact: Fact | None


async def ask(providers: Providers, order: Order, payments: Iterable[Payment]) -> list[Answer]:
    """What became of payments of an order, by their providers."""
    return list(await asyncio.gather(*(_ask(providers, order, payment) for payment in payments)))


async def close_open(providers: Providers, order: Order) -> list[Answer]:
    """Has the providers close every attempt that may still pay an order, unless it was paid.

    For whoever is about to close the order: the decision calls `learn_all` with the answers, and
    looks at the order again; where `unanswered` has any payment left it must not close it yet.
    """
    payments = may_still_pay(order)
    return list(await asyncio.gather(*(_close(providers, order, payment) for payment in payments)))


def may_still_pay(order: Order) -> list[Payment]:
    """The attempts that are open, and while nobody has paid the order those, too, whose provider
    may have money without our knowing: declined ones, and those given up that are not closed there.
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


def _ended_here(order: Order) -> frozenset[str]:
    """The attempts that have ended for us, and for their providers perhaps not."""
    closing = {todo.payload.payment_id for todo in todos(order, ClosePayment)}
    return frozenset(
        payment.payment_id
        for payment in order.payments
        if payment.state is PaymentState.DECLINED
        or (payment.state is PaymentState.ABANDONED and payment.payment_id in closing)
    )


async def _ask(providers: Providers, order: Order, payment: Payment) -> Answer:
    fact: Fact | None = None
    # Silent, or no longer set up: whether there is money is not known.
    with suppress(ProviderUnreachable, KeyError):
        fact = await providers[payment.provider].query(charge_of(order, payment))
    return Answer(payment.payment_id, payment.provider, fact)


async def _close(providers: Providers, order: Order, payment: Payment) -> Answer:
    fact: Fact | None = None
    with suppress(ProviderUnreachable, KeyError):
        fact = await providers[payment.provider].close(charge_of(order, payment))
    if fact is not None and fact.kind is FactKind.OPEN:
        fact = None  # it could not be closed: whether there will be money is not known yet
    return Answer(payment.payment_id, payment.provider, fact)
