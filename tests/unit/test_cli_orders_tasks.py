"""The dead-letter list by command line; a service answers as the test says."""

from typing import Any

import pytest

from holdfast.cli.failures import USAGE
from holdfast.order.v1 import operations_pb2 as pb
from order_service.storage.needs import NEEDS, Need
from tests.unit.scripted_orders import Commands

DEAD, LIVING = "3766223186315821678", "3766223186315821679"


def test_a_task_that_is_not_dead_is_named_and_exit_status_1(orders: Commands) -> None:
    orders.service.answers["ReplayTasks"] = pb.ReplayTasksResponse(replayed=1, not_dead=[LIVING])
    ran = orders(f"orders replay {DEAD} {LIVING}")
    assert (ran.exit_status, ran.out) == (1, "1 tasks will be done again.\n")
    assert f"not on the dead-letter list: {LIVING}." in ran.err
    error = orders(f"orders replay {DEAD} {LIVING} -o json").error()
    assert (error["reason"], error["details"]) == ("TASK_NOT_FOUND", {"task_ids": [LIVING]})


def test_none_of_a_kind_is_nothing_to_mind(orders: Commands) -> None:
    orders.service.answers["ReplayTasks"] = pb.ReplayTasksResponse()
    assert orders("orders replay --kind confirm").exit_status == 0


def need(**values: Any) -> pb.Need:
    row = next(row for row in NEEDS if row.name == "failed_refunds")
    shown: dict[str, Any] = {
        "name": row.name,
        "about": row.about,
        "command": row.command,
        "alarms": row.alarms,
    }
    return pb.Need(**shown | {"tenant": "default", "count": 2, "since_at_ms": 1} | values)


def test_status_begins_with_what_needs_a_person(orders: Commands) -> None:
    orders.service.answers["GetStatus"] = pb.GetStatusResponse(needs=[need(), need(tenant="b")])
    ran = orders("orders status")
    assert ran.exit_status == 0
    assert ran.out.index("holdfast orders refunds list --tenant b") < ran.out.index("Order service")


@pytest.mark.parametrize(
    ("needs", "exit_status"), [([], 0), ([need(alarms=False)], 0), ([need()], 1)]
)
def test_a_check_fails_only_if_a_person_has_to_come_now(
    orders: Commands, needs: list[pb.Need], exit_status: int
) -> None:
    orders.service.answers["GetStatus"] = pb.GetStatusResponse(needs=needs)
    ran = orders("orders status --check")
    assert ran.exit_status == exit_status
    assert ("Nothing needs a person now." in ran.out) == (exit_status == 0)
    assert ("failed_refunds" in ran.err) == (exit_status == 1)


@pytest.mark.parametrize("row", NEEDS, ids=lambda row: row.name)
def test_the_command_of_a_need_is_one_that_there_is(orders: Commands, row: Need) -> None:
    _, *words = row.command.split()
    ran = orders(" ".join(words))
    assert "is not a command" not in ran.err
    assert ran.exit_status != USAGE, ran.err
