"""Holds a provider's statement of a day against our books, both ways (对账, P2).

What the provider has and we do not is learned as if its callback had come now. What only our books
have, or have otherwise, is never changed by itself: it is reported for a person.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import partial

from msgspec import Struct, structs
from sqlalchemy import Connection

from order_service.order.draft import Draft
from order_service.order.model import Order, Payment, Refund
from order_service.order.parts import order_id_of
from order_service.order.states import RefundState
from order_service.payment.attempts import charge_of
from order_service.payment.books import (
    captured_between,
    orders_of_others,
    refunded_between,
    strays_between,
    with_our_numbers,
)
from order_service.payment.facts import UnknownPayment, learn
from order_service.payment.providers.port import Fact, FactKind, Provider, Providers
from order_service.storage.batch import OrderNotFound
from order_service.storage.load import load_orders
from order_service.storage.orders import Orders

ORDERS_A_READ = 500
DAY_MS = 86_400_000


class DifferenceKind(StrEnum):
    """The kinds of differences; the names are those of `holdfast.order.v1.DifferenceKind`."""

    CAPTURE_MISSING_HERE = "CAPTURE_MISSING_HERE"
    CAPTURE_MISSING_THERE = "CAPTURE_MISSING_THERE"
    CAPTURE_DIFFERS = "CAPTURE_DIFFERS"
    PAYMENT_UNKNOWN = "PAYMENT_UNKNOWN"
    REFUND_MISSING_HERE = "REFUND_MISSING_HERE"
    REFUND_MISSING_THERE = "REFUND_MISSING_THERE"
    REFUND_DIFFERS = "REFUND_DIFFERS"


class Difference(Struct, frozen=True):
    """One difference; `here_minor` is what our books have, `there_minor` what the provider's."""

    kind: DifferenceKind
    payment_id: str
    refund_id: str
    provider_ref: str
    here_minor: int
    there_minor: int
    currency: str
    repaired: bool = False


class Report(Struct, frozen=True):
    """The result of a reconciliation. `entries` counts those of the statement."""

    provider: str
    day: date
    entries: int
    matched: int
    differences: tuple[Difference, ...]


async def reconcile(
    orders: Orders,
    providers: Providers,
    name: str,
    day: date,
    *,
    report_only: bool = False,
    tenant: str = "",
) -> Report:
    """Compares a day in UTC. Raises KeyError (no such provider), ProviderUnreachable.

    Everything that is safe is repaired; the report is of one shop where a tenant is named: its
    orders, and money of no order, which is everybody's to look at.
    """
    provider = providers[name]
    numbered = partial(with_our_numbers, provider=name, facts=await provider.statement(day))
    statement = await orders.read(numbered)
    found: list[Difference] = []
    for start in range(0, len(statement), ORDERS_A_READ):
        facts = statement[start : start + ORDERS_A_READ]
        known = await _orders_of(orders, facts)
        for fact in facts:
            difference = _compare(known.get(fact.order_id), name, fact)
            if difference is not None:
                found.append(await _repaired(orders, name, fact, difference, report_only))
    matched = len(statement) - len(found)
    captured, refunded, strays = await orders.read(partial(_booked, provider=name, day=day))
    named = {fact.payment_id for fact in statement if fact.kind is FactKind.CAPTURED}
    for payment in captured:
        if payment.payment_id not in named:
            found += await _if_missing_there(orders, provider, payment)
    found += await _refunds_only_here(refunded, provider, day, statement)
    found += await _strays(orders, name, strays, statement)
    if tenant:
        found = await _of_shop(orders, tenant, found)
    return Report(name, day, len(statement), matched, tuple(found))


async def _of_shop(orders: Orders, tenant: str, found: Sequence[Difference]) -> list[Difference]:
    """The differences but those of other shops' orders."""
    ids = [order_id_of(each.refund_id or each.payment_id) for each in found]
    others = await orders.read(partial(orders_of_others, tenant=tenant, order_ids=sorted(set(ids))))
    return [each for each, order_id in zip(found, ids, strict=True) if order_id not in others]


def _compare(order: Order | None, provider: str, fact: Fact) -> Difference | None:
    """How an entry of a statement differs from our books, if it does. Pure."""
    refund: Refund | None = None
    try:
        if order is None:
            raise KeyError
        refund = order.refund(fact.refund_id) if fact.refund_id else None
        payment = order.payment(refund.payment_id if refund else fact.payment_id)
    except KeyError:
        return _unknown(fact)
    if payment.provider != provider or (fact.kind is FactKind.REFUNDED and refund is None):
        return _unknown(fact)
    if refund is not None:
        if refund.state is not RefundState.DONE:
            return _difference(DifferenceKind.REFUND_MISSING_HERE, fact, 0)
        if (refund.amount_minor, payment.captured_currency) != (fact.amount_minor, fact.currency):
            return _difference(DifferenceKind.REFUND_DIFFERS, fact, refund.amount_minor)
        return None
    here_minor = payment.captured_minor
    if here_minor and payment.captured_currency != fact.currency:
        return _difference(DifferenceKind.CAPTURE_DIFFERS, fact, here_minor)
    if here_minor < fact.amount_minor:
        return _difference(DifferenceKind.CAPTURE_MISSING_HERE, fact, here_minor)
    if here_minor > fact.amount_minor:
        return _difference(DifferenceKind.CAPTURE_DIFFERS, fact, here_minor)
    return None


