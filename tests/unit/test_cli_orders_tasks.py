"""The dead-letter list by command line; a service answers as the test says."""

from holdfast.order.v1 import operations_pb2 as pb
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
