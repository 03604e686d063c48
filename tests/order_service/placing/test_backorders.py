"""The queue for stock: served in order when stock arrives, and nobody overtakes."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest

from holdfast.errors import HoldfastError, Reason
from order_service.catalogue.model import Warehouse
from order_service.order.draft import Draft
from order_service.order.ids import Ids
from order_service.order.model import Order
from order_service.order.placed import ShortagePolicy
from order_service.order.refusals import RefusalReason
from order_service.order.states import OrderState
from order_service.order.tasks import TaskKind
from order_service.placing.claims import WAITING_PER_BUYER_MAX, WaitingRules
from order_service.placing.decisions import RESERVE_AGAIN_MS, begin_to_reserve
from order_service.placing.place import Placed, Placing
from order_service.placing.queue import Claims
from order_service.placing.shortage import Shortage
from order_service.storage.orders import Orders
from tests.order_service.clock import Clock
from tests.order_service.placing.shop import Shop, placing_of, tasks
from tests.order_service.placing.wanted import METHODS, order
from tests.order_service.sound import assert_books_sound
from tests.waiting import PATIENCE_S, eventually

WAIT = ShortagePolicy.WAIT
AWAITING, WAITING = OrderState.AWAITING_PAYMENT, OrderState.BACKORDERED
REJECTED = OrderState.REJECTED


async def wait_for(shop: Shop, key: str, **quantities: int) -> Order:
    """Places an order that begins to wait, some time after those before it."""
    shop.orders.clock_ms.advance(1)  # type: ignore[attr-defined]
    placed = await shop.place(quantities, key=key, shortage_policy=WAIT)
    assert placed.order.state is WAITING
    return placed.order


async def place_to_wait(shop: Shop, key: str, **quantities: int) -> Placed:
    """Places an order that is to wait, some time after those before it."""
    shop.orders.clock_ms.advance(1)  # type: ignore[attr-defined]
    return await shop.place(quantities, key=key, shortage_policy=WAIT)


async def states(shop: Shop, *orders: Order) -> list[OrderState]:
    """Where orders are now."""
    return [(await shop.orders.get(order.order_id)).state for order in orders]


async def test_an_order_that_waits_holds_nothing_and_is_served_when_stock_arrives(
    shop: Shop,
) -> None:
    await shop.stock(TEA=1)
    order = await wait_for(shop, "first", TEA=2)
    assert await shop.reserved("TEA") == 0
    assert await shop.backorders.serve() == 0
    await shop.stock(TEA=2)
    assert await shop.backorders.serve() == 1
    assert await states(shop, order) == [AWAITING]
    assert await shop.backorders.serve() == 0
    assert await shop.reserved("TEA") == 2


async def test_orders_are_served_in_the_order_in_which_they_came(shop: Shop) -> None:
    await shop.stock(TEA=0)
    queue = [await wait_for(shop, f"key-{number}", TEA=2) for number in range(4)]
    await shop.stock(TEA=5)
    assert await shop.backorders.serve() == 2
    assert await states(shop, *queue) == [AWAITING, AWAITING, WAITING, WAITING]
    await shop.stock(TEA=3)
    assert await shop.backorders.serve() == 1
    assert await states(shop, *queue) == [AWAITING, AWAITING, AWAITING, WAITING]


async def test_a_small_order_does_not_overtake_a_large_one_that_waits_for_the_same(
    shop: Shop,
) -> None:
    await shop.stock(TEA=0)
    large = await wait_for(shop, "large", TEA=5)
    small = await wait_for(shop, "small", TEA=1)
    await shop.stock(TEA=4)
    assert await shop.backorders.serve() == 0
    await shop.stock(TEA=6)
    assert await shop.backorders.serve() == 2
    assert await states(shop, large, small) == [AWAITING, AWAITING]


async def test_an_order_for_something_else_does_not_wait_for_those_before_it(shop: Shop) -> None:
    await shop.stock(TEA=0, CUP=0)
    tea = await wait_for(shop, "tea", TEA=5)
    cup = await wait_for(shop, "cup", CUP=1)
    await shop.stock(TEA=4, CUP=1)
    assert await shop.backorders.serve() == 1
    assert await states(shop, tea, cup) == [WAITING, AWAITING]


async def test_who_waits_for_one_article_keeps_nothing_from_others_that_it_cannot_use(
    shop: Shop,
) -> None:
    await shop.stock(TEA=5, CUP=0)
    both = await wait_for(shop, "both", TEA=5, CUP=1)
    new = await shop.place({"TEA": 1}, key="new", buyer_id="new")
    assert new.order.state is AWAITING
    await shop.stock(TEA=3, CUP=1)
    # Now it waits for tea alone, and nobody overtakes it there.
    last = await shop.place({"TEA": 1}, key="last", buyer_id="last")
    assert (last.order.state, last.shortages) == (REJECTED, [Shortage("TEA", 1, 0)])
    assert (await shop.place({"CUP": 1}, key="cup", buyer_id="cup")).order.state is AWAITING
    await shop.stock(TEA=5, CUP=1)
    assert await shop.backorders.serve() == 1
    assert await states(shop, both) == [AWAITING]


async def test_stock_of_a_closed_or_an_unknown_warehouse_is_not_waited_for(shop: Shop) -> None:
    await shop.open_warehouses("EAST", "WEST")
    await shop.stock("EAST", TEA=0)
    order = await wait_for(shop, "first", TEA=2)
    shut = Warehouse("WEST", "CN", closed=True)
    await shop.catalogue.put(shop.engine.tenant, [shut])
    await shop.stock("WEST", TEA=9)
    await shop.stock("attic", TEA=9)
    assert await shop.backorders.serve() == 0
    assert (await shop.orders.get(order.order_id)).version == order.version
    await shop.stock("EAST", TEA=2)
    assert await shop.backorders.serve() == 1


async def test_a_new_order_gets_only_what_those_that_wait_leave(shop: Shop) -> None:
    await shop.stock(TEA=0)
    waiting = await wait_for(shop, "waiting", TEA=5)
    await shop.stock(TEA=6)
    two = await shop.place({"TEA": 2}, key="two")
    assert two.order.state is OrderState.REJECTED
    assert [short.available for short in two.shortages] == [1]
    one = await shop.place({"TEA": 1}, key="one")
    assert one.order.state is AWAITING
    assert await shop.backorders.serve() == 1
    assert await states(shop, waiting) == [AWAITING]
    assert await shop.reserved("TEA") == 6


async def test_new_orders_that_race_do_not_take_what_is_waited_for(shop: Shop) -> None:
    await shop.stock(TEA=0)
    waiting = await wait_for(shop, "waiting", TEA=5)
    await shop.stock(TEA=8)
    answers = await asyncio.gather(
        *(shop.place({"TEA": 1}, key=f"key-{n}", buyer_id=f"buyer-{n}") for n in range(12))
    )
    assert [placed.order.state for placed in answers].count(AWAITING) == 3
    await shop.backorders.serve()
    assert await states(shop, waiting) == [AWAITING]


def other_process(shop: Shop) -> Placing:
    """Another process on the same database, which has not heard of anything."""
    orders = Orders(shop.orders.database, shop.orders.clock_ms, Ids())
    return placing_of(orders, shop.engine, shop.catalogue)


def place(shop: Shop, placing: Placing, key: str, **quantities: int) -> Coroutine[Any, Any, Placed]:
    """Has a process place a new order, some time after those before it."""
    shop.orders.clock_ms.advance(1)  # type: ignore[attr-defined]
    wanted = order(quantities, tenant=shop.engine.tenant, order_key=key, buyer_id=key)
    return placing.place(wanted, "buyer")


async def test_a_new_order_does_not_overtake_one_that_began_to_wait_in_another_process(
    shop: Shop,
) -> None:
    await shop.stock(TEA=4)
    await wait_for(shop, "waiting", TEA=5)
    placed = await place(shop, other_process(shop), "new", TEA=1)
    assert placed.refusal is RefusalReason.OUT_OF_STOCK
    assert placed.shortages == [Shortage("TEA", 1, 0)]
    assert await shop.reserved("TEA") == 0


async def test_new_orders_that_race_in_several_processes_leave_what_is_waited_for(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.stock(TEA=0)
    waiting = await wait_for(shop, "waiting", TEA=5)
    await shop.stock(TEA=7)
    get_stock = shop.engine.get_stock

    async def slow(*skus: str, **values: Any) -> Any:
        levels = await get_stock(*skus, **values)
        await asyncio.sleep(0.05)
        return levels

    monkeypatch.setattr(shop.engine, "get_stock", slow)
    processes = [shop.placing, other_process(shop), other_process(shop)]
    answers = await asyncio.gather(
        *(place(shop, processes[n % 3], f"key-{n}", TEA=1) for n in range(9))
    )
    assert sorted(placed.order.state for placed in answers) == [AWAITING] * 2 + [REJECTED] * 7
    assert await shop.backorders.serve() == 1
    served = await shop.orders.get(waiting.order_id)
    assert (served.state, served.version, tasks(served)) == (AWAITING, waiting.version + 1, [])
    assert await shop.reserved("TEA") == 7


async def test_who_dies_with_the_turn_holds_others_up_for_some_seconds_only(
    shop: Shop, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.stock(TEA=0)
    waiting = await wait_for(shop, "waiting", TEA=5)
    await shop.stock(TEA=6)
    await shop.orders.change(waiting.order_id, begin_to_reserve, "a dying process")
    with monkeypatch.context() as patched:
        patched.setattr("order_service.placing.queue.TURN_S_MAX", 0.1)
        late = await shop.place({"TEA": 1}, key="late")
    assert late.order.state is OrderState.RESERVING
    short = await shop.place({"TEA": 2}, key="short")
    assert short.order.state is REJECTED, "who gets nothing needs no turn"
    clock.advance(RESERVE_AGAIN_MS)
    assert (await shop.do(late.order.order_id, TaskKind.RESERVE)).state is AWAITING
    kept = await shop.orders.get(waiting.order_id)
    assert (kept.state, kept.version, tasks(kept)) == (WAITING, waiting.version, [])


async def test_the_turn_is_free_again_when_the_engine_was_silent(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.stock(TEA=0)
    waiting = await wait_for(shop, "waiting", TEA=5)
    await shop.stock(TEA=7)
    with monkeypatch.context() as patched:
        lose_answers(shop, patched)
        lost = await shop.place({"TEA": 1}, key="lost")
    assert lost.order.state is OrderState.RESERVING
    assert tasks(await shop.orders.get(waiting.order_id)) == []
    assert (await shop.place({"TEA": 1}, key="next")).order.state is AWAITING
    finished = await shop.do(lost.order.order_id, TaskKind.RESERVE)
    assert finished.state is AWAITING
    assert await shop.reserved("TEA") == 2


async def test_orders_that_come_together_share_a_look_that_begins_after_they_came(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims, look = Claims(shop.orders), shop.orders.look
    may_end, looks = asyncio.Event(), 0

    async def slow(function: Any) -> Any:
        nonlocal looks
        looks += 1
        found = await look(function)
        await may_end.wait()
        return found

    await shop.stock(TEA=0)
    monkeypatch.setattr(shop.orders, "look", slow)
    early = [asyncio.create_task(claims.now(shop.engine.tenant)) for _ in range(20)]
    await eventually(lambda: _is(looks == 1))
    late = [asyncio.create_task(claims.now(shop.engine.tenant)) for _ in range(20)]
    early[0].cancel()
    late[0].cancel()
    may_end.set()
    assert await asyncio.gather(*early[1:], *late[1:]) == [[]] * 38
    assert looks == 2


async def _is(true: bool) -> bool:
    return true


async def test_an_order_whose_buyer_has_reached_the_limit_leaves_the_queue(shop: Shop) -> None:
    await shop.engine.set_stock("TEA", 0)
    order = await wait_for(shop, "greedy", TEA=2)
    await shop.engine.set_stock("TEA", 5, limit_per_buyer=1)
    assert await shop.backorders.serve() == 1
    assert await states(shop, order) == [OrderState.CANCELLED]
    assert await Claims(shop.orders).now(shop.engine.tenant) == []


async def test_nobody_waits_for_more_than_a_buyer_may_have(shop: Shop) -> None:
    await shop.engine.set_stock("TEA", 9, limit_per_buyer=2)
    await shop.engine.set_stock("TEA", 0, location="attic", limit_per_buyer=3)
    placed = await place_to_wait(shop, "hog", TEA=1_000_000)
    assert (placed.order.state, placed.refusal) == (REJECTED, RefusalReason.LIMIT_EXCEEDED)
    assert "a buyer may have 2" in placed.detail
    honest = await shop.place({"TEA": 2}, key="honest", buyer_id="honest")
    assert honest.order.state is AWAITING


async def test_what_a_buyer_has_and_waits_for_counts_together(shop: Shop) -> None:
    await shop.engine.set_stock("TEA", 1, limit_per_buyer=3)
    await shop.place({"TEA": 1}, key="had")
    await wait_for(shop, "first", TEA=1)
    assert (await place_to_wait(shop, "second", TEA=2)).refusal is RefusalReason.LIMIT_EXCEEDED
    await wait_for(shop, "third", TEA=1)
    other = await shop.place({"TEA": 3}, key="other", buyer_id="other", shortage_policy=WAIT)
    assert other.order.state is WAITING


async def test_two_orders_of_a_buyer_that_begin_to_wait_at_once_do_not_pass_the_limit(
    shop: Shop,
) -> None:
    await shop.engine.set_stock("TEA", 0, limit_per_buyer=2)
    placed = await asyncio.gather(*(place_to_wait(shop, f"key-{n}", TEA=2) for n in range(3)))
    assert WAITING in {each.order.state for each in placed}
    await shop.backorders.serve()
    kept = await Claims(shop.orders).now(shop.engine.tenant)
    assert [waiting.units for waiting in kept] == [{"TEA": 2}]


async def test_nobody_waits_for_more_units_than_may_be_waited_for(shop: Shop) -> None:
    await shop.stock(TEA=9)
    units_max = WaitingRules().units_max
    placed = await place_to_wait(shop, "hog", TEA=units_max + 1)
    assert (placed.order.state, placed.refusal) == (REJECTED, RefusalReason.OUT_OF_STOCK)
    assert f"more than the {units_max} that may be waited for" in placed.detail
    await wait_for(shop, "large", TEA=units_max)


async def test_a_buyer_has_some_orders_waiting_at_most(shop: Shop) -> None:
    await shop.stock(TEA=0)
    for number in range(WAITING_PER_BUYER_MAX):
        await wait_for(shop, f"key-{number}", TEA=1)
    assert (await place_to_wait(shop, "more", TEA=1)).refusal is RefusalReason.LIMIT_EXCEEDED


async def test_a_wait_has_an_end_that_the_buyer_is_told(shop: Shop, clock: Clock) -> None:
    await shop.stock(TEA=1)
    placed = await place_to_wait(shop, "first", TEA=2)
    order = placed.order
    assert order.waits_until_at_ms == clock() + WaitingRules().waits_ms
    until = datetime.fromtimestamp(order.waits_until_at_ms / 1_000, UTC)
    assert f"it waits for stock until {until:%Y-%m-%d %H:%M} UTC" in placed.detail
    (timer,) = order.tasks
    assert (timer.kind, timer.due_at_ms) == (TaskKind.WAIT_DUE, order.waits_until_at_ms)
    clock.advance(WaitingRules().waits_ms)
    ended = await shop.do(order.order_id, TaskKind.WAIT_DUE)
    assert (ended.state, tasks(ended)) == (OrderState.CANCELLED, [TaskKind.RELEASE])
    assert ended.closed_reason.startswith("OUT_OF_STOCK: no stock has come")
    one = await shop.place({"TEA": 1}, key="next", buyer_id="next")
    assert one.order.state is AWAITING


async def test_a_wait_does_not_end_while_stock_is_reserved_for_it(shop: Shop, clock: Clock) -> None:
    await shop.stock(TEA=0)
    order = await wait_for(shop, "first", TEA=2)
    clock.advance(WaitingRules().waits_ms)
    assert await shop.orders.change(order.order_id, begin_to_reserve, "another process")
    waiting = await shop.do(order.order_id, TaskKind.WAIT_DUE)
    assert waiting.state is WAITING
    await shop.stock(TEA=2)
    served = await shop.do(order.order_id, TaskKind.RESERVE)
    assert (served.state, tasks(served)) == (AWAITING, [])
    assert TaskKind.WAIT_DUE not in {task.kind for task in served.tasks}


async def test_who_has_waited_since_before_waits_had_an_end_is_given_one(shop: Shop) -> None:
    await shop.stock(TEA=0)
    order = await wait_for(shop, "old", TEA=1)

    def forget_its_end(draft: Draft) -> None:
        draft.forget(TaskKind.WAIT_DUE)
        draft.update(draft.order, waits_until_at_ms=0)

    await shop.orders.change(order.order_id, forget_its_end, "0.4.0")
    await shop.backorders.serve()
    kept = await shop.orders.get(order.order_id)
    assert kept.waits_until_at_ms > 0
    assert [task.kind for task in kept.tasks] == [TaskKind.WAIT_DUE]


async def test_an_order_that_has_waited_can_be_paid_for_hours(shop: Shop, clock: Clock) -> None:
    await shop.stock(TEA=0)
    order = await wait_for(shop, "asleep", TEA=1)
    await shop.stock(TEA=2)
    assert await shop.backorders.serve() == 1
    served = await shop.orders.get(order.order_id)
    assert served.payment_due_at_ms >= clock() + WaitingRules().pay_within_ms - 60_000
    awake = (await shop.place({"TEA": 1}, key="awake", buyer_id="awake")).order
    assert awake.payment_due_at_ms <= clock() + METHODS["sandbox_card"].due_ms + 60_000


async def test_an_order_left_by_a_crash_is_served_before_those_that_came_later(shop: Shop) -> None:
    await shop.stock(TEA=0)
    left = await shop.record({"TEA": 2}, key="left")
    await wait_for(shop, "later", TEA=5)
    await shop.stock(TEA=4)
    assert (await shop.do(left.order_id, TaskKind.RESERVE)).state is AWAITING


def lose_answers(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Has the engine reserve and nobody learn of it; the ids that were asked for."""
    asked: list[str] = []
    reserve = shop.engine.reserve

    async def reserve_and_lose_the_answer(reservation_id: str, *lines: Any, **values: Any) -> Any:
        asked.append(reservation_id)
        await reserve(reservation_id, *lines, **values)
        raise HoldfastError.of(Reason.STORE_UNREACHABLE)

    monkeypatch.setattr(shop.engine, "reserve", reserve_and_lose_the_answer)
    return asked


