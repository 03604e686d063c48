"""Many orders in one call: each is judged alone, told alone, and placed once."""

import asyncio
from typing import Any

import pytest

from holdfast.errors import HoldfastError, Reason
from holdfast.order.v1 import order_pb2 as pb
from order_service.edge.placing import place_each
from order_service.placing.place import Placed
from order_service.placing.validation import PlaceOrder
from order_service.storage.database import StorageUnavailable
from tests.order_service import samples
from tests.order_service.edge.conftest import MUG, MUG_MINOR, Shop, order_of

WITHIN_S = 1.0


def answered(result: pb.PlacedOrder) -> str:
    """The outcome of an order, or the reason why it has none."""
    if result.reason:
        return result.reason
    return pb.OrderOutcome.Name(result.result.outcome).removeprefix("ORDER_OUTCOME_")


async def test_each_of_many_orders_has_an_outcome_of_its_own(shop: Shop) -> None:
    unknown = [pb.PlaceOrderLine(sku="POT", quantity=2, unit_price_minor=MUG_MINOR)]
    too_many = [pb.PlaceOrderLine(sku=MUG, quantity=200, unit_price_minor=MUG_MINOR)]
    total_minor = 200 * MUG_MINOR
    short = pb.Amounts(goods_minor=total_minor, total_minor=total_minor)
    results = await shop.client.place_many(
        [
            order_of("good"),
            order_of("of-another", tenant="a b"),
            order_of("no-method", payment_method="shells"),
            order_of("unknown", lines=unknown),
            order_of("short", lines=too_many, amounts=short),
            order_of("of-no-source", source=99),
            order_of("also-good"),
            order_of("good"),
            order_of("good", buyer_id="buyer-2"),
        ]
    )
    assert [answered(result) for result in results] == [
        "APPLIED",
        "INVALID_FIELD",
        "INVALID_FIELD",
        "UNKNOWN_ARTICLE",
        "OUT_OF_STOCK",
        "INVALID_FIELD",
        "APPLIED",
        "APPLIED",
        "ORDER_KEY_REUSED",
    ]


async def test_many_orders_sent_again_are_the_same_orders(shop: Shop) -> None:
    orders = [order_of(f"key-{number}", buyer_id=f"buyer-{number}") for number in range(30)]
    first = await shop.client.place_many(orders)
    second = await shop.client.place_many(orders)
    assert {answered(result) for result in (*first, *second)} == {"APPLIED"}
    assert [it.result.replayed for it in (*first, *second)] == [False] * 30 + [True] * 30
    ids = [[it.result.order.order_id for it in results] for results in (first, second)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 30
    assert (await shop.engine.get_stock(MUG))[0].reserved == 60


async def test_the_last_units_go_to_one_of_many_orders(shop: Shop) -> None:
    results = await shop.client.place_many([order_of(f"key-{number}") for number in range(51)])
    assert sorted(map(answered, results)) == ["APPLIED"] * 50 + ["OUT_OF_STOCK"]
    (short,) = [it.result for it in results if answered(it) == "OUT_OF_STOCK"]
    assert list(short.shortages) == [pb.Shortage(sku=MUG, requested=2, available=0)]
    assert short.order.state == pb.Order.REJECTED


async def test_many_orders_are_written_in_few_transactions(shop: Shop) -> None:
    before = shop.orders.writes.taken
    await shop.client.place_many([order_of(f"key-{number}") for number in range(40)])
    assert shop.orders.writes.taken - before <= 4


@pytest.mark.parametrize(
    ("orders", "problem"),
    [
        ([], "must be 1 to 200 orders"),
        ([order_of("x")] * 201, "must be 1 to 200 orders"),
        ([order_of("x", lines=[pb.PlaceOrderLine()] * 21)] * 191, "at most 4,000 lines in all"),
    ],
)
async def test_more_than_a_call_may_have_is_refused_as_a_whole(
    shop: Shop, orders: list[Any], problem: str
) -> None:
    with pytest.raises(HoldfastError, match=problem) as caught:
        await shop.client.ask(pb.PlaceOrdersRequest(orders=orders))
    assert (caught.value.reason, caught.value.metadata["field"]) == (Reason.INVALID_FIELD, "orders")


class Slow:
    """Places orders, and is done with some of them: with others it fails, or never ends."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = errors
        self.given_up = 0

    async def place(self, request: PlaceOrder, _actor: str) -> Placed:
        """Takes what is good, and is never done with what is slow."""
        if request.order_key == "good":
            return Placed(samples.order(), replayed=False)
        if request.order_key.isdigit():
            raise self._errors[int(request.order_key)]
        try:
            await asyncio.Event().wait()
        finally:
            self.given_up += 1
        raise AssertionError


async def placed(placing: Any, *keys: str) -> list[str]:
    """The outcomes and reasons of some orders that are to be placed within a moment."""
    request = pb.PlaceOrdersRequest(orders=[order_of(key) for key in keys])
    response = await place_each(placing, request, asyncio.get_running_loop().time() + WITHIN_S)
    return [answered(result) for result in response.results]


async def test_what_is_not_judged_in_time_is_told_in_time_and_given_up() -> None:
    slow = Slow()
    async with asyncio.timeout(WITHIN_S):
        results = await placed(slow, "slow", "good", "slow")
    assert results == ["DEADLINE_PASSED", "APPLIED", "DEADLINE_PASSED"]
    assert slow.given_up == 2


async def test_an_order_that_fails_leaves_the_others_be() -> None:
    slow = Slow(StorageUnavailable("gone"), ValueError("a fault of ours"))
    assert await placed(slow, "0", "good", "1") == ["DATABASE_UNREACHABLE", "APPLIED", "INTERNAL"]


async def test_one_reason_for_which_no_order_has_an_answer_is_the_calls_error() -> None:
    gone = StorageUnavailable("gone")
    with pytest.raises(HoldfastError) as caught:
        await placed(Slow(gone, gone), "0", "1")
    assert caught.value.reason is Reason.DATABASE_UNREACHABLE
    with pytest.raises(HoldfastError) as caught:
        await placed(Slow(), "slow", "slow")
    assert caught.value.reason is Reason.DEADLINE_PASSED


async def test_a_call_that_is_given_up_leaves_nothing_running() -> None:
    slow = Slow()
    call = asyncio.ensure_future(placed(slow, "slow", "slow"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert slow.given_up == 2
