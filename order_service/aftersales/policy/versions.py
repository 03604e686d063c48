"""The version that judges an order: which one is in force, and what laws and merchants add. Pure.

Versions are immutable, and none begins in the past: the one that was in force when an order was
placed follows from that time for ever, and needs no place of its own on the order.
"""

from collections.abc import Sequence

from msgspec import structs

from order_service.aftersales.policy.clauses import CLAUSES, Value, gives_more
from order_service.aftersales.policy.document import (
    DEFAULT,
    VERSIONS_MAX,
    Policy,
    name_of,
)
from order_service.order.refusals import InvalidField


def in_force(versions: Sequence[Policy], placed_at_ms: int, merchant_id: str = "") -> Policy:
    """The shop's version by which orders placed at a time are judged; else the built-in one.

    With a merchant's id, the merchant's own clauses; without any, none.
    """
    found = [
        each
        for each in versions
        if each.merchant_id == merchant_id and each.effective_from_ms <= placed_at_ms
    ]
    none = Policy(merchant_id=merchant_id) if merchant_id else DEFAULT
    return max(found, key=_place, default=none)


def judging(
    versions: Sequence[Policy], placed_at_ms: int, asked_at_ms: int, merchant_id: str = ""
) -> Policy:
    """The policy that judges what is asked about a merchant's part of an order.

    It is the shop's version in force when the order was placed. A clause of a law in force when it
    is asked, or of the merchant's version in force when it was placed, counts where it gives the
    buyer more; `sources` says so.
    """
    base = in_force(versions, placed_at_ms)
    laws = [
        each
        for each in sorted(versions, key=_place)
        if each.law and placed_at_ms < each.effective_from_ms <= asked_at_ms
    ]
    own = [in_force(versions, placed_at_ms, merchant_id)] if merchant_id else []
    clauses: dict[str, Value] = {name: base.value(name) for name in CLAUSES}
    sources: dict[str, str] = {}
    for other in (*laws, *own):
        for name, value in other.clauses.items():
            if name in CLAUSES and gives_more(name, value, clauses[name]):
                clauses[name] = value
                sources[name] = name_of(other)
    return structs.replace(base, clauses=clauses, sources=sources)


def following(versions: Sequence[Policy], wanted: Policy, now_ms: int) -> Policy | None:
    """The version to be written behind those that a shop has; None: its last one is the same.

    One of no time is in force from now on. Raises InvalidField for one that would change what was
    in force before, and for one too many.
    """
    before = [each for each in versions if each.merchant_id == wanted.merchant_id]
    last = max(before, key=_place, default=None)
    if last and _same(last, wanted):
        return None
    if len(versions) >= VERSIONS_MAX:
        raise InvalidField(
            "document", f"a shop has at most {VERSIONS_MAX:,} versions", len(versions)
        )
    least_ms = max(now_ms, last.effective_from_ms + 1 if last else 0)
    if wanted.effective_from_ms and wanted.effective_from_ms < least_ms:
        problem = f"must be {least_ms} or later, or 0 for now: what was in force stays so"
        raise InvalidField("document.effective_from_ms", problem, wanted.effective_from_ms)
    return structs.replace(
        wanted,
        version=max((each.version for each in versions), default=0) + 1,
        published_at_ms=now_ms,
        effective_from_ms=wanted.effective_from_ms or least_ms,
    )


def _same(last: Policy, wanted: Policy) -> bool:
    begins_at_ms = wanted.effective_from_ms or last.effective_from_ms
    return last == structs.replace(
        wanted,
        version=last.version,
        published_at_ms=last.published_at_ms,
        effective_from_ms=begins_at_ms,
    )


def _place(policy: Policy) -> tuple[int, int]:
    return policy.effective_from_ms, policy.version
