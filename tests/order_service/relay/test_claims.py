import asyncio
from functools import partial

import pytest
from sqlalchemy.util import await_only

from order_service.order.draft import Draft
from order_service.order.model import Task
from order_service.order.tasks import (
    ClosePayment,
    CompleteOrder,
    PaymentDue,
    StartPayment,
    TaskKind,
)
from order_service.storage import tasks
from order_service.storage.database import Database, PostgresDatabase
from order_service.storage.orders import Orders
from order_service.storage.tasks import LEASE_MS, SKEW_MS, Failure, Taken, TaskFilter
from tests.order_service.clock import Clock
from tests.order_service.relay.world import nothing, place, sends, tasks_of
from tests.order_service.samples import A, B, C, id_of
from tests.waiting import PATIENCE_S

ALL = TaskFilter("default")
OVER_MS = LEASE_MS + SKEW_MS + 1


async def claim(orders: Orders, owner: str, limit: int = 100) -> list[Task]:
    claimed = await orders.write(
        partial(tasks.claim, owner=owner, now_ms=orders.clock_ms(), limit=limit)
    )
    return [taken.task for taken in claimed]


async def fail(orders: Orders, owner: str, failed: Failure) -> None:
    await orders.write(partial(tasks.write_failures, owner=owner, failures=[failed]))


def failure(task: Task, *, dead: bool = False, due_at_ms: int = 0) -> Failure:
    return Failure(task.task_id, task.attempts + 1, due_at_ms, dead, "no")


async def test_a_claimed_task_is_nobody_elses_while_its_lease_lives(
    orders: Orders, clock: Clock
) -> None:
    await place(orders, A, sends(TaskKind.CONFIRM))
    (task,) = await claim(orders, "one")
    assert (task.owner, task.lease_until_ms) == ("one", clock.now_ms + LEASE_MS)
    clock.advance(LEASE_MS + SKEW_MS)
    assert await claim(orders, "two") == []
    clock.advance(1)
    assert [taken.owner for taken in await claim(orders, "two")] == ["two"]


async def test_claimers_at_the_same_time_get_every_task_once(orders: Orders) -> None:
    await asyncio.gather(
        *(place(orders, id_of(f"O{number}"), sends(TaskKind.EVENT)) for number in range(100))
    )
    claims = await asyncio.gather(*(claim(orders, f"owner-{n}", limit=9) for n in range(16)))
    claimed = [task.task_id for tasks in claims for task in tasks]
    assert len(claimed) == len(set(claimed))
    claimed += [task.task_id for task in await claim(orders, "last", limit=100)]
    assert len(claimed) == len(set(claimed)) == 100


async def test_a_claimer_does_not_wait_for_one_that_has_not_committed(
    orders: Orders, database: Database
) -> None:
    if not isinstance(database, PostgresDatabase):
        pytest.skip("its writers are one after another")
    for order_id in (A, B):
        await place(orders, order_id, sends(TaskKind.EVENT))
    has_claimed, may_commit = asyncio.Event(), asyncio.Event()

    def slow(connection: object) -> list[Taken]:
        claimed = tasks.claim(connection, "slow", orders.clock_ms(), 1)  # type: ignore[arg-type]
        has_claimed.set()
        await_only(may_commit.wait())
        return claimed

    slow_claim = asyncio.create_task(orders.write(slow))
    await has_claimed.wait()
    quick = await asyncio.wait_for(claim(orders, "quick"), PATIENCE_S)
    may_commit.set()
    assert [task.order_id for task in quick] == [B]
    assert [taken.order.order_id for taken in await slow_claim] == [A]


async def test_only_the_first_task_of_a_lane_is_claimed(orders: Orders) -> None:
    await place(orders, A, sends(TaskKind.CONFIRM, TaskKind.SHIP, TaskKind.NOTIFY_BUYER))
    first = await claim(orders, "one")
    assert [task.kind for task in first] == ["CONFIRM", "NOTIFY_BUYER"]
    await orders.change(A, lambda draft: draft.done(first[0]), "test")
    assert [task.kind for task in await claim(orders, "one")] == ["SHIP"]


