"""An order that was not paid: its units are on sale at once, and late money can still have them."""

import time
import uuid
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest

from holdfast.types import State
from order_service.engine_clock import EngineClock
from order_service.order.ids import Ids
from order_service.order.model import Order, Payment
from order_service.order.states import OrderState
from order_service.order.tasks import TaskKind
from order_service.payment.asking import EXPIRES_IN_MS
from order_service.payment.handlers import PaymentTasks
from order_service.relay.attempt import Concluded, Failed, Unchanged, attempt
from order_service.relay.handler import handlers_of
from order_service.storage.database import Database
from order_service.storage.orders import Orders
from order_service.storage.tasks import Taken
from tests.order_service.clock import Clock
from tests.order_service.payment.orders import kinds
from tests.order_service.payment.world import NO_ENGINE, World, world_of
from tests.order_service.sound import audit_in_the_end
from tests.waiting import eventually

TTL_MS = 600_000
HOUR_MS = 3_600_000
SKU, UNITS = "SKU-1", 2


class Expired(NamedTuple):
    """An order that was not paid, and the engine that holds its units."""

    world: World
    order_id: str
    payment: Payment

    async def order(self) -> Order:
        """The order as it is on disk."""
        return await self.world.order(self.order_id)

    async def do(self, kind: TaskKind, order: Order | None = None) -> object:
        """Does the order's task of a kind, for the order as it was read; returns its result."""
        order = order or await self.order()
        task = next(task for task in order.tasks if task.kind == kind)
        world = self.world
        handlers = handlers_of(
            PaymentTasks({"sandbox": world.provider}, world.client, EngineClock(world.clock))
        )
        return await attempt(Taken(order, task), handlers[kind], world.orders, 10)

    async def state(self) -> State:
        """Where the reservation is."""
        return (await self.world.client.get_reservation(self.order_id)).state

    async def pay(self) -> None:
        """Money has come after all."""
        await self.world.pay(self.payment)
        await self.world.until_called_back()


@pytest.fixture
async def expired(
    request: pytest.FixtureRequest, database: Database, ids: Ids, engine: str
) -> AsyncIterator[Expired]:
    """The last units are held for ten minutes more; the clocks are the real ones.

    The books are sound in the end.
    """
    clock = Clock(time.time_ns() // 1_000_000)
    orders, tenant = Orders(database, clock, ids), f"t-{uuid.uuid4().hex}"
    async with world_of(orders, clock, engine, tenant=tenant) as world:
        name = ids.next(clock())
        await world.client.set_stock(SKU, UNITS)
        reserved = await world.client.reserve(
            name, [(SKU, UNITS)], ttl_ms=TTL_MS, buyer_id="buyer-1"
        )
        assert reserved.applied
        await world.place(name)
        payment = await world.begin(name)
        made = Expired(world, name, payment)
        assert isinstance(await made.do(TaskKind.PAYMENT_DUE), Concluded)
        assert (await made.order()).state is OrderState.EXPIRED
        clock.now_ms = time.time_ns() // 1_000_000
        yield made
        await audit_in_the_end(request, orders, world.client, world.provider, tenant=tenant)


async def test_its_units_are_on_sale_a_moment_later(expired: Expired) -> None:
    assert isinstance(await expired.do(TaskKind.EXPIRE), Unchanged)
    reservation = await expired.world.client.get_reservation(expired.order_id)
    assert reservation.expires_at_ms <= reservation.answered_at_ms + EXPIRES_IN_MS

    async def sold() -> bool:
        return (
            await expired.world.client.reserve(f"next-{expired.order_id}", [(SKU, UNITS)])
        ).applied

    await eventually(sold)
    assert isinstance(await expired.do(TaskKind.EXPIRE), Unchanged)
    assert await expired.state() is State.EXPIRED
    await expired.world.client.release(f"next-{expired.order_id}")


async def test_late_money_takes_them_again_while_they_are_there(expired: Expired) -> None:
    await expired.do(TaskKind.EXPIRE)

    async def over() -> bool:
        return await expired.state() is State.EXPIRED

    await eventually(over)
    await expired.pay()
    confirmed = await expired.world.client.confirm(expired.order_id, reacquire_if_expired=True)
    assert confirmed.applied


async def test_money_that_comes_before_keeps_them(expired: Expired) -> None:
    unpaid = await expired.order()
    await expired.pay()
    order = await expired.order()
    assert order.state is OrderState.CONFIRMING
    assert TaskKind.CONFIRM in kinds(order)
    assert TaskKind.EXPIRE not in kinds(order)
    # Another process has read the order before the money came.
    assert (await expired.world.client.confirm(expired.order_id)).applied
    assert isinstance(await expired.do(TaskKind.EXPIRE, unpaid), Unchanged)
    assert await expired.state() is State.CONFIRMED


async def test_a_paid_orders_reservation_keeps_its_deadline(expired: Expired) -> None:
    unpaid = await expired.order()
    (task,) = [task for task in unpaid.tasks if task.kind == TaskKind.EXPIRE]
    before = await expired.world.client.get_reservation(expired.order_id)
    await expired.pay()
    world = expired.world
    handlers = handlers_of(
        PaymentTasks({"sandbox": world.provider}, world.client, EngineClock(world.clock))
    )
    assert await handlers[TaskKind.EXPIRE](await expired.order(), task) is None
    assert await world.client.get_reservation(expired.order_id) == before


@pytest.mark.unsound("the engine is told what has not become of the order")
async def test_what_was_released_meanwhile_stays_so(expired: Expired) -> None:
    await expired.world.client.release(expired.order_id)
    assert isinstance(await expired.do(TaskKind.EXPIRE), Unchanged)
    assert await expired.state() is State.RELEASED


@pytest.mark.parametrize("ahead_ms", [-HOUR_MS, HOUR_MS])
async def test_its_units_are_on_sale_also_where_the_clocks_are_an_hour_apart(
    expired: Expired, ahead_ms: int
) -> None:
    expired.world.clock.advance(ahead_ms)
    assert isinstance(await expired.do(TaskKind.EXPIRE), Unchanged)
    found = await expired.world.client.get_reservation(expired.order_id)
    assert found.expires_at_ms <= found.answered_at_ms + EXPIRES_IN_MS


async def test_an_engine_that_does_not_answer_is_asked_again(orders: Orders, clock: Clock) -> None:
    async with world_of(orders, clock, NO_ENGINE) as world:
        await world.place()
        await world.pass_time(16 * 60_000, TaskKind.PAYMENT_DUE)
        order = await world.order()
        assert order.state is OrderState.EXPIRED
        (task,) = [task for task in order.tasks if task.kind == TaskKind.EXPIRE]
        handlers = handlers_of(
            PaymentTasks({"sandbox": world.provider}, world.client, EngineClock(world.clock))
        )
        failed = await attempt(Taken(order, task), handlers[TaskKind.EXPIRE], orders, 10)
        assert isinstance(failed, Failed)
        assert not failed.final
