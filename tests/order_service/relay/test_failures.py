import asyncio
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection
from structlog.testing import capture_logs

from order_service.order.draft import Decide, Draft
from order_service.order.model import Order, Task
from order_service.order.tasks import TaskKind
from order_service.relay.handler import GiveUp, TryLater
from order_service.relay.relay import PAUSE_MS_MAX, RelaySettings
from order_service.storage import tasks
from order_service.storage.database import Database, StorageUnavailable
from order_service.storage.orders import Orders
from order_service.storage.tasks import LEASE_MS, SKEW_MS, TaskFilter
from tests.order_service.clock import Clock
from tests.order_service.relay import dying
from tests.order_service.relay.world import (
    QUICK,
    Doing,
    Holding,
    Process,
    nothing,
    place,
    sends,
    tasks_of,
    until_first_task,
    until_none_is_left,
)
from tests.order_service.samples import A, B
from tests.waiting import PATIENCE_S, eventually

T = TypeVar("T")
OVER_MS = LEASE_MS + SKEW_MS + 1
ROOT = Path(__file__).parents[3]


class Failing:
    """A handler that fails so often, then does its task."""

    def __init__(self, error: Exception, times: int = 1) -> None:
        self.error = error
        self.left = times
        self.calls = 0

    async def __call__(self, _order: Order, _task: Task) -> Decide:
        self.calls += 1
        if self.left:
            self.left -= 1
            raise self.error
        return nothing


async def failed_task(orders: Orders, attempts: int = 1) -> Task:
    """The only task, once it has failed so often."""
    return await until_first_task(orders, lambda task: task.attempts >= attempts)


async def test_a_task_that_failed_is_tried_again_later(database: Database, clock: Clock) -> None:
    failing = Failing(TryLater("the engine does not answer"), times=2)
    process = Process(database, clock, {TaskKind.CONFIRM: failing})
    async with process.running():
        await place(process.orders, A, sends(TaskKind.CONFIRM))
        task = await failed_task(process.orders)
        assert task.last_error == "the engine does not answer"
        assert 500 <= task.due_at_ms - clock.now_ms <= 1_000
        assert (task.owner, task.dead, failing.calls) == ("", False, 1)
        clock.advance(1_000)
        task = await failed_task(process.orders, attempts=2)
        assert 1_000 <= task.due_at_ms - clock.now_ms <= 2_000
        clock.advance(2_000)
        await until_none_is_left(process.orders)
    assert failing.calls == 3
    assert process.relay.counts.failed == {"CONFIRM": 2}


async def test_a_pause_that_the_outside_asks_for_is_kept(database: Database, clock: Clock) -> None:
    failing = Failing(TryLater("too many requests", after_ms=77_000))
    process = Process(database, clock, {TaskKind.CONFIRM: failing})
    async with process.running():
        await place(process.orders, A, sends(TaskKind.CONFIRM))
        task = await failed_task(process.orders)
    assert task.due_at_ms == clock.now_ms + 77_000


async def test_too_many_failures_bury_a_task_until_it_is_replayed(
    database: Database, clock: Clock
) -> None:
    failing = Failing(TryLater("no"), times=3)
    settings = RelaySettings(poll_s=0.02, attempts_max=3)
    process = Process(database, clock, {TaskKind.CONFIRM: failing}, settings=settings)
    async with process.running():
        await place(process.orders, A, sends(TaskKind.CONFIRM))
        for attempts in (1, 2, 3):
            await failed_task(process.orders, attempts)
            clock.advance(PAUSE_MS_MAX)
        (dead,) = await tasks_of(process.orders, TaskFilter("default", dead=True))
        assert (dead.attempts, dead.last_error) == (3, "no")
        replay = partial(tasks.replay, wanted=TaskFilter("default"), now_ms=clock.now_ms)
        assert await process.orders.write(replay) == [dead.task_id]
        await until_none_is_left(process.orders)
    assert failing.calls == 4
    assert process.relay.counts.buried == {"CONFIRM": 1}


async def test_giving_up_buries_a_task_at_once(database: Database, clock: Clock) -> None:
    failing = Failing(GiveUp("the provider knows no such payment"))
    process = Process(database, clock, {TaskKind.CONFIRM: failing})
    async with process.running():
        await place(process.orders, A, sends(TaskKind.CONFIRM))
        task = await failed_task(process.orders)
    assert (task.dead, task.last_error) == (True, "the provider knows no such payment")


async def test_what_an_error_says_is_neither_kept_nor_logged(
    database: Database, clock: Clock
) -> None:
    failing = Failing(ValueError("Li Na, +8613812345678"))
    process = Process(database, clock, {TaskKind.CONFIRM: failing})
    with capture_logs() as logs:
        async with process.running():
            await place(process.orders, A, sends(TaskKind.CONFIRM))
            task = await failed_task(process.orders)
    assert task.last_error == "ValueError"
    (entry,) = logs
    assert entry["problem"].startswith("ValueError in Failing.__call__, line ")
    assert "Li Na" not in str(logs)


async def test_a_decision_that_raises_changes_nothing_and_is_made_again(
    database: Database, clock: Clock
) -> None:
    raises = [RuntimeError()]

    def decide(draft: Draft) -> None:
        draft.note("shipped")
        if raises:
            raise raises.pop()

    async def ship(_order: Order, _task: Task) -> Decide:
        return decide

    process = Process(database, clock, {TaskKind.SHIP: ship})
    async with process.running():
        order = await place(process.orders, A, sends(TaskKind.SHIP))
        version = order.version
        task = await failed_task(process.orders)
        assert task.last_error == "RuntimeError"
        assert (await process.orders.get(A)).version == version
        clock.advance(1_000)
        await until_none_is_left(process.orders)
        assert (await process.orders.get(A)).version == version + 1


