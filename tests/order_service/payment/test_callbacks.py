"""Callbacks over HTTP, from the real sandbox provider: each has its effect once, or none (O1)."""

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from order_service.http.callbacks import BODY_BYTES_MAX
from order_service.order.model import Order, Payment
from order_service.order.states import OrderState, PaymentState
from order_service.payment.books import strays_between
from order_service.storage.schema import seen
from tests.order_service.failing import statement_fails
from tests.order_service.payment.callbacks import callback_body, send
from tests.order_service.payment.world import World
from tests.order_service.samples import A, id_of


async def taken_in_silence(world: World, payment: Payment) -> None:
    """The provider has the money, and its own callback is lost."""
    world.misbehave(lose=1.0)
    await world.pay(payment)
    await world.until_called_back()


async def effect(world: World) -> tuple[OrderState, int, int]:
    """The state of an order, the money captured for it, and its version."""
    order: Order = await world.order()
    return order.state, order.captured_minor, order.version


async def test_a_payment_is_known_before_the_provider_has_its_answer(world: World) -> None:
    await world.place()
    payment = await world.begin()
    await world.pay(payment)
    await world.until_called_back()
    order = await world.order()
    assert order.state is OrderState.CONFIRMING
    assert order.payments[0].state is PaymentState.CAPTURED
    assert order.payments[0].captured_at_ms == world.clock()
    assert world.outside.callbacks.sent == 1


async def test_one_event_a_hundred_times_has_one_effect(world: World) -> None:
    await world.place()
    await taken_in_silence(world, await world.begin())
    body = callback_body(world)
    assert await send(world, body) == 200
    before = await effect(world)
    statuses = await asyncio.gather(*(send(world, body) for _ in range(99)))
    assert statuses == [200] * 99
    assert await effect(world) == before
    keys = await world.orders.read(lambda connection: connection.execute(select(seen)).all())
    assert [key.order_id for key in keys] == [A]


async def test_what_a_known_event_id_says_anew_has_its_effect(world: World) -> None:
    await world.place()
    await taken_in_silence(world, await world.begin())
    assert await send(world, callback_body(world, "OPEN")) == 200
    assert await send(world, callback_body(world)) == 200
    assert (await effect(world))[:2] == (OrderState.CONFIRMING, 1_100)


async def test_what_is_proven_and_cannot_be_read_is_not_called_forged(world: World) -> None:
    for body in (b"{", b"[]", b'{"kind": "TELEPORTED", "payment_id": "p"}'):
        assert await send(world, body) == 422


async def test_a_forged_callback_has_no_effect(world: World) -> None:
    await world.place()
    await world.begin()
    before = await effect(world)
    body = callback_body(world)
    for position in range(0, len(body), 7):
        changed = body[:position] + bytes([body[position] ^ 1]) + body[position + 1 :]
        headers = world.outside.callbacks.headers("evt_1", body)
        answer = await world.http.post(world.callbacks_url, content=changed, headers=headers)
        assert answer.status_code == 400
    assert await send(world, body, **{"webhook-signature": "v1,AAAA"}) == 400
    assert await effect(world) == before


async def test_an_old_callback_is_refused(world: World) -> None:
    await world.place()
    await world.begin()
    body = callback_body(world)
    headers = world.outside.callbacks.headers("evt_1", body)
    world.clock.advance(301_000)
    answer = await world.http.post(world.callbacks_url, content=body, headers=headers)
    assert answer.status_code == 400


async def test_a_callback_about_an_unknown_payment_is_kept(world: World) -> None:
    body = callback_body(world, payment_id="NOBODY-p1")
    assert await send(world, body) == 200
    assert await send(world, body) == 200
    kept = await world.orders.read(
        lambda connection: strays_between(connection, "sandbox", 0, world.clock() + 1)
    )
    assert [(fact.payment_id, fact.amount_minor) for fact in kept] == [("NOBODY-p1", 1_100)]


@pytest.mark.parametrize("content", ["long", "streamed"])
async def test_a_body_beyond_its_bound_is_refused(world: World, content: str) -> None:
    body = b"x" * (BODY_BYTES_MAX + 1)

    async def streamed() -> AsyncIterator[bytes]:
        yield body

    answer = await world.http.post(
        world.callbacks_url, content=body if content == "long" else streamed()
    )
    assert answer.status_code == 413


async def test_an_unknown_provider_is_not_found(world: World) -> None:
    answer = await world.http.post(world.callbacks_url + "x", content=b"{}")
    assert answer.status_code == 404


async def test_a_callback_of_which_a_statement_fails_has_no_effect_until_it_comes_again(
    world: World,
) -> None:
    for number in itertools.count(1):
        name = id_of(f"ORDER{number}")
        await world.place(name)
        payment = await world.begin(name)
        await taken_in_silence(world, payment)
        before = await world.order(name)
        body = callback_body(world, payment_id=payment.payment_id)
        with statement_fails(number) as statements:
            status = await send(world, body, f"evt_{number}")
        if not statements.failed:
            assert number > 5
            assert status == 200
            break
        assert status == 503
        assert await world.order(name) == before
        assert await send(world, body, f"evt_{number}") == 200
        assert (await world.order(name)).state is OrderState.CONFIRMING