async def test_payments_do_not_wait_for_each_other(orders: Orders) -> None:
    def two_payments(draft: Draft) -> None:
        for payment_id in ("A-p1", "A-p2"):
            draft.send(StartPayment(payment_id))
            draft.send(ClosePayment(payment_id))

    await place(orders, A, two_payments)
    assert [task.payload for task in await claim(orders, "one")] == [
        '{"payment_id":"A-p1"}',
        '{"payment_id":"A-p2"}',
    ]


async def test_a_task_that_was_put_off_holds_up_its_lane_until_then(
    orders: Orders, clock: Clock
) -> None:
    await place(orders, A, sends(TaskKind.CONFIRM, TaskKind.SHIP))
    (task,) = await claim(orders, "one")
    await fail(orders, "one", failure(task, due_at_ms=clock.now_ms + 1_000))
    assert await claim(orders, "one") == []
    clock.advance(1_000)
    (again,) = await claim(orders, "one")
    assert (again.task_id, again.attempts, again.last_error) == (task.task_id, 1, "no")


async def test_a_dead_task_stops_its_lane_only_where_order_matters(orders: Orders) -> None:
    await place(orders, A, sends(TaskKind.CONFIRM, TaskKind.SHIP))
    await place(orders, B, sends(TaskKind.NOTIFY_BUYER, TaskKind.NOTIFY_BUYER))
    for task in await claim(orders, "one"):
        await fail(orders, "one", failure(task, dead=True))
    assert [task.order_id for task in await claim(orders, "one")] == [B]


async def test_a_timer_is_not_claimed_before_it_is_due(orders: Orders, clock: Clock) -> None:
    due_at_ms = clock.now_ms + 60_000
    await place(orders, A, lambda draft: draft.remind(PaymentDue(), due_at_ms))
    clock.advance(59_999)
    assert await claim(orders, "one") == []
    clock.advance(1)
    assert len(await claim(orders, "one")) == 1


async def test_a_lease_of_a_clock_that_was_far_ahead_is_not_believed(
    orders: Orders, clock: Clock
) -> None:
    await place(orders, A, sends(TaskKind.EVENT))
    clock.advance(3_600_000)
    assert len(await claim(orders, "ahead")) == 1
    clock.advance(-3_600_000)
    assert len(await claim(orders, "right")) == 1


async def test_tasks_are_in_order_also_where_the_second_ones_clock_is_behind(
    orders: Orders, database: Database, clock: Clock
) -> None:
    clock.advance(5_000)
    await place(orders, A, sends(TaskKind.CONFIRM))
    clock.advance(-5_000)
    behind = Orders(database, clock, type(orders.ids)())
    await behind.change(A, sends(TaskKind.SHIP, TaskKind.CANCEL), "test")
    kinds = [task.kind for task in await tasks_of(orders)]
    assert kinds == ["CONFIRM", "SHIP", "CANCEL"]


async def test_a_process_that_lost_its_lease_changes_nothing_of_the_task(
    orders: Orders, clock: Clock
) -> None:
    await place(orders, A, sends(TaskKind.EVENT))
    (stale,) = await claim(orders, "stale")
    clock.advance(OVER_MS)
    (task,) = await claim(orders, "new")
    await fail(orders, "stale", failure(stale, dead=True))
    ids = [stale.task_id]
    renewed = partial(tasks.renew, owner="stale", task_ids=ids, now_ms=clock.now_ms)
    assert await orders.write(renewed) == []
    await orders.write(partial(tasks.give_back, owner="stale", task_ids=ids))
    assert await tasks_of(orders) == [task]


async def test_a_renewed_lease_lives_on_and_one_given_back_is_free(
    orders: Orders, clock: Clock
) -> None:
    await place(orders, A, sends(TaskKind.EVENT))
    (task,) = await claim(orders, "one")
    clock.advance(LEASE_MS)
    renewed = partial(tasks.renew, owner="one", task_ids=[task.task_id], now_ms=clock.now_ms)
    assert await orders.write(renewed) == [task.task_id]
    clock.advance(LEASE_MS)
    assert await claim(orders, "two") == []
    await orders.write(partial(tasks.give_back, owner="one", task_ids=[task.task_id]))
    assert [again.attempts for again in await claim(orders, "two")] == [0]


