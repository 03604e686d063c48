"""A crash at each step of placing an order: the next process finishes it; nothing is held twice."""

import pytest

from holdfast.outcomes import Outcome
from holdfast.types import State
from order_service.order.placed import ShortagePolicy
from order_service.order.states import OrderState
from order_service.order.tasks import TaskKind
from order_service.placing.decisions import apply_stock_answer
from order_service.placing.reserving import Reserved
from order_service.placing.sourcing import Take
from tests.order_service.clock import Clock
from tests.order_service.placing.shop import Shop, places, tasks
from tests.order_service.placing.wanted import METHODS, order
from tests.order_service.sound import assert_books_sound
from tests.waiting import eventually

DUE_MS = 5_000


async def test_an_order_is_kept_while_the_engine_is_down_and_finished_when_it_is_back(
    shop: Shop,
) -> None:
    await shop.stock(TEA=5)
    left = await shop.record()
    assert left.state is OrderState.RESERVING
    (task,) = left.tasks
    assert (task.kind, task.due_at_ms) == (TaskKind.RESERVE, left.created_at_ms + DUE_MS)
    finished = await shop.do(left.order_id, TaskKind.RESERVE)
    assert finished.state is OrderState.AWAITING_PAYMENT
    assert await shop.reserved("TEA") == 2


async def test_an_order_sent_again_while_it_is_unfinished_is_the_same_order(shop: Shop) -> None:
    await shop.stock(TEA=5)
    left = await shop.record()
    again = await shop.place()
    assert again.replayed
    assert (again.order.order_id, again.order.state) == (left.order_id, OrderState.RESERVING)
    assert await shop.reserved("TEA") == 0


async def test_stock_that_was_reserved_before_the_crash_is_not_reserved_again(shop: Shop) -> None:
    await shop.stock(TEA=5)
    left = await shop.record()
    answer = await shop.desk.reserve(left)
    assert isinstance(answer, Reserved)
    finished = await shop.do(left.order_id, TaskKind.RESERVE)
    assert finished.state is OrderState.AWAITING_PAYMENT
    assert await shop.reserved("TEA") == 2


async def test_what_was_reserved_before_the_crash_is_kept_though_nearer_stock_has_come(
    shop: Shop,
) -> None:
    await shop.open_warehouses("north", "south")
    await shop.stock("south", TEA=5)
    left = await shop.record()
    await shop.desk.reserve(left)
    await shop.stock("north", TEA=5)
    finished = await shop.do(left.order_id, TaskKind.RESERVE)
    assert places(finished) == [("TEA", 2, "south")]
    assert sum(held for held, _ in (await shop.levels("TEA")).values()) == 2


async def test_the_part_that_was_reserved_before_the_crash_is_the_order(shop: Shop) -> None:
    await shop.stock(TEA=1)
    left = await shop.record(shortage_policy=ShortagePolicy.SHIP_AVAILABLE)
    await shop.desk.reserve(left)
    await shop.stock(TEA=5)
    finished = await shop.do(left.order_id, TaskKind.RESERVE)
    assert places(finished) == [("TEA", 1, "default")]
    assert finished.amounts.goods_minor == 500
    assert await shop.reserved("TEA") == 1


@pytest.mark.parametrize("policy", ShortagePolicy)
async def test_the_last_units_that_were_reserved_before_the_crash_are_the_orders(
    shop: Shop, policy: ShortagePolicy
) -> None:
    await shop.open_warehouses("north", "south")
    await shop.stock("north", TEA=2)
    left = await shop.record(shortage_policy=policy)
    assert isinstance(await shop.desk.reserve(left), Reserved)
    finished = await shop.do(left.order_id, TaskKind.RESERVE)
    assert finished.state is OrderState.AWAITING_PAYMENT
    assert places(finished) == [("TEA", 2, "north")]
    assert await shop.reserved("TEA", "north") == 2


async def test_units_that_were_reserved_before_the_crash_are_the_orders_though_others_wait_for_more(
    shop: Shop,
) -> None:
    await shop.stock(TEA=0)
    waits = await shop.place({"TEA": 5}, key="waits", shortage_policy=ShortagePolicy.WAIT)
    assert waits.order.state is OrderState.BACKORDERED
    await shop.stock(TEA=7)
    left = await shop.record()
    assert isinstance(await shop.desk.reserve(left), Reserved)
    finished = await shop.do(left.order_id, TaskKind.RESERVE)
    assert finished.state is OrderState.AWAITING_PAYMENT
    assert await shop.reserved("TEA") == 2