async def test_a_handler_that_hangs_is_stopped_and_tried_again(
    database: Database, clock: Clock
) -> None:
    holding = Holding()
    settings = RelaySettings(poll_s=0.02, handler_s_max=0.05)
    process = Process(database, clock, {TaskKind.CONFIRM: holding}, settings=settings)
    async with process.running():
        await place(process.orders, A, sends(TaskKind.CONFIRM))
        task = await failed_task(process.orders)
        assert task.last_error == "it took longer than 0.05 s"
        holding.go_on.set()
        clock.advance(1_000)
        await until_none_is_left(process.orders)


async def test_a_lease_is_renewed_while_its_handler_runs(
    database: Database, orders: Orders, clock: Clock
) -> None:
    holding, doing = Holding(), Doing()
    one = Process(database, clock, {TaskKind.CONFIRM: holding}, "one")
    two = Process(database, clock, {TaskKind.CONFIRM: doing}, "two")
    async with one.running(), two.running():
        await place(one.orders, A, sends(TaskKind.CONFIRM))
        await eventually(lambda: bool(holding.done))
        for _ in range(3):
            clock.advance(LEASE_MS - 1_000)
            await until_first_task(orders, lambda task: task.lease_until_ms > clock() + 5_000)
        holding.go_on.set()
        await until_none_is_left(orders)
    assert doing.done == []


async def test_tasks_of_a_dead_process_are_taken_over(
    database: Database, orders: Orders, clock: Clock
) -> None:
    dead = Process(database, clock, {TaskKind.CONFIRM: Holding()}, "dead")  # it never runs
    doing = Doing()
    alive = Process(database, clock, {TaskKind.CONFIRM: doing}, "alive")
    await place(dead.orders, A, sends(TaskKind.CONFIRM))
    async with alive.running():
        await place(alive.orders, B, sends(TaskKind.CONFIRM))
        await eventually(lambda: bool(doing.done))
        clock.advance(OVER_MS)
        await until_none_is_left(orders)
    assert [task.order_id for task in doing.done] == [B, A]


async def test_a_task_that_two_processes_do_has_its_effect_once(
    database: Database, orders: Orders, clock: Clock
) -> None:
    go_on = asyncio.Event()
    calls: list[str] = []

    async def refund(_: Order, task: Task) -> Decide:
        calls.append(task.owner)
        await go_on.wait()
        return lambda draft: draft.note("refunded")

    # The first one's process stands still for longer than its lease: it never runs its turns.
    stopped = Process(database, clock, {TaskKind.REFUND: refund}, "stopped")
    other = Process(database, clock, {TaskKind.REFUND: refund}, "other")
    version = (await place(stopped.orders, A, sends(TaskKind.REFUND))).version
    await eventually(lambda: calls == ["stopped"])
    clock.advance(OVER_MS)
    async with other.running():
        await eventually(lambda: calls == ["stopped", "other"])
        go_on.set()
        await until_none_is_left(orders)
        await eventually(lambda: sum(stopped.relay.counts.done.values()) == 1)
    assert (await orders.get(A)).version == version + 1


async def test_a_task_that_ends_every_process_is_buried(
    database: Database, orders: Orders, clock: Clock
) -> None:
    await place(orders, A, sends(TaskKind.CONFIRM))
    settings = RelaySettings(poll_s=0.02, taken_over_max=3)
    for owner in ("one", "two", "three"):
        claim = partial(tasks.claim, owner=owner, now_ms=clock.now_ms, limit=1)
        assert len(await orders.write(claim)) == 1
        clock.advance(OVER_MS)
    doing = Doing()
    last = Process(database, clock, {TaskKind.CONFIRM: doing}, "last", settings)
    async with last.running():
        await eventually(lambda: bool(last.relay.counts.buried))
    (task,) = await tasks_of(orders)
    assert (task.dead, task.last_error) == (True, "every process that tried it ended")
    assert doing.done == []


class Unreliable(Orders):
    """Orders whose database fails at the next writes."""

    failures = 0

    async def write(self, function: Callable[[Connection], T]) -> T:
        if self.failures:
            self.failures -= 1
            raise StorageUnavailable("gone")
        return await super().write(function)


async def test_what_could_not_be_written_is_written_when_the_database_is_back(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("order_service.relay.relay.TROUBLE_PAUSE_S", 0.01)
    failing = Failing(TryLater("no"))
    process = Process(database, clock, {TaskKind.CONFIRM: failing}, orders_type=Unreliable)
    assert isinstance(process.orders, Unreliable)
    async with process.running():
        await place(process.orders, A, sends(TaskKind.CONFIRM))
        process.orders.failures = 3
        task = await failed_task(process.orders)
        assert process.orders.failures == 0
    assert (task.attempts, task.last_error, failing.calls) == (1, "no", 1)


async def test_a_crash_before_the_commit_repeats_the_effect_under_the_same_id(
    database: Database, orders: Orders, clock: Clock, database_url: str, tmp_path: Path
) -> None:
    effects = tmp_path / "effects"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", dying.__name__, database_url, str(effects), cwd=ROOT
    )
    assert await asyncio.wait_for(process.wait(), PATIENCE_S) == dying.EXIT_CODE
    (task,) = await tasks_of(orders)
    assert effects.read_text().split() == [task.task_id]
    doing = Doing()
    clock.now_ms = task.lease_until_ms + SKEW_MS + 1
    next_one = Process(database, clock, {TaskKind.CONFIRM: doing}, "next", QUICK)
    async with next_one.running():
        await until_none_is_left(orders)
    assert [again.task_id for again in doing.done] == [task.task_id]
    assert [(again.attempts, again.taken_over) for again in doing.done] == [(0, 1)]
