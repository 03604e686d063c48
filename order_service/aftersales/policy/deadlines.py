"""The deadlines of cases: when a state ends by itself, and what that does. Pure.

A pause moves a deadline by the time that both have in common (春节). An act is in time iff
`now < deadline`; what lapsed is dated at its deadline.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from order_service.aftersales.policy.clauses import CLAUSES, deadline_name
from order_service.aftersales.policy.document import AT_MS_MAX, Policy
from order_service.aftersales.policy.windows import DAY_MS, LEFT, Stage
from order_service.order.cases import CaseEvent, CaseKind, CaseState
from order_service.order.fields import check_whole
from order_service.order.refusals import InvalidField

HOUR_MS: Final = 3_600_000
PAUSE_DAYS_MAX: Final = 366
NEVER_MS: Final = 0
"""The deadline of a state that has none."""


class Pause(Struct, frozen=True):
    """A time in which the deadlines of a state stand still."""

    state: CaseState
    from_at_ms: int
    until_at_ms: int
    """The first moment after it."""


def checked_pause(pause: Pause, now_ms: int) -> Pause:
    """A pause that can be put: what has lapsed stays so. Raises InvalidField."""
    if deadline_name(pause.state) not in CLAUSES:
        with_one = [state.value for state in CaseState if deadline_name(state) in CLAUSES]
        problem = f"must be a state with a deadline: {', '.join(with_one)}"
        raise InvalidField("pause.state", problem, pause.state)
    check_whole("pause.from_at_ms", pause.from_at_ms, now_ms, AT_MS_MAX)
    longest_ms = pause.from_at_ms + PAUSE_DAYS_MAX * DAY_MS
    check_whole("pause.until_at_ms", pause.until_at_ms, pause.from_at_ms + 1, longest_ms)
    return pause


class Lapsing(Struct, frozen=True, kw_only=True):
    """The facts of a case that say what its deadline does."""

    state: CaseState
    kind: CaseKind
    stage: Stage
    """Where its units were when it was asked for."""
    goods_are_here: bool = False
    """Whether they have come back to us."""
    ships_first: bool = False
    """Whether the replacement has gone, or goes, before the old goods are back."""
    with_lead: bool = False
    """Whether the service desk's time was over once."""
    costs_more: bool = False
    """Whether the buyer has to pay a difference, or a repair, first."""


def deadline(
    policy: Policy, state: CaseState, entered_at_ms: int, pauses: Iterable[Pause] = ()
) -> int:
    """The moment at which a state ends by itself that was entered at a time; NEVER_MS: never."""
    name = deadline_name(state)
    if name not in CLAUSES:
        return NEVER_MS
    own = [pause for pause in pauses if pause.state is state]
    return moved(entered_at_ms, policy.number(name) * HOUR_MS, own)


def moved(begun_at_ms: int, length_ms: int, pauses: Sequence[Pause]) -> int:
    """The end of a length of time in which pauses do not count. Pauses may overlap."""
    at_ms, left_ms = begun_at_ms, length_ms
    for pause in sorted(pauses, key=lambda each: each.from_at_ms):
        if pause.until_at_ms <= at_ms:
            continue
        if at_ms + left_ms <= pause.from_at_ms:
            break
        left_ms -= max(0, pause.from_at_ms - at_ms)
        at_ms = pause.until_at_ms
    return at_ms + left_ms


def is_in_time(now_ms: int, deadline_at_ms: int) -> bool:
    """Whether an act at a time is before a deadline."""
    return deadline_at_ms == NEVER_MS or now_ms < deadline_at_ms


def own_event(kind: CaseKind, stage: Stage, *, costs_more: bool = False) -> CaseEvent:
    """The event that a kind of case begins with once it is granted."""
    if kind is CaseKind.REFUND_ONLY:
        # What has left, or is packed, is stopped before its money goes back.
        stops = stage in LEFT or stage is Stage.IN_WAREHOUSE
        return CaseEvent.STOP if stops else CaseEvent.REFUND
    if kind is CaseKind.PRICE_DIFFERENCE:
        return CaseEvent.REFUND
    if kind is CaseKind.RESEND:
        return CaseEvent.REPLACE
    return CaseEvent.COLLECT if costs_more else CaseEvent.TAKE_BACK


def accepted_event(kind: CaseKind) -> CaseEvent:
    """The event of goods that were accepted when they were inspected."""
    return {CaseKind.EXCHANGE: CaseEvent.REPLACE, CaseKind.REPAIR: CaseEvent.REPAIR}.get(
        kind, CaseEvent.REFUND
    )


def deadline_does(facts: Lapsing) -> CaseEvent | None:
    """The event that comes when a state's time is over; None: only a desk is told, or nothing."""
    own = own_event(facts.kind, facts.stage, costs_more=facts.costs_more)
    return {
        CaseState.WITH_BUYER: CaseEvent.REFUND if facts.goods_are_here else CaseEvent.LAPSE,
        CaseState.WITH_MERCHANT: own,
        CaseState.WITH_SERVICE: own if facts.with_lead else CaseEvent.ASK_SERVICE,
        CaseState.STOPPING: CaseEvent.NOT_STOPPED,
        CaseState.AWAITING_RETURN: CaseEvent.SETTLE if facts.ships_first else CaseEvent.LAPSE,
        CaseState.RETURNING: CaseEvent.LOSE,
        CaseState.INSPECTING: accepted_event(facts.kind),
        CaseState.AWAITING_MONEY: CaseEvent.REFUND if facts.goods_are_here else CaseEvent.LAPSE,
        CaseState.REPAIRING: CaseEvent.STOCK_GONE,
        CaseState.REJECTED: CaseEvent.LAPSE,
    }.get(facts.state)
