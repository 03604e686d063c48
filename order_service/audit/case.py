"""A case: all that is known of one order at one moment. Rules are judged on it, without I/O."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from holdfast.types import Reservation
from order_service.order.model import HistoryEntry, Order
from order_service.order.tasks import TaskKind, any_payload_of
from order_service.payment.providers.port import Fact

Units = Counter[tuple[str, str]]
"""Units by SKU and location."""


class Entry(NamedTuple):
    """An entry of a provider's statement."""

    provider: str
    fact: Fact


class Case(NamedTuple):
    """An order, and what the others know of it."""

    order: Order
    history: Sequence[HistoryEntry]
    now_ms: int
    reviewed: bool = False
    """Whether a review has looked at it."""
    reservations: Mapping[str, Reservation] | None = None
    """By id: its own, and those of goods that were sent again. None: the engine was not asked."""
    entries: Sequence[Entry] | None = None
    """Of its payments and refunds. None: no provider was asked."""
    posted: Mapping[tuple[str, str], int] | None = None
    """The sums of its journals, by account and currency. None: the ledger was not read."""
    silent: frozenset[str] = frozenset()
    """Providers that said nothing: what they have for the order cannot be judged."""

    @property
    def reservation(self) -> Reservation | None:
        """The order's own reservation, if the engine has one."""
        return (self.reservations or {}).get(self.order.reservation_id)


class Rule(NamedTuple):
    """An invariant of every order."""

    name: str
    """Stable: programs know it by this."""
    means: str
    mend: str
    """Tells a person how to mend it."""
    problems: Callable[[Case], Iterable[str]]
    """A sentence for each way in which a case breaks it; nothing in it is personal."""
    mended_by: frozenset[TaskKind] = frozenset()
    """Kinds of tasks: while one is still to be done, it may mend a case that breaks the rule."""


class Problem(NamedTuple):
    """A rule that a case breaks."""

    rule: Rule
    detail: str
    mends_itself: bool
    """Whether what is still to be done for the order is expected to mend it."""


def judge(case: Case, rules: Iterable[Rule]) -> list[Problem]:
    """Every way in which a case breaks a rule."""
    alive = {task.kind for task in case.order.tasks if not task.dead}
    return [
        Problem(rule, detail, mends_itself=not rule.mended_by.isdisjoint(alive))
        for rule in rules
        for detail in rule.problems(case)
    ]


def is_going_to(case: Case, kind: TaskKind, name: str = "", value: str = "") -> bool:
    """Whether a task of a kind is still to be done, about one part where `name` is given."""
    return any(
        task.kind == kind
        and not task.dead
        and (not name or getattr(any_payload_of(task), name) == value)
        for task in case.order.tasks
    )


def differences(expected: Units, found: Units) -> list[str]:
    """Differences between two counts of units, by SKU and location."""
    return [
        f"{sku} @ {location}: {expected[sku, location]} expected, {found[sku, location]} found"
        for sku, location in sorted(expected.keys() | found.keys())
        if expected[sku, location] != found[sku, location]
    ]
