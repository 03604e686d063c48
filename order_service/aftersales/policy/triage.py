"""Triage: the table of rules that says where a case goes first. Pure.

A rule has alternatives; one holds when all its conditions do. The first rule that holds decides. A
condition compares a fact with a value, or with a clause of the policy.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from msgspec import Struct

from order_service.aftersales.policy.clauses import CLAUSES, evidence_name
from order_service.aftersales.policy.deadlines import own_event
from order_service.aftersales.policy.document import Policy
from order_service.aftersales.policy.finding import Finding
from order_service.aftersales.policy.windows import Stage
from order_service.order.cases import FAULT, CaseEvent, CaseKind, CaseReason


class Facts(Struct, frozen=True, kw_only=True):
    """The facts of a case that triage looks at."""

    kind: CaseKind
    reason: CaseReason
    stage: Stage
    """Of its units; the one that is furthest from the warehouse if they differ."""
    amount_minor: int
    """The money that it is about: what is asked for, or what its units cost."""
    evidence: int = 0
    """The number of its files."""
    credit: int = 0
    """The credit of its buyer; 0: unknown."""
    is_perishable: bool = False
    """Whether all its goods are."""
    is_flagged: bool = False
    """Whether its buyer is under a measure, or suspected of abuse."""
    says_counterfeit: bool = False
    """Whether its buyer says that the goods are not genuine."""
    costs_more: bool = False
    """Whether the buyer has to pay a difference first."""


class Triage(NamedTuple):
    """Where a case goes first, by which rule, and the finding that says why."""

    event: CaseEvent
    rule: str
    why: Finding


class Condition(NamedTuple):
    """A comparison of a fact with a value, or with the clause of that name."""

    fact: str
    test: str
    """A key of `_TESTS`."""
    value: Any


class Rule(NamedTuple):
    """A row of the table."""

    name: str
    alternatives: tuple[tuple[Condition, ...], ...]
    then: CaseEvent | None
    """None: the event that the case's kind begins with."""


_REFUND_ONLY: Final = Condition("kind", "is", CaseKind.REFUND_ONLY)
_FAULT: Final = Condition("reason", "is one of", tuple(sorted(FAULT)))
# Whoever wants other goods is not given money in their stead.
_WANTS_MONEY: Final = Condition(
    "kind", "is one of", (CaseKind.REFUND_ONLY.value, CaseKind.RETURN_REFUND.value)
)
RULES: Final[tuple[Rule, ...]] = (
    Rule("T1", ((_REFUND_ONLY, Condition("stage", "is", Stage.NOT_PICKED)),), CaseEvent.REFUND),
    Rule("T2", ((_REFUND_ONLY, Condition("stage", "is", Stage.IN_WAREHOUSE)),), CaseEvent.STOP),
    Rule("T3", ((_REFUND_ONLY, Condition("stage", "is", Stage.UNDER_WAY)),), CaseEvent.STOP),
    Rule(
        "T4",
        (
            (Condition("is_flagged", "is", True),),
            (Condition("amount_minor", "is more than", "triage.T4.over_minor"),),
            (Condition("says_counterfeit", "is", True),),
        ),
        CaseEvent.ASK_SERVICE,
    ),
    Rule(
        "T5",
        ((Condition("needs_evidence", "is", True), Condition("evidence", "is", 0)),),
        CaseEvent.ASK_BUYER,
    ),
    Rule(
        "T6",
        (
            (
                *(_FAULT, _WANTS_MONEY, Condition("is_perishable", "is", True)),
                Condition("amount_minor", "is at most", "triage.T6.perishable_max_minor"),
            ),
            (
                *(_FAULT, _WANTS_MONEY),
                Condition("amount_minor", "is at most", "triage.T6.max_minor"),
                Condition("credit", "is at least", "triage.T6.credit_min"),
            ),
        ),
        CaseEvent.REFUND,
    ),
    Rule("T7", ((Condition("reason", "is", CaseReason.NO_REASON),),), None),
    Rule("T8", ((),), CaseEvent.ASK_MERCHANT),
)
"""The rules, the first that holds first. The last one always does."""

_TESTS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "is": lambda fact, value: bool(fact == value),
    "is one of": lambda fact, value: fact in value,
    "is more than": lambda fact, value: bool(fact > value),
    "is at most": lambda fact, value: bool(fact <= value),
    "is at least": lambda fact, value: bool(fact >= value),
}


def triage(policy: Policy, facts: Facts) -> Triage:
    """Where a case goes first."""
    inputs = _inputs(policy, facts)
    for rule in RULES:
        for conditions in rule.alternatives:
            if all(_holds(policy, inputs, each) for each in conditions):
                event = rule.then or own_event(facts.kind, facts.stage, costs_more=facts.costs_more)
                return Triage(event, rule.name, _why(policy, inputs, rule, conditions, event))
    raise AssertionError("the last rule always holds")


def _inputs(policy: Policy, facts: Facts) -> dict[str, int | bool | str]:
    inputs = {name: getattr(facts, name) for name in facts.__struct_fields__}
    needs_evidence = bool(policy.value(evidence_name(facts.reason)))
    return {**inputs, "needs_evidence": needs_evidence}


def _holds(policy: Policy, inputs: Mapping[str, Any], condition: Condition) -> bool:
    return _TESTS[condition.test](inputs[condition.fact], _bound(policy, condition))


def _bound(policy: Policy, condition: Condition) -> Any:
    return policy.number(condition.value) if _is_clause(condition) else condition.value


def _why(
    policy: Policy,
    inputs: Mapping[str, Any],
    rule: Rule,
    conditions: tuple[Condition, ...],
    event: CaseEvent,
) -> Finding:
    compared = " and ".join(_said(policy, inputs, each) for each in conditions)
    read = {name: str(value) if isinstance(value, str) else value for name, value in inputs.items()}
    versions = {policy.said_by(each.value) for each in conditions if _is_clause(each)}
    said_by = " and ".join(sorted(versions)) or policy.said_by("")
    return Finding(rule.name, said_by, read, compared or "no other rule holds", event.value)


def _is_clause(condition: Condition) -> bool:
    return isinstance(condition.value, str) and condition.value in CLAUSES


def _said(policy: Policy, inputs: Mapping[str, Any], condition: Condition) -> str:
    bound = _bound(policy, condition)
    value = " or ".join(map(str, bound)) if isinstance(bound, tuple) else bound
    clause = f" ({condition.value})" if _is_clause(condition) else ""
    return f"{condition.fact} {inputs[condition.fact]} {condition.test} {value}{clause}"
