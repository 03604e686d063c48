"""Orders placed against a real engine, on both databases."""

import asyncio
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import structs

from holdfast.types import State
from order_service.catalogue.model import Place, Warehouse
from order_service.order.ids import Ids
from order_service.order.placed import Amounts, ShortagePolicy, Source
from order_service.order.refusals import InvalidField, RefusalReason, Refused
from order_service.order.states import OrderState, PaymentState
from order_service.order.tasks import TaskKind
from order_service.payment.methods import GRACE_MS
from order_service.placing.shortage import Shortage
from order_service.placing.validation import WantedLine
from order_service.storage.orders import Orders
from tests.order_service.placing.shop import Shop, places, placing_of, tasks
from tests.order_service.placing.wanted import ARTICLES, DELIVERY, METHODS, amounts, lines, order


async def test_an_order_is_recorded_its_stock_reserved_and_its_payment_awaited(shop: Shop) -> None:
    await shop.stock(TEA=5)
    placed = await shop.place({"TEA": 2}, remark="no sugar")
    found = placed.order
    assert (placed.replayed, placed.refusal) == (False, None)
    assert (placed.shortages, placed.detail) == ([], "")
    assert found.state is OrderState.AWAITING_PAYMENT
    assert await shop.orders.get(found.order_id) == found
    assert found.delivery.phone == "+8613812345678"
    assert places(found) == [("TEA", 2, "default")]
    assert tasks(found) == []
    held = await shop.engine.get_reservation(found.order_id)
    assert (held.state, held.buyer_id) == (State.RESERVED, "buyer-1")
    left_ms = held.expires_at_ms - GRACE_MS - found.payment_due_at_ms
    assert 0 <= left_ms < 60_000
    window_ms = METHODS["sandbox_card"].due_ms
    assert abs(found.payment_due_at_ms - found.created_at_ms - window_ms) < 60_000


async def test_an_order_that_a_platform_has_taken_money_for_is_paid_and_sold_at_once(
    shop: Shop,
) -> None:
    await shop.stock(TEA=5)
    masked = structs.replace(DELIVERY, phone="138****5678")
    placed = await shop.place(
        {"TEA": 2}, source=Source.IMPORT, payment_method="paid_elsewhere", delivery=masked
    )
    found = placed.order
    assert placed.refusal is None
    assert found.state is OrderState.CONFIRMING
    assert found.delivery.phone == "138****5678"
    (payment,) = found.payments
    assert (payment.state, payment.provider) == (PaymentState.CAPTURED, "elsewhere")
    assert payment.captured_minor == found.amounts.total_minor
    assert (payment.provider_ref, payment.captured_currency) == (found.order_key, found.currency)
    again = await shop.place(
        {"TEA": 2}, source=Source.IMPORT, payment_method="paid_elsewhere", delivery=masked
    )
    assert (again.replayed, again.order.order_id) == (True, found.order_id)


@pytest.mark.parametrize(
    "values",
    [
        {"payment_method": "paid_elsewhere"},
        {"delivery": structs.replace(DELIVERY, phone="138****5678")},
    ],
)
async def test_only_an_imported_order_is_paid_elsewhere_or_has_a_masked_phone(
    shop: Shop, values: dict[str, Any]
) -> None:
    with pytest.raises(InvalidField):
        await shop.place({"TEA": 2}, **values)


async def test_the_same_order_sent_twice_is_one_order(shop: Shop) -> None:
    await shop.stock(TEA=5)
    first = await shop.place()
    again = await shop.place()
    assert again.replayed
    assert again.order == first.order
    assert await shop.reserved("TEA") == 2


async def test_the_same_order_sent_many_times_at_once_is_one_order(shop: Shop) -> None:
    await shop.stock(TEA=50)
    answers = await asyncio.gather(*(shop.place() for _ in range(20)))
    assert len({placed.order.order_id for placed in answers}) == 1
    assert sum(not placed.replayed for placed in answers) == 1
    assert await shop.reserved("TEA") == 2