async def expired(shop: Shop, order_id: str) -> None:
    """Waits until an order's reservation has expired."""

    async def has_expired() -> bool:
        return (await shop.engine.get_reservation(order_id)).state is State.EXPIRED

    await eventually(has_expired)


@pytest.mark.parametrize("same_content", [True, False])
async def test_an_order_that_has_to_be_paid_never_awaits_it_for_stock_that_is_not_kept_any_more(
    shop: Shop, clock: Clock, same_content: bool
) -> None:
    await shop.stock(TEA=2)
    left = await shop.record(payment_method="sandbox_hasty")
    if same_content:  # then a second Reserve answers what the first did
        await shop.desk.reserve(left)
    else:
        await shop.engine.reserve(left.order_id, [("TEA", 2)], ttl_ms=1_000)
    await expired(shop, left.order_id)
    clock.advance(DUE_MS)
    finished = await shop.do(left.order_id, TaskKind.RESERVE)
    assert finished.state is OrderState.REJECTED
    assert "not any more" in finished.closed_reason
    await shop.do(left.order_id, TaskKind.RELEASE)
    await assert_books_sound(shop.orders, shop.engine, tenant=shop.engine.tenant)


@pytest.mark.parametrize(("taken", "state"), [(0, OrderState.CONFIRMED), (1, OrderState.CANCELLED)])
async def test_an_order_that_is_sold_at_once_takes_its_expired_stock_again_or_ends(
    shop: Shop, taken: int, state: OrderState
) -> None:
    await shop.stock(TEA=2)
    left = await shop.record(payment_method="cash_on_delivery")
    await shop.engine.reserve(left.order_id, [("TEA", 2)], ttl_ms=1_000)
    await expired(shop, left.order_id)
    if taken:
        await shop.place({"TEA": taken}, key="another")
    assert (await shop.do(left.order_id, TaskKind.RESERVE)).state is OrderState.CONFIRMING
    ended = await shop.do(left.order_id, TaskKind.CONFIRM)
    assert ended.state is state


async def test_a_reserve_of_a_dying_process_takes_nothing_for_an_order_that_was_rejected(
    shop: Shop, clock: Clock
) -> None:
    await shop.stock(TEA=0)
    left, other = await shop.record(), await shop.record(key="key-2")
    clock.advance(DUE_MS)
    for order_id in (left.order_id, other.order_id):
        rejected = await shop.do(order_id, TaskKind.RESERVE)
        assert (rejected.state, tasks(rejected)) == (OrderState.REJECTED, [TaskKind.RELEASE])
    await shop.stock(TEA=5)
    before = await shop.engine.reserve(left.order_id, [("TEA", 2)])
    for order_id in (left.order_id, other.order_id):
        assert tasks(await shop.do(order_id, TaskKind.RELEASE)) == []
    after = await shop.engine.reserve(other.order_id, [("TEA", 2)])
    outcomes = (before.outcome, after.outcome)
    assert outcomes == (Outcome.APPLIED, Outcome.ALREADY_RELEASED)
    assert await shop.reserved("TEA") == 0
    await assert_books_sound(shop.orders, shop.engine, tenant=shop.engine.tenant)


async def test_an_order_whose_buyer_cancelled_meanwhile_holds_nothing(shop: Shop) -> None:
    await shop.stock(TEA=5)
    left = await shop.record()
    await shop.engine.release(left.order_id)
    finished = await shop.do(left.order_id, TaskKind.RESERVE)
    assert finished.state is OrderState.REJECTED
    assert await shop.reserved("TEA") == 0


@pytest.mark.parametrize("method", ["sandbox_card", "cash_on_delivery"])
async def test_a_task_that_is_done_twice_changes_nothing_the_second_time(
    shop: Shop, method: str
) -> None:
    await shop.stock(TEA=5)
    left = await shop.record(payment_method=method)
    (task,) = left.tasks
    finished = await shop.do(left.order_id, TaskKind.RESERVE)
    assert await shop.stock_tasks.reserve(finished, task) is None
    assert await shop.reserved("TEA") == 2


