"""Triage: the first rule that holds says where a case goes, and why."""

from typing import Any

import pytest

from order_service.aftersales.policy.document import DEFAULT
from order_service.aftersales.policy.triage import RULES, Facts, triage
from order_service.aftersales.policy.windows import Stage
from order_service.order.cases import CASE, CaseEvent, CaseKind, CaseReason, CaseState

_K, _R, _E = CaseKind, CaseReason, CaseEvent


def facts(**changes: Any) -> Facts:
    """A request for goods of 4,999 that were received, with a picture of the fault."""
    usual: dict[str, Any] = {
        "kind": _K.RETURN_REFUND,
        "reason": _R.QUALITY,
        "stage": Stage.RECEIVED,
        "amount_minor": 4_999,
        "evidence": 1,
    }
    return Facts(**{**usual, **changes})


NOT_LEFT = {"kind": _K.REFUND_ONLY, "reason": _R.CHANGED_MIND, "evidence": 0}


@pytest.mark.parametrize(
    ("changes", "rule", "event"),
    [
        ({**NOT_LEFT, "stage": Stage.NOT_PICKED}, "T1", _E.REFUND),
        ({**NOT_LEFT, "stage": Stage.NOT_PICKED, "is_flagged": True}, "T1", _E.REFUND),
        ({**NOT_LEFT, "stage": Stage.IN_WAREHOUSE}, "T2", _E.STOP),
        ({**NOT_LEFT, "stage": Stage.UNDER_WAY}, "T3", _E.STOP),
        ({**NOT_LEFT, "stage": Stage.OUT_FOR_DELIVERY}, "T8", _E.ASK_MERCHANT),
        ({"is_flagged": True, "evidence": 0}, "T4", _E.ASK_SERVICE),
        ({"says_counterfeit": True}, "T4", _E.ASK_SERVICE),
        ({"amount_minor": 500_001}, "T4", _E.ASK_SERVICE),
        ({"amount_minor": 500_000}, "T8", _E.ASK_MERCHANT),
        ({"evidence": 0}, "T5", _E.ASK_BUYER),
        ({"is_perishable": True, "amount_minor": 10_000}, "T6", _E.REFUND),
        ({"is_perishable": True, "amount_minor": 10_001}, "T8", _E.ASK_MERCHANT),
        ({"credit": 600, "amount_minor": 3_000}, "T6", _E.REFUND),
        ({"credit": 599, "amount_minor": 3_000}, "T8", _E.ASK_MERCHANT),
        ({"credit": 600, "amount_minor": 3_001}, "T8", _E.ASK_MERCHANT),
        ({"kind": _K.EXCHANGE, "credit": 600, "amount_minor": 1}, "T8", _E.ASK_MERCHANT),
        ({"reason": _R.NO_REASON, "evidence": 0}, "T7", _E.TAKE_BACK),
        ({"reason": _R.NO_REASON, "kind": _K.EXCHANGE, "costs_more": True}, "T7", _E.COLLECT),
        ({}, "T8", _E.ASK_MERCHANT),
    ],
)
def test_the_first_rule_that_holds_decides(
    changes: dict[str, Any], rule: str, event: CaseEvent
) -> None:
    found = triage(DEFAULT, facts(**changes))
    assert (found.rule, found.event) == (rule, event)
    assert found.why.clause == rule
    assert CASE.allows(CaseState.REQUESTED, found.event)


def test_a_finding_names_what_was_compared() -> None:
    why = triage(DEFAULT, facts(credit=700, amount_minor=2_999)).why
    assert "amount_minor 2999 is at most 3000 (triage.T6.max_minor)" in why.comparison
    assert (why.version, why.result) == ("default (built in)", "REFUND")
    assert why.inputs["credit"] == 700


def test_the_last_rule_always_holds() -> None:
    assert [rule.name for rule in RULES] == [f"T{number}" for number in range(1, 9)]
    assert RULES[-1].alternatives == ((),)