async def test_another_order_under_the_key_is_refused(shop: Shop) -> None:
    await shop.stock(TEA=5)
    first = await shop.place()
    with pytest.raises(Refused) as refused:
        await shop.place(delivery=structs.replace(DELIVERY, street="2 Nanjing Road"))
    assert refused.value.reason is RefusalReason.ORDER_KEY_REUSED
    assert refused.value.details["order_id"] == first.order.order_id


async def test_the_same_key_of_another_source_is_another_order(shop: Shop) -> None:
    await shop.stock(TEA=5)
    first = await shop.place(source=Source.WEB)
    second = await shop.place(source=Source.IMPORT)
    assert first.order.order_id != second.order.order_id
    assert await shop.reserved("TEA") == 4


async def test_an_order_is_found_again_whatever_its_articles_cost_now(shop: Shop) -> None:
    await shop.stock(TEA=5)
    first = await shop.place()
    dearer = structs.replace(ARTICLES["TEA"], price_minor=501)
    await shop.catalogue.put(shop.engine.tenant, [dearer])
    again = await shop.place()
    assert again.replayed
    assert again.order.order_id == first.order.order_id
    with pytest.raises(Refused) as refused:
        await shop.place(key="key-2")
    assert refused.value.reason is RefusalReason.PRICE_MISMATCH


async def test_an_order_is_found_again_whatever_methods_are_offered_now(shop: Shop) -> None:
    await shop.stock(TEA=5)
    first = await shop.place()
    offered = {name: method for name, method in METHODS.items() if name != "sandbox_card"}
    later = shop._replace(placing=placing_of(shop.orders, shop.engine, shop.catalogue, offered))
    again = await later.place()
    assert (again.replayed, again.order.order_id) == (True, first.order.order_id)
    with pytest.raises(InvalidField, match="payment_method"):
        await later.place(key="key-2")
    with pytest.raises(InvalidField, match="payment_method"):
        await later.place(buyer_id="buyer-2")


async def test_a_refused_order_leaves_nothing_behind(shop: Shop) -> None:
    await shop.stock(TEA=5)
    with pytest.raises(Refused):
        await shop.place(amounts=Amounts(1, 0, 0, 0, 0, 1))
    with pytest.raises(InvalidField):
        await shop.place(currency="???")
    assert await shop.reserved("TEA") == 0
    assert not (await shop.place()).replayed


async def test_the_last_unit_goes_to_exactly_one_buyer(shop: Shop) -> None:
    await shop.stock(TEA=1)
    answers = await asyncio.gather(
        *(shop.place({"TEA": 1}, key=f"key-{n}", buyer_id=f"buyer-{n}") for n in range(30))
    )
    states = [placed.order.state for placed in answers]
    assert states.count(OrderState.AWAITING_PAYMENT) == 1
    assert states.count(OrderState.REJECTED) == 29
    assert {placed.refusal for placed in answers} == {None, RefusalReason.OUT_OF_STOCK}
    assert await shop.reserved("TEA") == 1


async def test_all_or_nothing_holds_nothing_and_says_what_was_short(shop: Shop) -> None:
    await shop.stock(TEA=1, CUP=5)
    placed = await shop.place({"TEA": 2, "CUP": 1})
    assert placed.refusal is RefusalReason.OUT_OF_STOCK
    assert placed.shortages == [Shortage("TEA", 2, 1)]
    assert await shop.levels("TEA", "CUP") == {
        ("TEA", "default"): (0, 0),
        ("CUP", "default"): (0, 0),
    }
    again = await shop.place({"TEA": 2, "CUP": 1})
    assert (again.replayed, again.refusal) == (True, RefusalReason.OUT_OF_STOCK)


async def test_an_article_without_a_stock_level_is_out_of_stock(shop: Shop) -> None:
    await shop.stock(CUP=5)
    placed = await shop.place({"TEA": 2, "CUP": 1})
    assert placed.shortages == [Shortage("TEA", 2, 0)]