def _unknown(fact: Fact) -> Difference:
    of_refund = fact.kind is FactKind.REFUNDED
    kind = DifferenceKind.REFUND_MISSING_HERE if of_refund else DifferenceKind.PAYMENT_UNKNOWN
    return _difference(kind, fact, 0)


async def _repaired(
    orders: Orders, provider: str, fact: Fact, difference: Difference, report_only: bool
) -> Difference:
    """The difference, after what our books miss was learned."""
    safe = (DifferenceKind.CAPTURE_MISSING_HERE, DifferenceKind.REFUND_MISSING_HERE)
    if report_only or difference.kind not in safe:
        return difference

    def decide(draft: Draft) -> bool:
        learn(draft, provider, fact)
        return _compare(draft.order, provider, fact) is None

    try:
        repaired = await orders.change(fact.order_id, decide, actor="reconciliation")
    except (OrderNotFound, UnknownPayment):
        repaired = False
    return structs.replace(difference, repaired=repaired)


def _booked(
    connection: Connection, provider: str, day: date
) -> tuple[list[Payment], list[tuple[Refund, str]], Sequence[Fact]]:
    """Our books of a day in UTC: captured payments, refunds with their currency, and strays."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    begins_ms = int(midnight.timestamp()) * 1_000
    bounds = (connection, provider, begins_ms, begins_ms + DAY_MS)
    return captured_between(*bounds), refunded_between(*bounds), strays_between(*bounds)


async def _refunds_only_here(
    done: Iterable[tuple[Refund, str]], provider: Provider, day: date, statement: Sequence[Fact]
) -> list[Difference]:
    refunded = {fact.refund_id for fact in statement if fact.kind is FactKind.REFUNDED}
    missing = [entry for entry in done if entry[0].refund_id not in refunded]
    if missing:
        # We know when we learned of a refund; the provider may have it on the day before or after.
        for near in (day - timedelta(days=1), day + timedelta(days=1)):
            refunded |= {fact.refund_id for fact in await provider.statement(near)}
    return [
        Difference(
            DifferenceKind.REFUND_MISSING_THERE,
            refund.payment_id,
            refund.refund_id,
            refund.provider_ref,
            here_minor=refund.amount_minor,
            there_minor=0,
            currency=currency,
        )
        for refund, currency in missing
        if refund.refund_id not in refunded
    ]


async def _if_missing_there(
    orders: Orders, provider: Provider, payment: Payment
) -> list[Difference]:
    """A statement of another day may have it: the provider is asked before it is called missing."""
    order = await orders.get(payment.order_id)
    fact = await provider.query(charge_of(order, payment))
    there_minor = fact.amount_minor if fact.kind is FactKind.CAPTURED else 0
    if there_minor == payment.captured_minor:
        return []
    kind = DifferenceKind.CAPTURE_DIFFERS if there_minor else DifferenceKind.CAPTURE_MISSING_THERE
    return [
        Difference(
            kind,
            payment.payment_id,
            "",
            payment.provider_ref,
            here_minor=payment.captured_minor,
            there_minor=there_minor,
            currency=payment.captured_currency,
        )
    ]


async def _strays(
    orders: Orders, name: str, facts: Sequence[Fact], statement: Sequence[Fact]
) -> list[Difference]:
    """Callbacks of the day about payments that we do not know, unless the statement has them."""
    named = {(fact.payment_id, fact.refund_id) for fact in statement}
    known = await _orders_of(orders, facts)
    found = []
    for fact in facts:
        number = (fact.payment_id, fact.refund_id)
        unknown = _compare(known.get(fact.order_id), name, fact)
        if unknown is not None and number not in named:
            named.add(number)
            found.append(unknown)
    return found


async def _orders_of(orders: Orders, facts: Iterable[Fact]) -> dict[str, Order]:
    ids = sorted({fact.order_id for fact in facts})
    return await orders.read(lambda connection: load_orders(connection, ids))


def _difference(kind: DifferenceKind, fact: Fact, here_minor: int) -> Difference:
    return Difference(
        kind,
        fact.payment_id,
        fact.refund_id,
        fact.provider_ref,
        here_minor=here_minor,
        there_minor=fact.amount_minor,
        currency=fact.currency,
    )
