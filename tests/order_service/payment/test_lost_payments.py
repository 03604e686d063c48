"""掉单: whatever becomes of callbacks, every order ends right (P2, P3; reliability O2, O3)."""

import asyncio
import random
import time
from functools import partial

import pytest

from holdfast.errors import HoldfastError, Reason
from holdfast.types import Reservation, State
from order_service.engine_clock import EngineClock
from order_service.order.ids import Ids
from order_service.order.model import Order
from order_service.order.records import MoneyCaseKind
from order_service.order.states import OrderState, PaymentState, RefundState
from order_service.order.tasks import TaskKind
from order_service.payment.asking import ASK_AGAIN_MS, EXTENSION_MS
from order_service.payment.attempts import QUERY_AFTER_MS, START_KEY_KEPT_MS
from order_service.payment.case_list import After, waiting_money
from order_service.payment.handlers import PaymentTasks
from order_service.payment.providers.port import Charge, Fact, FactKind, Started
from order_service.payment.reconcile import reconcile
from order_service.relay.attempt import attempt
from order_service.relay.handler import handlers_of
from order_service.sandbox.provider_books import day_of
from order_service.storage.database import Database
from order_service.storage.orders import Orders
from order_service.storage.tasks import Taken
from tests.order_service.clock import Clock
from tests.order_service.payment.world import World, world_of
from tests.order_service.samples import id_of

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
ASKING = ("QUERY_PAYMENT", "START_PAYMENT", "CLOSE_PAYMENT", "PAYMENT_DUE", "REFUND")


async def test_a_payment_whose_callback_is_lost_is_found_by_asking(world: World) -> None:
    world.misbehave(lose=1.0)
    await world.place()
    payment = await world.begin()
    await world.pay(payment)
    await world.pass_time(QUERY_AFTER_MS[0], "QUERY_PAYMENT")
    assert (await world.order()).state is OrderState.CONFIRMING


async def test_all_callbacks_lost_and_all_orders_right(world: World) -> None:
    world.misbehave(lose=1.0)
    chance = random.Random(4)
    paid: set[str] = set()
    names = [id_of(f"ORDER{number}") for number in range(30)]
    for name in names:
        await world.place(name)
        payment = await world.begin(name)
        if chance.random() < 0.7:
            await world.pay(payment)
            paid.add(name)
    start_ms = world.clock()
    for name in names:
        world.clock.now_ms = start_ms
        await world.pass_time(20 * MINUTE_MS, *ASKING, order_id=name)
    for name in names:
        order = await world.order(name)
        assert order.state == ("CONFIRMING" if name in paid else "EXPIRED")
    sums = world.outside.books.sums()
    assert sums["captured_minor"] == {"CNY": 1_100 * len(paid)}


async def test_an_order_is_asked_about_before_it_is_closed(world: World) -> None:
    world.misbehave(lose=1.0)
    await world.place()
    payment = await world.begin()
    world.clock.advance(15 * MINUTE_MS - 1)
    await world.pay(payment)
    world.clock.advance(1)
    await world.do("PAYMENT_DUE")
    assert (await world.order()).state is OrderState.CONFIRMING


async def test_an_attempt_that_was_given_up_is_asked_about_before_the_order_is_closed(
    world: World,
) -> None:
    world.misbehave(lose=1.0)
    await world.place()
    first = await world.begin()
    await world.begin(key="try-2")
    await world.pay(first)
    await world.pass_time(15 * MINUTE_MS, "PAYMENT_DUE")
    order = await world.order()
    assert order.state is OrderState.CONFIRMING
    assert [payment.state for payment in order.payments] == ["CAPTURED", "ABANDONED"]


async def test_a_declined_attempt_is_asked_about_before_the_order_is_closed(world: World) -> None:
    await world.place()
    payment = await world.begin()
    await world.control.post("/control/decline", json={"payment_id": payment.payment_id})
    await world.until_called_back()
    assert (await world.order()).payments[0].state is PaymentState.DECLINED
    world.misbehave(lose=1.0)
    await world.pay(payment)
    await world.pass_time(15 * MINUTE_MS, "PAYMENT_DUE")
    assert (await world.order()).state is OrderState.CONFIRMING


async def test_an_order_stays_open_while_a_bank_is_at_its_payment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def closed(charge: Charge) -> Fact:
        return Fact(FactKind.OPEN, charge.payment_id)

    extended = []

    async def extend(reservation_id: str, expires_at_ms: int, **_: str) -> None:
        extended.append((reservation_id, expires_at_ms - world.clock()))
        raise HoldfastError.of(Reason.STORE_UNREACHABLE)

    async def found(reservation_id: str, **_: str) -> Reservation:
        return Reservation("", reservation_id, State.RESERVED, (), "", 0, 0, 0)

    await world.place()
    await world.begin()
    with monkeypatch.context() as patched:
        patched.setattr(world.provider, "close", closed)
        patched.setattr(world.client, "get_reservation", found)
        patched.setattr(world.client, "extend", extend)
        await world.pass_time(15 * MINUTE_MS, "PAYMENT_DUE")
        assert (await world.order()).state is OrderState.AWAITING_PAYMENT
        assert extended == [("4330000000000000000", EXTENSION_MS)]
    await world.pass_time(ASK_AGAIN_MS, "PAYMENT_DUE")
    assert (await world.order()).state is OrderState.EXPIRED


