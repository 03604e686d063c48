"""The clauses of a policy: one table.

A clause has a name, a value of a kind, and a side on which it gives the buyer more. A document
names the clauses that it changes; the others are those of the preset that it begins with.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from order_service.order.cases import FAULT, CaseReason, CaseState
from order_service.order.fields import MONEY_MINOR_MAX, check_whole, shown
from order_service.order.refusals import InvalidField

DAYS_MAX: Final = 3_650
HOURS_MAX: Final = 24 * 366
BP_MAX: Final = 10_000
CREDIT_MAX: Final = 1_000_000

Value = int | bool | str | tuple[str, ...]
Clauses = Mapping[str, Value]


class CountFrom(StrEnum):
    """The moment from which the days of a window are counted."""

    NEXT_DAY = "NEXT_DAY"
    """The midnight after the receipt, in the policy's time zone (签收次日起算)."""
    INSTANT = "INSTANT"
    """The receipt itself: a day is 24 hours."""


class Payer(StrEnum):
    """The side that pays the freight of goods that go back."""

    BUYER = "BUYER"
    MERCHANT = "MERCHANT"


class Flag(StrEnum):
    """A property of goods that may take them out of NO_REASON."""

    CUSTOMISED = "customised"
    FRAGILE = "fragile"
    OPENED = "opened"
    PERISHABLE = "perishable"


class Better(StrEnum):
    """The value of a clause that gives the buyer more."""

    HIGHER = "the higher"
    LOWER = "the lower"
    NOBODYS = "only the shop's"
    """No merchant and no law changes it."""


class Clause(NamedTuple):
    """A row of the table."""

    name: str
    default: Value
    """In the preset `default`."""
    checked: Callable[[str, object], Value]
    """Given the field's name and what was put. Raises InvalidField."""
    better: Better
    meaning: str
    rank: Callable[[Value], int]
    """The place of a value among others, for `better`."""


def _whole(least: int, most: int) -> Callable[[str, object], Value]:
    def checked(field: str, value: object) -> Value:
        if isinstance(value, bool) or not isinstance(value, int):
            raise InvalidField(
                field, f"must be a whole number, {least:,} to {most:,}", shown(value)
            )
        check_whole(field, value, least, most)
        return value

    return checked


def _truth(field: str, value: object) -> Value:
    if not isinstance(value, bool):
        raise InvalidField(field, "must be true or false", shown(value))
    return value


def _one_of(words: type[StrEnum]) -> Callable[[str, object], Value]:
    def checked(field: str, value: object) -> Value:
        if not isinstance(value, str) or value not in set(words):
            raise InvalidField(field, f"must be one of {', '.join(words)}", shown(value))
        return str(value)

    return checked


def _some_of(words: type[StrEnum]) -> Callable[[str, object], Value]:
    def checked(field: str, value: object) -> Value:
        each = value if isinstance(value, list | tuple) else (value,)
        if any(not isinstance(word, str) or word not in set(words) for word in each):
            raise InvalidField(field, f"must be a list of {', '.join(words)}", shown(value))
        return tuple(sorted({str(word) for word in each}))

    return checked


def _zone(field: str, value: object) -> Value:
    problem = "must be a time zone, such as Asia/Shanghai"
    if not isinstance(value, str):
        raise InvalidField(field, problem, shown(value))
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidField(field, problem, shown(value)) from None
    return value


def _as_number(value: Value) -> int:
    return value if isinstance(value, int) else 0


def _as_count(value: Value) -> int:
    return len(value) if isinstance(value, tuple) else 0


def _numbers(most: int, rows: Mapping[str, tuple[int, Better, str]]) -> list[Clause]:
    return [
        Clause(name, default, _whole(0, most), better, meaning, _as_number)
        for name, (default, better, meaning) in rows.items()
    ]


_HIGHER, _LOWER, _NOBODYS = Better.HIGHER, Better.LOWER, Better.NOBODYS
_WINDOWS: Final = {
    CaseReason.NO_REASON: 7,
    CaseReason.QUALITY: 15,
    CaseReason.DAMAGED: 15,
    CaseReason.NOT_AS_DESCRIBED: 15,
    CaseReason.WRONG_ITEM: 15,
    CaseReason.MISSING_ITEM: 15,
    CaseReason.PRICE_DROP: 15,
}
# In hours, with whose time it is and what comes when it is over.
_DEADLINES: Final = {
    CaseState.WITH_BUYER: (168, _HIGHER, "the buyer answers, else the case lapses"),
    CaseState.WITH_MERCHANT: (48, _LOWER, "the merchant decides, else the case is granted"),
    CaseState.WITH_SERVICE: (
        *(24, _LOWER),
        "the service desk decides, else its lead has as long again, then the case is granted",
    ),
    CaseState.STOPPING: (24, _LOWER, "goods are stopped, else they were not"),
    CaseState.AWAITING_RETURN: (168, _HIGHER, "the buyer sends the goods, else the case lapses"),
    CaseState.RETURNING: (360, _LOWER, "the goods arrive, else they are lost on their way"),
    CaseState.INSPECTING: (72, _LOWER, "the goods are inspected, else they are accepted"),
    CaseState.AWAITING_MONEY: (
        *(24, _HIGHER),
        "the buyer pays, else the money for goods that are here goes back, or the case lapses",
    ),
    CaseState.REPLACING: (72, _LOWER, "the replacement leaves, else a desk is told"),
    CaseState.REPAIRING: (360, _LOWER, "the goods are mended, else they cannot be"),
    CaseState.REFUNDING: (24, _LOWER, "a failed refund is mended, else the finance desk is told"),
    CaseState.REJECTED: (168, _HIGHER, "the buyer opens a dispute, else the case is closed"),
}
_NEEDS_EVIDENCE: Final = (FAULT - {CaseReason.NOT_RECEIVED}) | {CaseReason.PRICE_DROP}


