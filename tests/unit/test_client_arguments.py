"""Arguments of another type than a method takes: the argument, its value and what it must be."""

from collections.abc import Callable
from typing import Any

import pytest

from holdfast.client import Client
from holdfast.order.v1 import order_pb2
from holdfast.orders import OrderClient
from holdfast.sync_client import SyncClient


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (
            lambda client: client.get_stock(["A"]),
            "skus: must be a list, each text; got",
        ),
        (lambda client: client.reserve(5, [("A", 1)]), "reservation_id: must be text; got 5"),
        (
            lambda client: client.reserve("r", [("A", 1)], ttl_ms=600.5),
            "ttl_ms: must be a whole number; got 600.5",
        ),
        (
            lambda client: client.reserve("r", [("A", "2")]),
            r"lines\[0\].quantity: must be a whole number; got '2'",
        ),
        (lambda client: client.reserve("r", iter(())), "lines: must be a list of"),
        (lambda client: client.set_stock("A", "5"), "on_hand: must be a whole number; got '5'"),
        (lambda client: client.adjust_stock("A", 1, 7), "adjustment_id: must be text; got 7"),
    ],
)
async def test_an_argument_of_another_type_is_named_with_its_value_and_what_it_must_be(
    call: Callable[[Any], Any], problem: str
) -> None:
    for batching in (True, False):
        async with Client("127.0.0.1:1", batching=batching) as client:
            with pytest.raises(TypeError, match=problem):
                await call(client)
    with SyncClient("127.0.0.1:1") as client, pytest.raises(TypeError, match=problem):
        call(client)


async def test_what_is_no_request_is_named_to_who_asks_the_order_service() -> None:
    async with OrderClient("127.0.0.1:1") as client:
        for request in (order_pb2.Order(), "get", None):
            with pytest.raises(TypeError, match=r"request: must be a request of holdfast.order.v1"):
                await client.ask(request)
