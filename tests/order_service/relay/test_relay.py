import asyncio
from collections import Counter

import pytest

from order_service.order.draft import Decide, Draft
from order_service.order.model import Order, Task
from order_service.order.tasks import PaymentDue, ShipStock, TaskKind
from order_service.relay.backlog import SLOTS
from order_service.relay.handler import Handler
from order_service.relay.relay import RelaySettings
from order_service.storage.database import Database
from order_service.storage.orders import Orders
from tests.order_service.clock import Clock
from tests.order_service.relay.world import (
    Doing,
    Holding,
    Process,
    place,
    sends,
    tasks_of,
    until_none_is_left,
)
from tests.order_service.samples import A, B, id_of
from tests.waiting import eventually

# So seldom that a test would not end in time, if it needed to ask.
HARDLY_ASKS = RelaySettings(poll_s=3_600, measure_s=3_600)


async def test_a_process_does_its_own_tasks_without_asking_for_them(
    database: Database, clock: Clock
) -> None:
    doing = Doing()
    process = Process(database, clock, {TaskKind.CONFIRM: doing}, settings=HARDLY_ASKS)
    async with process.running():
        await place(process.orders, A, sends(TaskKind.CONFIRM))
        await until_none_is_left(process.orders)
    assert doing.kinds == ["CONFIRM"]
    assert [order.order_id for order in doing.orders] == [A]
    assert process.relay.counts.done == Counter(CONFIRM=1)


async def test_what_a_handler_decides_is_written_and_what_it_sends_is_done(
    database: Database, clock: Clock
) -> None:
    async def confirm(_order: Order, _task: Task) -> Decide:
        def decide(draft: Draft) -> None:
            draft.note("confirmed")
            draft.send(ShipStock("A-s1"))

        return decide

    shipping = Doing()
    handlers: dict[TaskKind, Handler] = {TaskKind.CONFIRM: confirm, TaskKind.SHIP: shipping}
    process = Process(database, clock, handlers, settings=HARDLY_ASKS)
    async with process.running():
        before = await place(process.orders, A, sends(TaskKind.CONFIRM))
        version = before.version
        await until_none_is_left(process.orders)
    assert [order.version for order in shipping.orders] == [version + 1]


async def test_the_tasks_of_a_lane_are_done_in_order_and_without_a_pause(
    database: Database, clock: Clock
) -> None:
    doing, holding = Doing(), Holding()
    handlers = {TaskKind.CONFIRM: holding, TaskKind.SHIP: doing, TaskKind.CANCEL: doing}
    process = Process(database, clock, handlers, settings=HARDLY_ASKS)
    async with process.running():
        await place(process.orders, A, sends(TaskKind.CONFIRM, TaskKind.SHIP, TaskKind.CANCEL))
        await eventually(lambda: bool(holding.done))
        assert doing.done == []
        holding.go_on.set()
        await until_none_is_left(process.orders)
    assert doing.kinds == ["SHIP", "CANCEL"]


async def test_a_handler_that_changes_nothing_only_ends_its_task(
    database: Database, clock: Clock
) -> None:
    seen: list[str] = []

    async def tell(_: Order, task: Task) -> None:
        seen.append(task.kind)

    handlers = {TaskKind.EVENT: tell}
    process = Process(database, clock, handlers, settings=HARDLY_ASKS)
    async with process.running():
        order = await place(process.orders, A, sends(TaskKind.EVENT, TaskKind.EVENT))
        await until_none_is_left(process.orders)
        assert (await process.orders.get(A)).version == order.version
    assert seen == ["EVENT", "EVENT"]


async def test_a_timer_is_done_when_it_is_due(database: Database, clock: Clock) -> None:
    doing = Doing()
    process = Process(database, clock, {TaskKind.PAYMENT_DUE: doing})
    due_at_ms = clock.now_ms + 1_000
    async with process.running():
        await place(process.orders, A, lambda draft: draft.remind(PaymentDue(), due_at_ms))
        await place(process.orders, B, sends(TaskKind.PAYMENT_DUE))
        await eventually(lambda: len(doing.done) == 1)
        clock.advance(1_000)
        await until_none_is_left(process.orders)
    assert [task.order_id for task in doing.done] == [B, A]


