"""Windows, exclusions and what fits what: whether something may be asked for, and until when.

Pure.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from msgspec import Struct

from order_service.aftersales.policy.clauses import (
    CLAUSES,
    COUNT_FROM,
    EXCLUDED,
    ZONE,
    CountFrom,
    window_name,
)
from order_service.aftersales.policy.document import Policy
from order_service.aftersales.policy.finding import Finding, Inputs, time_text
from order_service.catalogue.contracts import midnight_ms
from order_service.order.cases import CaseKind, CaseReason

DAY_MS: Final = 86_400_000
OPEN_END_MS: Final = 0
"""The end of a window that does not end by a clock."""


class Stage(StrEnum):
    """Where the units of a case are on their way to the buyer."""

    NOT_PICKED = "NOT_PICKED"
    IN_WAREHOUSE = "IN_WAREHOUSE"
    """Picked, packed or labelled, and not left."""
    UNDER_WAY = "UNDER_WAY"
    OUT_FOR_DELIVERY = "OUT_FOR_DELIVERY"
    """With the courier, for today."""
    RECEIVED = "RECEIVED"
    """By the parcel's tracking or the buyer's word."""


NOT_LEFT: Final = frozenset({Stage.NOT_PICKED, Stage.IN_WAREHOUSE})
LEFT: Final = frozenset({Stage.UNDER_WAY, Stage.OUT_FOR_DELIVERY})
RECEIVED: Final = frozenset({Stage.RECEIVED})
ANYWHERE: Final = NOT_LEFT | LEFT | RECEIVED

_K, _R = CaseKind, CaseReason
KIND_STAGES: Final[Mapping[CaseKind, frozenset[Stage]]] = {
    _K.REFUND_ONLY: ANYWHERE,
    _K.RETURN_REFUND: RECEIVED,
    _K.EXCHANGE: RECEIVED,
    _K.REPAIR: RECEIVED,
    _K.PRICE_DIFFERENCE: ANYWHERE,
    _K.RESEND: RECEIVED,
}
"""Where the units are that a kind of case is for."""
REASON_STAGES: Final[Mapping[CaseReason, frozenset[Stage]]] = {
    **dict.fromkeys(CaseReason, RECEIVED),
    _R.NOT_RECEIVED: LEFT,
    _R.CHANGED_MIND: NOT_LEFT | LEFT,
    _R.PRICE_DROP: ANYWHERE,
}
"""Where the units are that a reason is for: a fault is seen on goods that were received."""
_MENDABLE: Final = frozenset({_K.REFUND_ONLY, _K.RETURN_REFUND, _K.EXCHANGE, _K.REPAIR})
REASON_KINDS: Final[Mapping[CaseReason, frozenset[CaseKind]]] = {
    _R.NO_REASON: frozenset({_K.RETURN_REFUND, _K.EXCHANGE}),
    _R.QUALITY: _MENDABLE,
    _R.DAMAGED: _MENDABLE,
    _R.NOT_AS_DESCRIBED: _MENDABLE,
    _R.WRONG_ITEM: frozenset({_K.REFUND_ONLY, _K.RETURN_REFUND, _K.EXCHANGE, _K.RESEND}),
    _R.MISSING_ITEM: frozenset({_K.REFUND_ONLY, _K.RESEND}),
    _R.NOT_RECEIVED: frozenset({_K.REFUND_ONLY}),
    _R.CHANGED_MIND: frozenset({_K.REFUND_ONLY}),
    _R.PRICE_DROP: frozenset({_K.PRICE_DIFFERENCE}),
}
"""The kinds of cases that fit a reason."""


class Window(NamedTuple):
    """The time within which something may be asked for with a reason."""

    ends_at_ms: int
    """In time is whatever is earlier; OPEN_END_MS: no clock ends it."""
    clause: str


class Asked(Struct, frozen=True, kw_only=True):
    """The facts of a request that eligibility looks at: units of one line and one parcel."""

    kind: CaseKind
    reason: CaseReason
    stage: Stage
    asked_at_ms: int
    received_at_ms: int = 0
    """`received_at_ms`; 0 while they were not received."""
    promised_at_ms: int = 0
    """When they should have been there; 0: it was not promised."""
    flags: frozenset[str] = frozenset()
    """The words of `clauses.Flag` that are true of the goods."""


class Verdict(NamedTuple):
    """Whether a request is taken, and the finding that says why."""

    allowed: bool
    finding: Finding
    ends_at_ms: int = OPEN_END_MS
    """The end of the window that it is in, or was too late for."""


def received_at_ms(delivered_at_ms: int, said_at_ms: int = 0) -> int:
    """The receipt of a parcel's units: its delivery, or the buyer's word if that is earlier.

    0 stands for neither; the window then has not begun.
    """
    return min((at for at in (delivered_at_ms, said_at_ms) if at), default=0)


def window_of(policy: Policy, reason: CaseReason, received_at_ms: int) -> Window:
    """The window of a reason for units that were received at a time.

    The end is a midnight in the policy's zone with NEXT_DAY, however long a day is there, and full
    24 hours a day with INSTANT. A reason without a clause of its own is open.
    """
    name = window_name(reason)
    if name not in CLAUSES:
        return Window(OPEN_END_MS, f"reason.{reason}")
    days = policy.number(name)
    if policy.word(COUNT_FROM) == CountFrom.INSTANT:
        return Window(received_at_ms + days * DAY_MS, name)
    zone = ZoneInfo(policy.word(ZONE))
    received = datetime.fromtimestamp(received_at_ms // 1_000, UTC).astimezone(zone).date()
    last = received + timedelta(days=1 + days)
    return Window(midnight_ms(last.year, last.month, last.day, zone), name)


def eligible(policy: Policy, asked: Asked) -> Verdict:
    """Whether a request is taken. The first objection is the answer."""
    for objection in (_fits, _is_there, _not_excluded, _in_window, _promise_passed):
        if found := objection(policy, asked):
            return found
    name = window_of(policy, asked.reason, asked.received_at_ms).clause
    return _verdict(policy, asked, True, name, f"{asked.reason} needs no receipt")


def fits(kind: CaseKind, reason: CaseReason, stage: Stage) -> bool:
    """Whether a kind of case, a reason and where the units are go together."""
    places = KIND_STAGES[kind] & REASON_STAGES[reason]
    return kind in REASON_KINDS[reason] and stage in places


def _fits(policy: Policy, asked: Asked) -> Verdict | None:
    kinds = REASON_KINDS[asked.reason]
    if asked.kind in kinds:
        return None
    compared = f"{asked.reason} is a reason for {_listed(kinds)}, not for {asked.kind}"
    return _verdict(policy, asked, False, f"reason.{asked.reason}", compared)


def _is_there(policy: Policy, asked: Asked) -> Verdict | None:
    for what, places in (
        (asked.kind, KIND_STAGES[asked.kind]),
        (asked.reason, REASON_STAGES[asked.reason]),
    ):
        if asked.stage not in places:
            compared = f"{what} is for units that are {_listed(places)}, these are {asked.stage}"
            clause = "kind" if what is asked.kind else "reason"
            return _verdict(policy, asked, False, f"{clause}.{what}", compared)
    if asked.stage is Stage.RECEIVED and not asked.received_at_ms:
        clause = window_of(policy, asked.reason, 0).clause
        return _verdict(policy, asked, False, clause, "no time of delivery is known")
    return None


def _not_excluded(policy: Policy, asked: Asked) -> Verdict | None:
    excluded = sorted(asked.flags.intersection(policy.words(EXCLUDED)))
    if asked.reason is not CaseReason.NO_REASON or not excluded:
        return None
    compared = f"the goods are {', '.join(excluded)}"
    return _verdict(policy, asked, False, EXCLUDED, compared)


def _in_window(policy: Policy, asked: Asked) -> Verdict | None:
    window = window_of(policy, asked.reason, asked.received_at_ms)
    if window.ends_at_ms == OPEN_END_MS or not asked.received_at_ms:
        return None
    allowed = asked.asked_at_ms < window.ends_at_ms
    zone = policy.word(ZONE)
    asked_text = time_text(asked.asked_at_ms, zone)
    end_text = time_text(window.ends_at_ms, zone)
    compared = f"asked at {asked_text}, which is {'before' if allowed else 'not before'} {end_text}"
    return _verdict(policy, asked, allowed, window.clause, compared, window.ends_at_ms)


def _promise_passed(policy: Policy, asked: Asked) -> Verdict | None:
    if asked.reason is not CaseReason.NOT_RECEIVED:
        return None
    clause = f"reason.{asked.reason}"
    if not asked.promised_at_ms:
        return _verdict(policy, asked, False, clause, "no time of delivery was promised")
    allowed = asked.asked_at_ms >= asked.promised_at_ms
    promised = time_text(asked.promised_at_ms, policy.word(ZONE))
    compared = f"promised for {promised}, which has {'passed' if allowed else 'not passed'}"
    return _verdict(policy, asked, allowed, clause, compared)


_READ: Final[Mapping[str, Callable[[Asked], int | str]]] = {
    "kind": lambda asked: asked.kind.value,
    "reason": lambda asked: asked.reason.value,
    "stage": lambda asked: asked.stage.value,
    "asked_at_ms": lambda asked: asked.asked_at_ms,
    "received_at_ms": lambda asked: asked.received_at_ms,
    "promised_at_ms": lambda asked: asked.promised_at_ms,
    "flags": lambda asked: ", ".join(sorted(asked.flags)),
}


def _verdict(
    policy: Policy, asked: Asked, allowed: bool, clause: str, comparison: str, ends_at_ms: int = 0
) -> Verdict:
    inputs: Inputs = {name: value for name, read in _READ.items() if (value := read(asked))}
    result = "taken" if allowed else "refused"
    return Verdict(
        allowed,
        Finding(clause, policy.said_by(clause), inputs, comparison, result),
        ends_at_ms,
    )


def _listed(words: frozenset[CaseKind] | frozenset[Stage]) -> str:
    return " or ".join(sorted(words))
