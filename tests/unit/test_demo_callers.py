"""Calls that are lost, doubled or late on their way, each of them counted."""

import asyncio
from typing import Any, cast

import grpc
import pytest

from holdfast.client import Client
from holdfast.demo.callers import Callers, Clients, Tally, for_each, insist
from holdfast.demo.effects import Effects
from holdfast.demo.plan import NO_MISHAP, Mishap, MishapKind
from holdfast.errors import HoldfastError
from holdfast.order.v1 import order_pb2
from holdfast.orders import OrderClient

REQUEST = order_pb2.PlaceOrderRequest(order_key="1.1")


class ShopInMemory:
    """Takes one order per key; an honest shop knows a key again. Its first answer may be slow."""

    def __init__(self, *, first_after_s: float = 0.0, honest: bool = True) -> None:
        self._after_s = first_after_s
        self._honest = honest
        self._known: set[str] = set()

    async def ask(self, request: Any) -> Any:
        replayed = self._honest and request.order_key in self._known
        self._known.add(request.order_key)
        after_s, self._after_s = self._after_s, 0.0
        await asyncio.sleep(after_s)
        order = order_pb2.Order(order_id="o", state=order_pb2.Order.AWAITING_PAYMENT)
        return order_pb2.OrderResult(
            outcome=order_pb2.ORDER_OUTCOME_APPLIED, replayed=replayed, order=order
        )


async def send(shop: ShopInMemory, mishap: Mishap) -> tuple[Any, Tally, Effects]:
    clients = [Clients(cast(OrderClient, shop), cast(Client, None))] * 2
    tally, effects = Tally(), Effects()
    answer = await Callers(clients, effects, tally).command(0, REQUEST, mishap)
    return answer, tally, effects


async def test_a_call_that_nothing_happens_to_is_one_call() -> None:
    answer, tally, effects = await send(ShopInMemory(), NO_MISHAP)
    assert not answer.replayed
    assert (tally.calls, tally.duplicates_sent, tally.clients_killed) == (1, 0, 0)
    assert len(tally.place_ms) == 1
    assert effects.double_effects == []


@pytest.mark.parametrize("kind", [MishapKind.TWICE_AT_ONCE, MishapKind.TWICE_IN_A_ROW])
async def test_a_call_sent_twice_has_one_effect_and_one_replay(kind: MishapKind) -> None:
    answer, tally, effects = await send(ShopInMemory(), Mishap(kind))
    assert not answer.replayed
    assert (tally.calls, tally.duplicates_sent, tally.duplicates_replayed) == (2, 1, 1)
    assert effects.double_effects == []


@pytest.mark.parametrize("kind", [MishapKind.TWICE_AT_ONCE, MishapKind.TWICE_IN_A_ROW])
async def test_a_shop_that_forgets_keys_is_found_out(kind: MishapKind) -> None:
    _, _, effects = await send(ShopInMemory(honest=False), Mishap(kind))
    assert effects.double_effects == ["PlaceOrder 1.1 was applied more than once"]


@pytest.mark.parametrize(("after_s", "has_last_words"), [(60.0, False), (0.0, True)])
async def test_a_killed_client_is_resumed_by_another(after_s: float, has_last_words: bool) -> None:
    shop = ShopInMemory(first_after_s=after_s)
    answer, tally, effects = await send(shop, Mishap(MishapKind.KILLED, 20.0))
    assert (tally.clients_killed, tally.clients_resumed, tally.killed_after_effect) == (1, 1, 1)
    assert answer.replayed is not has_last_words
    assert effects.double_effects == []


async def test_a_call_is_made_again_while_its_answer_is_too_late() -> None:
    codes = [grpc.StatusCode.DEADLINE_EXCEEDED] * 3

    async def call() -> str:
        if codes:
            raise HoldfastError(None, codes.pop(), "too late", {})
        return "done"

    assert await insist(call) == "done"
    codes.append(grpc.StatusCode.INTERNAL)
    with pytest.raises(HoldfastError):
        await insist(call)


async def test_so_many_are_served_at_once_and_no_more() -> None:
    inside = most = 0
    served = []

    async def serve(number: int) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1
        served.append(number)

    await for_each(range(50), 7, serve)
    assert (most, sorted(served)) == (7, list(range(50)))
