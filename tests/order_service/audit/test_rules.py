"""Each rule holds of sound orders at every stage, and finds the defect that it is there for."""

import re

import pytest
from msgspec import structs

from holdfast.cli.app import app
from order_service.audit.case import judge
from order_service.audit.invariants import INVARIANTS, RULES
from order_service.order.model import Order
from tests.order_service.audit.defects import DEFECTS, FOUND_BY_THE_RUN
from tests.order_service.audit.lives import STAGES


@pytest.mark.parametrize("stage", STAGES)
def test_a_sound_order_breaks_no_rule_at_any_stage(stage: str) -> None:
    assert [(each.rule.name, each.detail) for each in judge(STAGES[stage](), RULES)] == []


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_found_by_its_rule(name: str) -> None:
    defect = DEFECTS[name]
    case = STAGES[defect.stage]()
    spoilt = defect.spoil(case)
    found = [each for each in judge(spoilt, RULES) if each.rule.name == defect.rule]
    assert found, f"{name}: not found by {defect.rule}"
    assert all(each.mends_itself == defect.mends_itself for each in found)


def test_every_invariant_has_a_defect_that_it_finds() -> None:
    found = {defect.rule for defect in DEFECTS.values()} | FOUND_BY_THE_RUN
    assert found == set(INVARIANTS)


def test_every_invariant_says_what_it_means_and_how_to_mend_it() -> None:
    assert len(RULES) == len({rule.name for rule in RULES})
    for invariant in INVARIANTS.values():
        assert invariant.means
        assert invariant.mend


def test_every_command_that_mends_is_one_of_the_command_line() -> None:
    named = {
        command
        for invariant in INVARIANTS.values()
        for command in re.findall(r"`holdfast ((?:[a-z]+ ?)+)", invariant.mend)
    }
    assert named
    for command in named:
        found = app
        for word in command.split():
            found = found[word]


@pytest.mark.parametrize("name", DEFECTS)
def test_what_is_found_says_nothing_personal(name: str) -> None:
    defect = DEFECTS[name]
    case = defect.spoil(STAGES[defect.stage]())
    said = " ".join(each.detail for each in judge(case, RULES))
    for secret in _personal(case.order):
        assert secret not in said


def _personal(order: Order) -> list[str]:
    it = order.delivery
    return [it.name, it.phone, it.street, it.district, it.city, it.postcode, it.email]


@pytest.mark.parametrize("stage", STAGES)
def test_a_case_that_the_engine_and_providers_were_not_asked_for_is_judged_alone(
    stage: str,
) -> None:
    case = STAGES[stage]()._replace(reservations=None, entries=None)
    assert judge(case, RULES) == []


def test_a_dead_task_brings_nothing_to_rest() -> None:
    case = STAGES["paid"]()
    case.order.tasks = [structs.replace(task, dead=True) for task in case.order.tasks]
    assert "order_is_moved_on" in {each.rule.name for each in judge(case, RULES)}