async def test_what_there_is_is_reserved_and_only_that_is_to_be_paid(shop: Shop) -> None:
    await shop.stock(TEA=3, CUP=0, RUG=1)
    wanted = lines(TEA=4, CUP=1, RUG=1)
    placed = await shop.place(
        {"TEA": 4, "CUP": 1, "RUG": 1},
        amounts=amounts(wanted, discount=3_400, freight=100),
        shortage_policy=ShortagePolicy.SHIP_AVAILABLE,
    )
    found = placed.order
    assert found.state is OrderState.AWAITING_PAYMENT
    assert places(found) == [("TEA", 3, "default"), ("RUG", 1, "default")]
    assert found.amounts == Amounts(31_500, 3_150, 0, 100, 0, 28_450)
    assert await shop.orders.get(found.order_id) == found
    assert [part.merchant_id for part in found.sub_orders] == ["merchant-1", "merchant-2"]
    held = await shop.engine.get_reservation(found.order_id)
    assert {(line.sku, line.quantity) for line in held.lines} == {("TEA", 3), ("RUG", 1)}


async def test_who_takes_what_there_is_is_told_each_time_what_is_missing(shop: Shop) -> None:
    await shop.stock(TEA=3, CUP=0, RUG=1)
    wanted = {"TEA": 4, "CUP": 1, "RUG": 1}
    first, again = [
        await shop.place(wanted, shortage_policy=ShortagePolicy.SHIP_AVAILABLE) for _ in range(2)
    ]
    assert (first.replayed, again.replayed) == (False, True)
    for placed in (first, again):
        assert placed.shortages == [Shortage("TEA", 4, 3), Shortage("CUP", 1, 0)]
        assert placed.detail == "TEA: 3 of 4 units, CUP: 0 of 1 units; it is for what there is"


async def test_who_waits_is_told_for_what(shop: Shop) -> None:
    await shop.stock(TEA=1, CUP=1)
    wanted = {"TEA": 2, "CUP": 1}
    first, again = [await shop.place(wanted, shortage_policy=ShortagePolicy.WAIT) for _ in range(2)]
    assert first.shortages == [Shortage("TEA", 2, 1)]
    until = datetime.fromtimestamp(first.order.waits_until_at_ms / 1_000, UTC)
    waits = f"it waits for stock until {until:%Y-%m-%d %H:%M} UTC"
    assert first.detail == f"{waits}: TEA: 1 of 2 units"
    assert (again.shortages, again.detail) == ([], waits)


async def test_the_buyers_limit_rejects_an_order(shop: Shop) -> None:
    await shop.engine.set_stock("TEA", 10, limit_per_buyer=3)
    assert (await shop.place({"TEA": 2})).refusal is None
    placed = await shop.place({"TEA": 2}, key="key-2")
    assert placed.refusal is RefusalReason.LIMIT_EXCEEDED


async def test_cash_on_delivery_goes_straight_to_confirming(shop: Shop) -> None:
    await shop.stock(TEA=5)
    placed = await shop.place(payment_method="cash_on_delivery")
    assert placed.order.state is OrderState.CONFIRMING
    assert tasks(placed.order) == [TaskKind.CONFIRM]
    confirmed = await shop.do(placed.order.order_id, TaskKind.CONFIRM)
    assert confirmed.state is OrderState.CONFIRMED
    assert await shop.levels("TEA") == {("TEA", "default"): (0, 2)}


async def test_an_order_comes_from_the_only_warehouse(shop: Shop) -> None:
    await shop.open_warehouses("north")
    await shop.stock("north", TEA=5)
    assert places((await shop.place()).order) == [("TEA", 2, "north")]


