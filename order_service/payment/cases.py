"""Money that waits for a person: who owns it, and until when it is to be seen to. Pure.

A quarantined payment and a failed refund wait by their states; every other matter is a case, made
once however often a provider tells of it (P2, P3, P5). What the desk has not closed in time is its
lead's.
"""

from hashlib import blake2b
from typing import Final, NamedTuple

from order_service.order.draft import Draft
from order_service.order.model import Payment
from order_service.order.records import MoneyCase, MoneyCaseKind
from order_service.payment.providers.port import Fact, FactKind

HOUR_MS: Final = 3_600_000
DESK: Final = "money-desk"
LEAD: Final = "money-lead"

_K = MoneyCaseKind
CLOSE_WITHIN_MS: Final[dict[MoneyCaseKind, int]] = {
    _K.QUARANTINED: 24 * HOUR_MS,
    _K.REFUND_FAILED: 24 * HOUR_MS,
    _K.REFUND_OPEN: 7 * 24 * HOUR_MS,
    _K.UNKNOWN_PAYMENT: 24 * HOUR_MS,
    _K.OTHER_CURRENCY: 24 * HOUR_MS,
    _K.SENT_BACK_THERE: 24 * HOUR_MS,
    # Banks close a case against whoever has not answered within days.
    _K.DISPUTED: 24 * HOUR_MS,
    _K.LOST_TWICE: 24 * HOUR_MS,
    _K.NOT_CLOSED: 72 * HOUR_MS,
}

_DECIDED: Final = frozenset({FactKind.DISPUTE_WON, FactKind.DISPUTE_LOST})


class Owned(NamedTuple):
    """The owner of a case, and until when it is to be seen to."""

    owner: str
    due_at_ms: int
    is_overdue: bool


def owned(kind: MoneyCaseKind, opened_at_ms: int, now_ms: int) -> Owned:
    """The owner of a case now."""
    due_at_ms = opened_at_ms + CLOSE_WITHIN_MS[kind]
    is_overdue = now_ms >= due_at_ms
    return Owned(LEAD if is_overdue else DESK, due_at_ms, is_overdue)


def open_case(draft: Draft, kind: MoneyCaseKind, payment: Payment, fact: Fact, why: str) -> None:
    """Leaves a matter of one of the order's payments to a person."""
    order = draft.order
    matter: tuple[object, ...] = (
        payment.payment_id,
        fact.provider_ref,
        fact.amount_minor,
        fact.currency,
    )
    about = matter
    if kind is _K.LOST_TWICE:
        about = matter[:2]
    elif kind is _K.DISPUTED:  # one matter through all of its amounts and stages, but for its end
        about = (*matter[:2], fact.kind) if fact.kind in _DECIDED else matter[:2]
    case_id = case_id_of(payment.provider, kind, *about)
    draft.record(case_of(case_id, kind, payment.provider, fact, why, draft.now_ms, order.tenant))


def case_of(
    case_id: str,
    kind: MoneyCaseKind,
    provider: str,
    fact: Fact,
    why: str,
    now_ms: int,
    tenant: str = "",
) -> MoneyCase:
    """The case of what a provider has said."""
    return MoneyCase(
        case_id=case_id,
        tenant=tenant,
        order_id=fact.order_id,
        kind=kind,
        provider=provider,
        payment_id=fact.payment_id,
        refund_id=fact.refund_id,
        provider_ref=fact.provider_ref,
        payment_ref=fact.payment_ref,
        said=fact.kind,
        amount_minor=fact.amount_minor,
        currency=fact.currency,
        at_ms=fact.at_ms,
        why=why,
        opened_at_ms=now_ms,
    )


def case_id_of(*about: object) -> str:
    """The id of a matter: 16 hex digits of a digest of what it is about."""
    return blake2b("/".join(map(str, about)).encode(), digest_size=8).hexdigest()