async def test_two_relays_share_the_work_and_do_nothing_twice(
    database: Database, orders: Orders, clock: Clock
) -> None:
    ones, twos = Holding(), Holding()
    one = Process(database, clock, {TaskKind.EVENT: ones}, "one")
    two = Process(database, clock, {TaskKind.EVENT: twos}, "two")
    count = 300
    await asyncio.gather(
        *(place(orders, id_of(f"O{number}"), sends(TaskKind.EVENT)) for number in range(count))
    )
    async with one.running(), two.running():
        await eventually(lambda: bool(ones.done and twos.done))
        ones.go_on.set()
        twos.go_on.set()
        await until_none_is_left(orders)
    done = Counter(task.order_id for task in (*ones.done, *twos.done))
    assert len(done) == count
    assert set(done.values()) == {1}


async def test_a_kind_that_hangs_holds_up_no_other(database: Database, clock: Clock) -> None:
    hanging, doing = Holding(), Doing()
    handlers = {TaskKind.REFUND: hanging, TaskKind.CONFIRM: doing}
    process = Process(database, clock, handlers)
    places = SLOTS[TaskKind.REFUND]
    async with process.running():
        await asyncio.gather(
            *(
                place(process.orders, id_of(f"R{n}"), sends(TaskKind.REFUND))
                for n in range(places + 5)
            )
        )
        await eventually(lambda: len(hanging.done) == places)
        await place(process.orders, A, sends(TaskKind.CONFIRM))
        await eventually(lambda: bool(doing.done))
        assert len(hanging.done) == places
        hanging.go_on.set()
        await until_none_is_left(process.orders)
    assert len(hanging.done) == places + 5


async def test_a_relay_that_stops_ends_what_runs_and_gives_back_the_rest(
    database: Database, orders: Orders, clock: Clock
) -> None:
    holding = Holding()
    process = Process(database, clock, {TaskKind.EVENT: holding})
    places = SLOTS[TaskKind.EVENT]
    async with process.running():
        await asyncio.gather(
            *(
                place(process.orders, id_of(f"O{n}"), sends(TaskKind.EVENT))
                for n in range(places + 5)
            )
        )
        await eventually(lambda: len(holding.done) == places)
        process.relay.stop()
        holding.go_on.set()
    left = await tasks_of(orders)
    assert [(task.owner, task.attempts) for task in left] == [("", 0)] * 5
    assert process.relay.counts.done == Counter(EVENT=places)


async def test_a_relay_that_stops_does_not_wait_for_ever(
    database: Database, orders: Orders, clock: Clock
) -> None:
    holding = Holding()
    settings = RelaySettings(poll_s=0.02, drain_s_max=0.05)
    process = Process(database, clock, {TaskKind.EVENT: holding}, settings=settings)
    async with process.running():
        await place(process.orders, A, sends(TaskKind.EVENT))
        await eventually(lambda: bool(holding.done))
    assert [task.owner for task in await tasks_of(orders)] == [""]


async def test_a_kind_without_a_handler_here_is_left_to_others(
    database: Database, clock: Clock
) -> None:
    doing = Doing()
    without = Process(database, clock, {TaskKind.EVENT: Doing()}, "without", HARDLY_ASKS)
    having = Process(database, clock, {TaskKind.CONFIRM: doing}, "having")
    async with without.running(), having.running():
        await place(without.orders, A, sends(TaskKind.CONFIRM))
        await until_none_is_left(without.orders)
    assert doing.kinds == ["CONFIRM"]


async def test_the_queues_are_counted(database: Database, orders: Orders, clock: Clock) -> None:
    await place(orders, A, sends(TaskKind.CONFIRM))
    process = Process(database, clock, {TaskKind.EVENT: Doing()})
    async with process.running():
        await eventually(lambda: bool(process.relay.counts.queues))
    queue = process.relay.counts.queues[TaskKind.CONFIRM]
    assert (queue.due, queue.oldest_due_at_ms) == (1, clock.now_ms)


@pytest.mark.parametrize("kind", TaskKind)
def test_every_kind_has_slots(kind: TaskKind) -> None:
    assert SLOTS[kind] > 0