async def test_an_order_comes_from_the_nearest_warehouse_that_has_all_of_it(shop: Shop) -> None:
    tenant = shop.engine.tenant
    await shop.catalogue.put(tenant, [Place("CN", "20", "", 31.23, 121.47)])
    await shop.catalogue.put(
        tenant,
        [
            Warehouse("beijing", "CN", 39.9, 116.4),
            Warehouse("hangzhou", "CN", 30.27, 120.15),
            Warehouse("suzhou", "CN", 31.3, 120.6, closed=True),
        ],
    )
    for location in ("beijing", "hangzhou", "suzhou"):
        await shop.stock(location, TEA=5)
    assert places((await shop.place()).order) == [("TEA", 2, "hangzhou")]
    assert places((await shop.place({"TEA": 5}, key="key-2")).order) == [("TEA", 5, "beijing")]
    assert places((await shop.place({"TEA": 3}, key="key-3")).order) == [("TEA", 3, "hangzhou")]


async def test_a_line_is_divided_among_warehouses_where_none_has_all_of_it(shop: Shop) -> None:
    await shop.open_warehouses("north", "south")
    await shop.stock("north", TEA=3, CUP=1)
    await shop.stock("south", TEA=3)
    found = (await shop.place({"TEA": 5, "CUP": 1})).order
    assert places(found) == [("TEA", 3, "north"), ("TEA", 2, "south"), ("CUP", 1, "north")]
    kept = await shop.orders.get(found.order_id)
    assert sorted(line.line_no for line in kept.lines) == [1, 2, 3]
    assert sum(line.amount_minor for line in kept.lines) == 4_500


async def test_orders_that_race_for_several_warehouses_get_every_unit_and_no_more(
    shop: Shop,
) -> None:
    await shop.open_warehouses("north", "south", "west")
    for location in ("north", "south", "west"):
        await shop.stock(location, TEA=7)
    answers = await asyncio.gather(
        *(shop.place({"TEA": 2}, key=f"key-{n}", buyer_id=f"buyer-{n}") for n in range(15))
    )
    for placed in answers:
        if placed.order.state is OrderState.RESERVING:  # too many were faster: its task goes on
            await shop.do(placed.order.order_id, TaskKind.RESERVE)
    kept = [await shop.orders.get(placed.order.order_id) for placed in answers]
    states = [order.state for order in kept]
    assert states.count(OrderState.AWAITING_PAYMENT) == 10
    assert states.count(OrderState.REJECTED) == 5
    reserved = await shop.levels("TEA")
    assert sum(held for held, _ in reserved.values()) == 20


async def test_an_order_whose_id_another_process_has_made_gets_another(shop: Shop) -> None:
    await shop.stock(TEA=5)
    orders = shop.orders
    makes_the_same = [
        Orders(orders.database, orders.clock_ms, Ids(random.Random(7))) for _ in range(2)
    ]
    placed = [
        await placing_of(each, shop.engine, shop.catalogue).place(
            order({"TEA": 1}, tenant=shop.engine.tenant, order_key=f"key-{number}"), "buyer"
        )
        for number, each in enumerate(makes_the_same)
    ]
    assert placed[0].order.order_id < placed[1].order.order_id
    assert {each.order.state for each in placed} == {OrderState.AWAITING_PAYMENT}
    assert await shop.reserved("TEA") == 2


async def test_an_article_on_two_lines_is_sold_and_its_stock_taken_again(shop: Shop) -> None:
    await shop.stock(TEA=3)
    price = ARTICLES["TEA"].price_minor
    wanted = (WantedLine("TEA", 2, price), WantedLine("TEA", 1, 0))
    placed = await shop.place(lines=wanted, amounts=amounts(wanted, freight=100))
    assert await shop.reserved("TEA") == 3
    await shop.pay(placed.order.order_id)
    confirmed = await shop.do(placed.order.order_id, TaskKind.CONFIRM)
    assert confirmed.state is OrderState.CONFIRMED
    assert [line.quantity for line in confirmed.lines] == [2, 1]
