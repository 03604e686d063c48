"""Asks providers what became of payments: before an order is closed, and on a schedule (P2)."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from order_service.draft import Draft
from order_service.model import Order, Payment
from order_service.payment.attempts import charge_of, open_payments
from order_service.payment.facts import learn
from order_service.payment.methods import CASH
from order_service.payment.port import Fact, Providers, ProviderUnreachable


class Answer(NamedTuple):
    """What a provider said of a payment; `fact` is None where it did not answer."""

    payment_id: str
    provider: str
    fact: Fact | None


async def ask(providers: Providers, order: Order, payments: Iterable[Payment]) -> list[Answer]:
    """What became of payments of an order, by their providers."""
    return list(await asyncio.gather(*(_ask(providers, order, payment) for payment in payments)))


async def close_open(providers: Providers, order: Order) -> list[Answer]:
    """Has the providers close every open attempt of an order, unless it was paid meanwhile.

    For whoever is about to close the order: the decision calls `learn_all` with the answers, and
    looks at the order again; where `all_answered` is false it must not close it yet.
    """
    payments = [payment for payment in open_payments(order) if payment.provider != CASH]
    return list(await asyncio.gather(*(_close(providers, order, payment) for payment in payments)))


def all_answered(answers: Sequence[Answer]) -> bool:
    """Whether no provider was silent."""
    return all(answer.fact is not None for answer in answers)


def learn_all(draft: Draft, answers: Sequence[Answer]) -> None:
    """Brings the order to what the providers said. Pure."""
    for answer in answers:
        if answer.fact is not None:
            learn(draft, answer.provider, answer.fact)


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
    return Answer(payment.payment_id, payment.provider, fact)