@pytest.mark.parametrize("hours", [3, 30])
async def test_an_attempt_that_a_bank_is_at_is_closed_later_but_not_asked_about_for_ever(
    world: World, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    async def closed(charge: Charge) -> Fact:
        return Fact(FactKind.OPEN, charge.payment_id)

    await world.place()
    first = await world.begin()
    await world.begin(key="try-2")
    with monkeypatch.context() as patched:
        patched.setattr(world.provider, "close", closed)
        await world.pass_time(hours * HOUR_MS, "CLOSE_PAYMENT")
    await world.pass_time(HOUR_MS, "CLOSE_PAYMENT")
    there = world.outside.books.find(first.payment_id)
    assert there is not None
    assert there.kind == ("CLOSED" if hours < 24 else "OPEN")
    assert "CLOSE_PAYMENT" not in [task.kind for task in (await world.order()).tasks]
    read = partial(waiting_money, tenant="default", size=9, after=After(), now_ms=world.clock())
    cases = [case.kind for case in await world.orders.read(read)]
    assert cases == ([] if hours < 24 else [MoneyCaseKind.NOT_CLOSED])


async def test_an_order_of_a_silent_provider_stays_open_and_keeps_its_stock(
    database: Database, ids: Ids, engine: str
) -> None:
    clock = Clock(time.time_ns() // 1_000_000)
    async with world_of(Orders(database, clock, ids), clock, engine) as world:
        # The engine is the same for both kinds of database.
        kind = type(database).__name__
        sku, name = f"SKU-{kind}", id_of(f"ORDER{kind[0]}")
        await world.client.set_stock(sku, 1)
        await world.client.reserve(name, [(sku, 1)], ttl_ms=60_000)
        await world.place(name)
        payment = await world.begin(name)
        world.misbehave(down="refuse", lose=1.0)
        await world.pay(payment)
        order = await world.order(name)
        # The engine's clock is the real one: what is due in a quarter of an hour is asked for now.
        handlers = handlers_of(
            PaymentTasks({"sandbox": world.provider}, world.client, EngineClock(clock))
        )
        (due,) = [task for task in order.tasks if task.kind == TaskKind.PAYMENT_DUE]
        await attempt(Taken(order, due), handlers[TaskKind.PAYMENT_DUE], world.orders, 10)
        order = await world.order(name)
        assert order.state is OrderState.AWAITING_PAYMENT
        (again,) = [task for task in order.tasks if task.kind == TaskKind.PAYMENT_DUE]
        assert again.due_at_ms == clock() + ASK_AGAIN_MS
        reservation = await world.client.get_reservation(name)
        assert abs(reservation.expires_at_ms - clock() - EXTENSION_MS) < 10_000
        world.misbehave()
        await world.pass_time(ASK_AGAIN_MS, "PAYMENT_DUE", order_id=name)
        assert (await world.order(name)).state is OrderState.CONFIRMING


async def test_an_order_stays_open_while_neither_provider_nor_engine_answer(world: World) -> None:
    await world.place()
    await world.begin()
    world.misbehave(down="refuse")
    await world.pass_time(16 * MINUTE_MS, "PAYMENT_DUE")
    assert (await world.order()).state is OrderState.AWAITING_PAYMENT
    world.misbehave()
    await world.pass_time(MINUTE_MS, "PAYMENT_DUE")
    assert (await world.order()).state is OrderState.EXPIRED


async def test_an_unpaid_order_is_closed_here_and_at_the_provider(world: World) -> None:
    await world.place()
    payment = await world.begin()
    await world.pass_time(15 * MINUTE_MS, "PAYMENT_DUE")
    order = await world.order()
    assert order.state is OrderState.EXPIRED
    assert order.payments[0].state is PaymentState.ABANDONED
    closed = world.outside.books.find(payment.payment_id)
    assert closed is not None
    assert closed.kind == "CLOSED"


@pytest.mark.parametrize("called_back", [True, False], ids=["by callback", "by asking"])
async def test_money_that_comes_after_the_order_was_closed_pays_it(
    world: World, called_back: bool
) -> None:
    await world.place()
    payment = await world.begin()
    await world.pass_time(16 * MINUTE_MS, "PAYMENT_DUE")
    world.misbehave(lose=0.0 if called_back else 1.0)
    await world.pay(payment)
    await world.until_called_back()
    if not called_back:
        await world.pass_time(24 * HOUR_MS, "QUERY_PAYMENT")
    assert (await world.order()).state is OrderState.CONFIRMING


async def test_an_attempt_that_the_provider_was_never_told_of_is_told_later(world: World) -> None:
    await world.place()
    world.misbehave(down="refuse")
    attempt = await world.desk.start("default", "4330000000000000000", "try-1", "")
    assert attempt.started.action_url == ""
    assert attempt.payment.state is PaymentState.CREATED
    world.misbehave()
    await world.pass_time(5_000, "START_PAYMENT")
    payment = (await world.order()).payments[0]
    assert payment.state is PaymentState.PENDING
    assert payment.provider_ref
    again = await world.desk.start("default", "4330000000000000000", "try-1", "")
    assert again.replayed
    assert again.started.action_url


async def test_a_provider_that_may_have_forgotten_an_attempt_is_asked_before_it_is_told_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.place()
    world.misbehave(down="refuse")
    attempt = await world.desk.start("default", "4330000000000000000", "try-1", "")
    world.misbehave()
    # Its answer was lost, and the buyer has paid since.
    await world.provider.start(Charge(attempt.payment.payment_id, "", 1_100, "CNY", "sandbox_card"))
    world.misbehave(lose=1.0)
    await world.pay(attempt.payment)

    async def start(_: Charge) -> Started:
        raise AssertionError("it was told of it before")

    monkeypatch.setattr(world.provider, "start", start)
    world.clock.advance(START_KEY_KEPT_MS)
    again = await world.desk.start("default", "4330000000000000000", "try-1", "")
    assert again.started.action_url == ""
    await world.do("START_PAYMENT")
    assert (await world.order()).state is OrderState.CONFIRMING


async def test_a_payment_that_is_taken_twice_is_given_back_once(world: World) -> None:
    world.misbehave(pay_twice=1.0, reorder=0.5, duplicate=0.5)
    await world.place()
    await world.pay(await world.begin())
    await world.until_called_back()
    await world.do("REFUND")
    order = await world.order()
    assert order.state is OrderState.CONFIRMING
    assert [(refund.amount_minor, refund.state) for refund in order.refunds] == [
        (1_100, RefundState.DONE)
    ]
    assert_books_balance(world, [order])


async def test_two_attempts_paid_leave_one_payment(world: World) -> None:
    await world.place()
    first = await world.begin()
    second = await world.begin(key="try-2")
    await world.pay(first)
    await world.pay(second)
    await world.until_called_back()
    await world.do("CLOSE_PAYMENT", "REFUND")
    order = await world.order()
    states = sorted(payment.state for payment in order.payments)
    assert states == [PaymentState.CAPTURED, PaymentState.RETURNED]
    assert_books_balance(world, [order])


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_goes_wrong_the_books_balance(
    orders: Orders, clock: Clock, seed: int
) -> None:
    async with world_of(orders, clock, seed=seed) as world:
        await everything_goes_wrong(world, random.Random(seed))


async def everything_goes_wrong(world: World, chance: random.Random) -> None:
    """Declines, wrong amounts, double payments; callbacks lost, doubled, reordered, corrupted."""
    world.misbehave(
        decline=0.15,
        wrong_amount=0.1,
        pay_twice=0.1,
        lose=0.3,
        duplicate=0.3,
        reorder=0.3,
        corrupt=0.2,
        delay=0.5,
        delay_ms=50,
    )
    names = [id_of(f"ORDER{number}") for number in range(25)]

    async def buy(name: str) -> None:
        await world.place(name)
        for key in ("try-1", "try-2")[: chance.choice((1, 1, 2))]:
            payment = await world.begin(name, key)
            if chance.random() < 0.85:
                await world.pay(payment)

    await asyncio.gather(*map(buy, names))
    await world.until_called_back()
    start_ms = world.clock()
    for name in names:
        world.clock.now_ms = start_ms
        await world.pass_time(30 * HOUR_MS, *ASKING, order_id=name)
    # Money that was taken twice, with the second callback lost, is on the statement only.
    day = day_of(start_ms)
    await reconcile(world.orders, {"sandbox": world.provider}, "sandbox", day)
    for name in names:
        await world.do("REFUND", order_id=name)
    await world.until_called_back()
    orders = [await world.order(name) for name in names]
    for order in orders:
        assert not [task for task in order.tasks if task.kind in ASKING]
        assert order.state in (OrderState.CONFIRMING, OrderState.EXPIRED)
        kept_minor = sum(
            payment.captured_minor - payment.refunded_minor
            for payment in order.payments
            if payment.state is PaymentState.CAPTURED
        )
        assert kept_minor == (1_100 if order.state is OrderState.CONFIRMING else 0)
    assert {order.state for order in orders} == {OrderState.CONFIRMING, OrderState.EXPIRED}
    assert_books_balance(world, orders)


def assert_books_balance(world: World, orders: list[Order]) -> None:
    """The provider's books and the orders have the same sums."""
    sums = world.outside.books.sums()
    captured_minor = sum(order.captured_minor for order in orders)
    refunded_minor = sum(
        refund.amount_minor
        for order in orders
        for refund in order.refunds
        if refund.state is RefundState.DONE
    )
    assert sums["captured_minor"].get("CNY", 0) == captured_minor
    assert sums["refunded_minor"].get("CNY", 0) == refunded_minor
