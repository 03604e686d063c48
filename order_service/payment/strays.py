"""Callbacks about payments that we do not know: kept until reconciliation has told a person."""

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from order_service.payment.providers.port import Callback, Fact, FactKind
from order_service.storage.schema_payments import stray_callbacks

STRAYS_MAX = 10_000


def keep_stray(
    connection: Connection, provider: str, callback: Callback, fact: Fact, now_ms: int
) -> None:
    """Keeps a callback, once."""
    columns = stray_callbacks.c
    known = select(columns.event_id).where(
        columns.provider == provider, columns.event_id == callback.event_id
    )
    if connection.execute(known).first() is None:
        connection.execute(
            insert(stray_callbacks).values(
                provider=provider,
                event_id=callback.event_id,
                payment_id=fact.payment_id,
                refund_id=fact.refund_id,
                provider_ref=fact.provider_ref,
                kind=fact.kind,
                amount_minor=fact.amount_minor,
                currency=fact.currency,
                at_ms=fact.at_ms,
                received_at_ms=now_ms,
            )
        )


def strays_between(
    connection: Connection, provider: str, from_ms: int, before_ms: int
) -> Sequence[Fact]:
    """What a provider said of money on a day, of payments that we did not know then."""
    columns = stray_callbacks.c
    rows = connection.execute(
        select(
            columns.kind,
            columns.payment_id,
            columns.provider_ref,
            columns.amount_minor,
            columns.currency,
            columns.at_ms,
            columns.refund_id,
        )
        .where(
            columns.provider == provider,
            columns.received_at_ms >= from_ms,
            columns.received_at_ms < before_ms,
            columns.kind.in_((FactKind.CAPTURED, FactKind.REFUNDED)),
        )
        .order_by(columns.received_at_ms, columns.event_id)
        .limit(STRAYS_MAX)
    )
    return [Fact(FactKind(row[0]), *row[1:]) for row in rows]