async def test_an_order_whose_turn_has_come_is_served_though_the_answer_was_lost(
    shop: Shop, clock: Clock
) -> None:
    await shop.stock(TEA=0)
    order = await wait_for(shop, "first", TEA=2)
    later = await wait_for(shop, "later", TEA=1)
    await shop.stock(TEA=2)
    with pytest.MonkeyPatch.context() as patched:
        lose_answers(shop, patched)
        with pytest.raises(HoldfastError):
            await shop.backorders.serve()
    assert await shop.reserved("TEA") == 2
    assert await shop.backorders.serve() == 0
    assert await states(shop, order, later) == [WAITING, WAITING]
    clock.advance(RESERVE_AGAIN_MS)
    served = await shop.do(order.order_id, TaskKind.RESERVE)
    assert (served.state, tasks(served)) == (AWAITING, [])
    assert await shop.reserved("TEA") == 2
    await assert_books_sound(shop.orders, shop.engine, tenant=shop.engine.tenant)


async def test_an_order_that_somebody_is_reserving_for_is_left_to_him(
    shop: Shop, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.stock(TEA=0)
    order = await wait_for(shop, "first", TEA=2)
    assert await shop.orders.change(order.order_id, begin_to_reserve, "another process")
    await shop.stock(TEA=2)
    asked = lose_answers(shop, monkeypatch)
    assert await shop.backorders.serve() == 0
    assert asked == []
    monkeypatch.undo()
    clock.advance(RESERVE_AGAIN_MS)
    assert await shop.backorders.serve() == 1
    assert tasks(await shop.orders.get(order.order_id)) == []


async def test_an_order_that_is_still_short_goes_on_waiting_with_nothing_to_be_done(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.stock(TEA=0)
    order = await wait_for(shop, "first", TEA=2)
    await shop.stock(TEA=2)
    reserve = shop.engine.reserve

    async def another_is_faster(*about: Any, **values: Any) -> Any:
        await reserve("another", [("TEA", 1)])
        return await reserve(*about, **values)

    monkeypatch.setattr(shop.engine, "reserve", another_is_faster)
    assert await shop.backorders.serve() == 0
    kept = await shop.orders.get(order.order_id)
    assert (kept.state, tasks(kept), kept.version) == (WAITING, [], order.version)
    await shop.engine.release("another")


async def test_stock_that_a_waiting_order_had_too_long_without_knowing_is_not_promised(
    shop: Shop,
) -> None:
    await shop.stock(TEA=0)
    order = await wait_for(shop, "first", TEA=2)
    await shop.stock(TEA=2)
    await shop.engine.reserve(order.order_id, [("TEA", 2)], ttl_ms=1_000)
    # Once its units are on sale again, it looks as if they were for it.
    await eventually(shop.backorders.serve)
    ended = await shop.orders.get(order.order_id)
    assert (ended.state, tasks(ended)) == (OrderState.CANCELLED, [TaskKind.RELEASE])
    assert "not any more" in ended.closed_reason


async def test_who_stops_writes_down_first_what_has_been_reserved(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.stock(TEA=0)
    first, second = [await wait_for(shop, key, TEA=2) for key in ("first", "second")]
    await shop.stock(TEA=4)
    backorders, reserve = shop.backorders, shop.engine.reserve

    async def stopped_meanwhile(*about: Any, **values: Any) -> Any:
        backorders.stop()
        return await reserve(*about, **values)

    monkeypatch.setattr(shop.engine, "reserve", stopped_meanwhile)
    await asyncio.wait_for(backorders.run(), PATIENCE_S)
    assert await states(shop, first, second) == [AWAITING, WAITING]
    assert await shop.reserved("TEA") == 2


async def test_the_queue_is_served_by_itself_also_after_the_engine_was_away(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("order_service.placing.backorders.LOOK_S", 0.01)
    await shop.stock(TEA=0)
    order = await wait_for(shop, "waiting", TEA=2)
    get_stock = shop.engine.get_stock
    failures = iter([HoldfastError.of(Reason.STORE_UNREACHABLE)] * 3)

    async def away_at_first(*skus: str, **values: Any) -> Any:
        for failure in failures:
            raise failure
        return await get_stock(*skus, **values)

    running = asyncio.create_task(shop.backorders.run())
    await shop.engine.set_stock("TEA", 2)
    monkeypatch.setattr(shop.engine, "get_stock", away_at_first)

    async def served() -> bool:
        return await states(shop, order) == [AWAITING]

    await eventually(served)
    shop.backorders.stop()
    await running