def window_name(reason: CaseReason) -> str:
    """The name of the clause of a reason's window."""
    return f"window.{reason}.days"


def deadline_name(state: CaseState) -> str:
    """The name of the clause of a state's deadline."""
    return f"deadline.{state}.hours"


def evidence_name(reason: CaseReason) -> str:
    """The name of the clause of the evidence that a reason needs."""
    return f"evidence.{reason}.needed"


def payer_name(reason: CaseReason) -> str:
    """The name of the clause of who pays the return freight with a reason."""
    return f"return_freight.{reason}.payer"


COUNT_FROM: Final = "window.count_from"
ZONE: Final = "window.zone"
EXCLUDED: Final = "window.NO_REASON.excluded"

_TABLE: Final[tuple[Clause, ...]] = (
    *_numbers(
        DAYS_MAX,
        {
            window_name(reason): (days, _HIGHER, f"days after the receipt for {reason}")
            for reason, days in _WINDOWS.items()
        },
    ),
    Clause(
        COUNT_FROM,
        CountFrom.NEXT_DAY.value,
        _one_of(CountFrom),
        _HIGHER,
        "days count from the midnight after the receipt, or from the receipt itself",
        lambda value: int(value == CountFrom.NEXT_DAY),
    ),
    Clause(ZONE, "Asia/Shanghai", _zone, _NOBODYS, "the time zone of those midnights", _as_number),
    Clause(
        EXCLUDED,
        tuple(sorted(Flag)),
        _some_of(Flag),
        _LOWER,
        "goods that are not taken back without a reason",
        _as_count,
    ),
    *_numbers(HOURS_MAX, {deadline_name(state): (*row,) for state, row in _DEADLINES.items()}),
    *(
        Clause(
            evidence_name(reason),
            reason in _NEEDS_EVIDENCE,
            _truth,
            _LOWER,
            f"whether {reason} needs a picture or a video",
            _as_number,
        )
        for reason in CaseReason
    ),
    *(
        Clause(
            payer_name(reason),
            (Payer.MERCHANT if reason in FAULT else Payer.BUYER).value,
            _one_of(Payer),
            _HIGHER,
            f"the side that pays the return freight with {reason}",
            lambda value: int(value == Payer.MERCHANT),
        )
        for reason in (CaseReason.NO_REASON, *sorted(FAULT - {CaseReason.NOT_RECEIVED}))
    ),
    *_numbers(
        MONEY_MINOR_MAX,
        {
            "return_freight.max_minor": (
                *(1_500, _HIGHER),
                "the most that is paid of a return freight that is not the buyer's",
            ),
            "triage.T4.over_minor": (
                *(500_000, _NOBODYS),
                "a case of more than that goes to the service desk",
            ),
            "triage.T6.perishable_max_minor": (
                *(10_000, _HIGHER),
                "perishable goods at fault up to that are paid back and kept",
            ),
            "triage.T6.max_minor": (
                *(3_000, _HIGHER),
                "goods at fault up to that are paid back and kept, with enough credit",
            ),
        },
    ),
    *_numbers(
        CREDIT_MAX,
        {"triage.T6.credit_min": (600, _LOWER, "the credit that is enough for that")},
    ),
    *_numbers(
        BP_MAX,
        {
            "restocking_fee.bp": (
                *(0, _LOWER),
                "what is kept of the money for goods sent back without a reason",
            )
        },
    ),
)
CLAUSES: Final[Mapping[str, Clause]] = {clause.name: clause for clause in _TABLE}
"""All clauses, by name."""
DEFAULTS: Final[Clauses] = {clause.name: clause.default for clause in _TABLE}


def checked_clauses(clauses: Mapping[str, Any]) -> dict[str, Value]:
    """Clauses that can be put, in the table's order. Raises InvalidField."""
    for name in clauses:
        if name not in CLAUSES:
            problem = f"is no clause; there are {', '.join(_like(name))}"
            raise InvalidField(f"document.clauses.{name[:80]}", problem, shown(clauses[name]))
    return {
        name: clause.checked(f"document.clauses.{name}", clauses[name])
        for name, clause in CLAUSES.items()
        if name in clauses
    }


def gives_more(name: str, offered: Value, had: Value) -> bool:
    """Whether a value of a clause gives the buyer more than another."""
    clause = CLAUSES[name]
    if clause.better is Better.NOBODYS:
        return False
    if isinstance(offered, tuple) and isinstance(had, tuple):
        # Of other exclusions, neither gives more.
        return set(offered) < set(had)
    more = clause.rank(offered) - clause.rank(had)
    return more > 0 if clause.better is Better.HIGHER else more < 0


def _like(name: str) -> list[str]:
    """The clauses of the same beginning; all beginnings if there are none."""
    group = name.partition(".")[0]
    return [each for each in CLAUSES if each.startswith(f"{group}.")] or sorted(
        {f"{each.partition('.')[0]}.*" for each in CLAUSES}
    )
