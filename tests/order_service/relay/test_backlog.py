import random

import pytest

from order_service.order.model import Task
from order_service.order.tasks import TaskKind
from order_service.relay import backlog
from order_service.relay.backlog import SLOTS, Backlog
from order_service.relay.relay import PAUSE_MS_MAX, pause_ms
from order_service.storage.tasks import Taken
from tests.order_service import samples

LEASE_ENDS_AT_MS = 1_000


def taken(number: int, kind: TaskKind = TaskKind.EVENT) -> Taken:
    task = Task(
        f"T{number:05}", "4330000000000000000", "", kind, "", 0, 0, lease_until_ms=LEASE_ENDS_AT_MS
    )
    return Taken(samples.order(), task)


def begun(of: Backlog, now_ms: int = 0) -> list[str]:
    return [taken.task.task_id for taken in of.begin(now_ms)]


def test_tasks_are_begun_in_the_order_in_which_they_came_as_slots_are_free() -> None:
    held = Backlog([TaskKind.EVENT])
    places = SLOTS[TaskKind.EVENT]
    for number in range(places + 2):
        assert held.add(taken(number))
    assert begun(held) == [f"T{number:05}" for number in range(places)]
    assert begun(held) == []
    held.end(taken(3).task)
    assert begun(held) == [f"T{places:05}"]


def test_a_kind_that_is_full_asks_for_no_more() -> None:
    held = Backlog([TaskKind.EVENT, TaskKind.REFUND])
    for number in range(SLOTS[TaskKind.EVENT]):
        held.add(taken(number))
    assert held.kinds_with_room() == [TaskKind.REFUND]
    assert len(begun(held)) == SLOTS[TaskKind.EVENT]
    assert held.kinds_with_room() == [TaskKind.REFUND]
    held.end(taken(0).task)
    assert held.kinds_with_room() == [TaskKind.EVENT, TaskKind.REFUND]


def test_a_task_that_came_twice_is_begun_once() -> None:
    held = Backlog([TaskKind.EVENT])
    assert held.add(taken(1))
    assert held.add(taken(1))
    assert begun(held) == ["T00001"]
    assert held.add(taken(1))
    assert begun(held) == []


def test_a_task_whose_lease_ran_out_while_it_waited_is_not_begun() -> None:
    held = Backlog([TaskKind.EVENT])
    held.add(taken(1))
    assert begun(held, now_ms=LEASE_ENDS_AT_MS) == []
    assert taken(1).task not in held


def test_a_renewed_task_is_begun_later() -> None:
    held = Backlog([TaskKind.EVENT])
    held.add(taken(1))
    assert held.leases_that_end_before(LEASE_ENDS_AT_MS) == []
    assert held.leases_that_end_before(LEASE_ENDS_AT_MS + 1) == ["T00001"]
    held.renewed(["T00001", "GONE"], LEASE_ENDS_AT_MS + 500)
    assert begun(held, now_ms=LEASE_ENDS_AT_MS) == ["T00001"]


def test_more_than_can_be_held_and_unknown_kinds_are_not_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backlog, "QUEUED_MAX", 2)
    held = Backlog([TaskKind.EVENT])
    assert [held.add(taken(number)) for number in range(3)] == [True, True, False]
    assert not held.add(taken(4, TaskKind.REFUND))


def test_what_was_not_begun_can_be_dropped() -> None:
    held = Backlog([TaskKind.EVENT])
    places = SLOTS[TaskKind.EVENT]
    for number in range(places + 1):
        held.add(taken(number))
    running = begun(held)
    assert held.drop_waiting() == [f"T{places:05}"]
    assert held.leases_that_end_before(LEASE_ENDS_AT_MS + 1) == running


@pytest.mark.parametrize("attempts", range(1, 41))
def test_pauses_double_up_to_ten_minutes_and_half_of_each_is_chance(attempts: int) -> None:
    full_ms = min(1_000 * 2 ** (attempts - 1), PAUSE_MS_MAX)
    pauses = [pause_ms(attempts, random.Random(seed)) for seed in range(200)]
    assert full_ms // 2 <= min(pauses) < full_ms * 0.55
    assert full_ms * 0.95 < max(pauses) <= full_ms