async def test_a_lease_taken_over_is_no_failed_attempt_and_is_counted(
    orders: Orders, clock: Clock
) -> None:
    await place(orders, A, sends(TaskKind.EVENT))
    for number, owner in enumerate(("one", "two", "three", "three")):
        (task,) = await claim(orders, owner)
        clock.advance(OVER_MS)
        # Whoever takes again what is its own has not ended.
        assert (task.attempts, task.taken_over) == (0, min(number, 2))
    await fail(orders, "three", failure(task))
    assert [(task.attempts, task.taken_over) for task in await tasks_of(orders)] == [(1, 0)]


async def test_tasks_that_are_left_to_others_are_not_claimed(orders: Orders) -> None:
    for order_id in (A, B):
        await place(orders, order_id, sends(TaskKind.EVENT))
    first, second = await tasks_of(orders)
    claimed = await orders.write(
        partial(
            tasks.claim, owner="one", now_ms=orders.clock_ms(), limit=9, without=[first.task_id]
        )
    )
    assert [taken.task.task_id for taken in claimed] == [second.task_id]
    assert [task.task_id for task in await claim(orders, "two")] == [first.task_id]


async def test_tasks_are_listed_by_page_and_filtered(orders: Orders) -> None:
    for order_id in (A, B):
        await place(orders, order_id, sends(TaskKind.CONFIRM, TaskKind.EVENT))
    everything = await tasks_of(orders)
    assert [task.order_id for task in everything] == [A, A, B, B]
    rest = partial(tasks.list_tasks, wanted=ALL, size=2, after=everything[1].task_id)
    assert await orders.read(rest) == everything[2:]
    assert await tasks_of(orders, ALL._replace(kind="EVENT")) == everything[1::2]
    assert await tasks_of(orders, ALL._replace(order_id=B)) == everything[2:]
    assert await tasks_of(orders, ALL._replace(dead=True)) == []
    assert await tasks_of(orders, TaskFilter("another")) == []


async def test_only_dead_tasks_are_replayed(orders: Orders, clock: Clock) -> None:
    for order_id in (A, B, C):
        await place(orders, order_id, sends(TaskKind.EVENT))
    first, second, alive = await claim(orders, "one")
    for task in (first, second):
        await fail(orders, "one", failure(task, dead=True))
    clock.advance(5)
    replay = partial(tasks.replay, wanted=ALL, now_ms=clock.now_ms)
    ids = [second.task_id, alive.task_id]
    assert len(await orders.write(partial(replay, task_ids=ids))) == 1
    assert len(await orders.write(replay)) == 1
    assert await orders.write(replay) == []
    assert [task.attempts for task in await claim(orders, "two")] == [0, 0]


async def test_queues_tell_what_is_due_later_and_dead(orders: Orders, clock: Clock) -> None:
    due_at_ms = clock.now_ms
    for order_id in (A, B):
        await place(orders, order_id, sends(TaskKind.EVENT))
    later = clock.now_ms + 60_000
    await place(orders, C, lambda draft: draft.remind(CompleteOrder(), later))
    (task,) = await claim(orders, "one", limit=1)
    await fail(orders, "one", failure(task, dead=True))
    clock.advance(10)
    counted = partial(tasks.queues, now_ms=clock.now_ms)
    found = await orders.read(counted)
    assert found[TaskKind.EVENT] == tasks.Queue(1, 0, 1, due_at_ms)
    assert found[TaskKind.COMPLETE] == tasks.Queue(0, 1, 0, 0)
    assert set(found) == set(TaskKind)
    without_later = await orders.read(partial(counted, with_later=False))
    assert without_later == {**found, TaskKind.COMPLETE: tasks.Queue()}


async def test_tasks_done_without_a_change_of_their_order_are_gone(orders: Orders) -> None:
    await place(orders, A, sends(TaskKind.EVENT, TaskKind.CONFIRM))
    event, confirm = await tasks_of(orders)
    await orders.write(partial(tasks.end, task_ids=[event.task_id]))
    assert await tasks_of(orders) == [confirm]
    await orders.change(A, nothing, "test")