async def test_a_paid_order_is_confirmed_and_goes_on_to_its_review(shop: Shop) -> None:
    await shop.stock(TEA=5)
    paid = await shop.pay((await shop.place()).order.order_id)
    assert (paid.state, tasks(paid)) == (OrderState.CONFIRMING, [TaskKind.CONFIRM])
    confirmed = await shop.do(paid.order_id, TaskKind.CONFIRM)
    assert confirmed.state is OrderState.CONFIRMED
    assert TaskKind.REVIEW in [task.kind for task in confirmed.tasks]
    assert await shop.levels("TEA") == {("TEA", "default"): (0, 2)}


async def test_a_paid_order_whose_stock_is_gone_is_cancelled_and_its_money_goes_back(
    shop: Shop,
) -> None:
    await shop.stock(TEA=2)
    paid = await shop.pay((await shop.place()).order.order_id)
    await shop.engine.release(paid.order_id)
    lost = await shop.do(paid.order_id, TaskKind.CONFIRM)
    assert lost.state is OrderState.CANCELLED
    assert [refund.amount_minor for refund in lost.refunds] == [paid.amounts.total_minor]


@pytest.mark.parametrize(("taken", "state"), [(0, OrderState.CONFIRMED), (1, OrderState.CANCELLED)])
async def test_an_order_paid_after_its_stock_has_expired_takes_it_again_or_gets_its_money_back(
    shop: Shop, taken: int, state: OrderState
) -> None:
    await shop.stock(TEA=2)
    order_id = (await shop.record()).order_id
    result = await shop.engine.reserve(order_id, [("TEA", 2)], ttl_ms=1_000, buyer_id="buyer-1")
    reserved = Reserved([Take("TEA", 2, "default")], result.expires_at_ms + 600_000)
    await shop.orders.change(
        order_id, lambda draft: apply_stock_answer(draft, reserved, METHODS), "test"
    )
    paid = await shop.pay(order_id)

    await expired(shop, order_id)
    if taken:
        await shop.place({"TEA": taken}, key="another")
    ended = await shop.do(order_id, TaskKind.CONFIRM)
    assert ended.state is state
    refunded_minor = 0 if state is OrderState.CONFIRMED else paid.amounts.total_minor
    assert ended.refunded_minor == refunded_minor


async def test_a_reservation_that_the_engine_has_forgotten_is_made_again_for_a_paid_order(
    shop: Shop,
) -> None:
    await shop.stock(TEA=5)
    left = await shop.record()
    never_made = Reserved([Take("TEA", 2, "default")], left.created_at_ms + 600_000)
    await shop.orders.change(
        left.order_id, lambda draft: apply_stock_answer(draft, never_made, METHODS), "test"
    )
    await shop.pay(left.order_id)
    assert (await shop.do(left.order_id, TaskKind.CONFIRM)).state is OrderState.CONFIRMED
    assert await shop.levels("TEA") == {("TEA", "default"): (0, 2)}


@pytest.mark.unsound("the engine is told what has not become of the orders")
async def test_release_and_cancel_can_be_done_twice(shop: Shop) -> None:
    await shop.stock(TEA=5)
    placed = (await shop.place()).order
    (task, *_) = (await shop.record(key="key-2")).tasks
    assert await shop.stock_tasks.release(placed, task) is None
    assert await shop.stock_tasks.release(placed, task) is None
    assert await shop.reserved("TEA") == 0
    sold = await shop.pay((await shop.place(key="key-3")).order.order_id)
    await shop.do(sold.order_id, TaskKind.CONFIRM)
    assert await shop.stock_tasks.cancel(sold, task) is None
    assert await shop.stock_tasks.cancel(sold, task) is None
    assert await shop.levels("TEA") == {("TEA", "default"): (0, 0)}


@pytest.mark.unsound("the engine is told what has not become of the order")
async def test_releasing_confirmed_stock_cancels_it(shop: Shop) -> None:
    await shop.stock(TEA=5)
    sold = await shop.pay((await shop.place()).order.order_id)
    await shop.do(sold.order_id, TaskKind.CONFIRM)
    (task, *_) = (await shop.record(key="key-2")).tasks
    assert await shop.stock_tasks.release(sold, task) is None
    assert await shop.levels("TEA") == {("TEA", "default"): (0, 0)}


async def test_the_sent_order_is_what_the_key_stands_for(shop: Shop) -> None:
    left = await shop.record()
    assert left.fingerprint == order(tenant=shop.engine.tenant).fingerprint()
