"""Orders that are placed many at a time: what a call can take, and what is sent again."""

from typing import Any

import pytest

from holdfast.errors import ERRORS, HoldfastError, Reason
from holdfast.order.v1 import order_pb2 as pb
from holdfast.order_batches import batches_of
from holdfast.orders import OrderClient
from holdfast.sync_orders import SyncOrderClient
from tests.unit.scripted_orders import Commands, ScriptedOrders

APPLIED = pb.PlacedOrder(result=pb.OrderResult(outcome=pb.ORDER_OUTCOME_APPLIED))


def order(key: str, lines: int = 1) -> pb.PlaceOrderRequest:
    """An order of some lines."""
    return pb.PlaceOrderRequest(order_key=key, lines=[pb.PlaceOrderLine()] * lines)


def failed(reason: Reason) -> pb.PlacedOrder:
    """The answer to an order that was not judged."""
    return pb.PlacedOrder(reason=reason, detail=ERRORS[reason].message)


@pytest.fixture
def scripted_orders(orders: Commands) -> ScriptedOrders:
    """A service that answers as the test says."""
    return orders.service


class Fails:
    """Answers some orders with a reason, each so often, and takes all others."""

    def __init__(self, reasons: dict[str, list[Reason]]) -> None:
        self._reasons = reasons

    def __call__(self, request: Any) -> Any:
        """The answer to a request."""
        results = []
        for one in request.orders:
            left = self._reasons.get(one.order_key)
            results.append(failed(left.pop()) if left else APPLIED)
        return pb.PlaceOrdersResponse(results=results)


@pytest.mark.parametrize(
    ("lines", "sizes"),
    [
        ([], []),
        ([1] * 200, [200]),
        ([1] * 401, [200, 200, 1]),
        ([200] * 41, [20, 20, 1]),
        ([4_001, 1, 4_000, 1], [1, 1, 1, 1]),
    ],
)
def test_a_call_has_as_many_orders_and_lines_as_it_may(lines: list[int], sizes: list[int]) -> None:
    orders = [order(f"key-{number}", count) for number, count in enumerate(lines)]
    batches = [batch.request().orders for batch in batches_of(orders, "shop")]
    assert [len(batch) for batch in batches] == sizes
    assert [one.order_key for batch in batches for one in batch] == [it.order_key for it in orders]


async def placed(service: ScriptedOrders, count: int, **more: Any) -> list[Any]:
    """The results of some orders."""
    requests = [order(f"key-{number}") for number in range(count)]
    async with OrderClient(service.target, tenant="shop") as client:
        return list(await client.place_many(requests, **more))


async def test_orders_that_were_not_judged_are_sent_again_and_no_others(
    scripted_orders: ScriptedOrders,
) -> None:
    reasons = {
        "key-1": [Reason.DEADLINE_PASSED, Reason.OVERLOADED],
        "key-2": [Reason.INVALID_FIELD, Reason.INVALID_FIELD],
    }
    scripted_orders.answers["PlaceOrders"] = Fails(reasons)
    results = await placed(scripted_orders, 4)
    assert [one.reason for one in results] == ["", "", "INVALID_FIELD", ""]
    asked = scripted_orders.asked(pb.PlaceOrdersRequest)
    assert [[one.order_key for one in request.orders] for request in asked] == [
        ["key-0", "key-1", "key-2", "key-3"],
        ["key-1"],
        ["key-1"],
    ]
    assert {request.tenant for request in asked} == {"shop"}


async def test_what_is_not_judged_until_the_deadline_is_told(
    scripted_orders: ScriptedOrders,
) -> None:
    scripted_orders.answers["PlaceOrders"] = Fails({"key-1": [Reason.DEADLINE_PASSED] * 99})
    results = await placed(scripted_orders, 2, timeout_ms=300)
    assert [one.reason for one in results] == ["", "DEADLINE_PASSED"]


async def test_a_call_that_fails_is_an_error_unless_orders_of_it_are_known(
    scripted_orders: ScriptedOrders,
) -> None:
    scripted_orders.answers["PlaceOrders"] = HoldfastError.of(Reason.INTERNAL, error_id="1")
    with pytest.raises(HoldfastError) as caught:
        await placed(scripted_orders, 2)
    assert caught.value.reason is Reason.INTERNAL
    first = Fails({"key-1": [Reason.OVERLOADED]})

    def once(request: Any) -> Any:
        scripted_orders.answers["PlaceOrders"] = HoldfastError.of(Reason.INTERNAL, error_id="1")
        return first(request)

    scripted_orders.answers["PlaceOrders"] = once
    results = await placed(scripted_orders, 2)
    assert [one.reason for one in results] == ["", "OVERLOADED"]


def test_the_synchronous_client_places_many_orders_as_well(
    scripted_orders: ScriptedOrders,
) -> None:
    scripted_orders.answers["PlaceOrders"] = Fails({"key-0": [Reason.ORDER_CONTENDED]})
    with SyncOrderClient(scripted_orders.target) as client:
        results = client.place_many([order("key-0"), order("key-1")])
    assert [one.reason for one in results] == ["", ""]
    assert len(scripted_orders.asked(pb.PlaceOrdersRequest)) == 2
