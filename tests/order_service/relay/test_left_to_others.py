"""Tasks that one process cannot do are another's; what an outside has said is learned anyway."""

from order_service.order.draft import Decide, Draft
from order_service.order.model import Order, Task
from order_service.order.tasks import TaskKind
from order_service.relay.backlog import LEFT_MAX, LeftToOthers
from order_service.relay.handler import Learned, NotHere
from order_service.relay.relay import RelaySettings
from order_service.storage.database import Database
from order_service.storage.orders import Orders
from tests.order_service.clock import Clock
from tests.order_service.relay.world import (
    QUICK,
    Doing,
    Process,
    place,
    sends,
    tasks_of,
    until_first_task,
    until_none_is_left,
)
from tests.order_service.samples import A


async def not_here(_order: Order, _task: Task) -> Decide:
    raise NotHere("provider pay is not set up here")


async def test_what_one_process_cannot_do_another_does_at_once(
    database: Database, clock: Clock
) -> None:
    doing = Doing()
    unable = Process(database, clock, {TaskKind.REFUND: not_here}, "unable")
    able = Process(database, clock, {TaskKind.REFUND: doing}, "able")
    async with unable.running():
        await place(unable.orders, A, sends(TaskKind.REFUND))
        task = await until_first_task(unable.orders, lambda task: task.attempts > 0)
        assert (task.dead, task.due_at_ms, task.owner) == (False, clock.now_ms, "")
        async with able.running():
            await until_none_is_left(able.orders)
    assert [done.attempts for done in doing.done] == [1], "it was not tried here again meanwhile"


async def test_what_no_process_can_do_reaches_a_person_in_the_end(
    database: Database, clock: Clock
) -> None:
    settings = RelaySettings(poll_s=0.02, attempts_max=1)
    process = Process(database, clock, {TaskKind.REFUND: not_here}, settings=settings)
    async with process.running():
        await place(process.orders, A, sends(TaskKind.REFUND))
        task = await until_first_task(process.orders, lambda task: task.dead)
    assert task.last_error == "provider pay is not set up here"


async def test_what_an_outside_said_is_learned_although_the_task_has_gone(
    database: Database, orders: Orders, clock: Clock
) -> None:
    async def refund(order: Order, task: Task) -> Decide:
        await orders.change(order.order_id, lambda draft: draft.done(task), "staff")

        def again(draft: Draft) -> None:
            draft.note("asked again")

        return Learned(lambda draft: draft.note("it was sent back"), again)

    process = Process(database, clock, {TaskKind.REFUND: refund}, settings=QUICK)
    before = await place(process.orders, A, sends(TaskKind.REFUND))
    async with process.running():
        await until_none_is_left(process.orders)
    await process.orders.drain()
    assert (await orders.get(A)).version == before.version + 1
    assert await tasks_of(orders) == []


def test_of_too_many_tasks_that_are_left_the_first_are_tried_again() -> None:
    left = LeftToOthers()
    for number in range(LEFT_MAX + 1):
        left.add(f"t{number}", until_ms=10)
    assert len(left.at(9)) == LEFT_MAX
    assert left.at(10) == []
