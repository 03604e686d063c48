"""The sandbox provider itself: a process of its own, whose books are there again."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec import structs

from order_service.payment.providers.port import (
    Charge,
    FactKind,
    ProviderRefuses,
    ProviderUnreachable,
)
from order_service.payment.providers.sandbox import SandboxProvider
from order_service.sandbox.__main__ import API_KEY, SECRET
from tests.http import Http
from tests.order_service.payment.world import World
from tests.order_service.processes import serve_sandbox

CHARGE = Charge("4330000000000000000-p1", "", 1_100, "CNY", "sandbox_card")


async def test_its_books_outlive_its_process(tmp_path: Path) -> None:
    for state in (FactKind.OPEN, FactKind.CAPTURED):
        with serve_sandbox(tmp_path) as sandbox:
            provider = SandboxProvider(f"{sandbox.url}/provider", API_KEY, [SECRET])
            started = await provider.start(CHARGE)
            assert started.provider_ref == "sbx_00000001"
            assert (await provider.query(CHARGE)).kind is state
            if state is FactKind.OPEN:
                async with Http() as http:
                    page = await http.get(started.action_url)
                    assert "4330000000000000000-p1: 1100 minor units of CNY" in page.text
                    await http.post(started.action_url, data={"action": "pay"})
                assert len(await provider.statement(datetime.now(UTC).date())) == 1
            await provider.aclose()


async def test_a_payment_is_started_once(world: World) -> None:
    first = await world.provider.start(CHARGE)
    assert await world.provider.start(CHARGE) == first
    other = Charge("4330000000000000000-p1", "", 1_101, "CNY", "sandbox_card")
    with pytest.raises(ProviderRefuses):
        await world.provider.start(other)


async def test_a_payment_that_it_never_heard_of_is_unknown(world: World) -> None:
    assert (await world.provider.query(CHARGE)).kind is FactKind.UNKNOWN
    assert (await world.provider.close(CHARGE)).kind is FactKind.UNKNOWN
    assert (await world.provider.refund(CHARGE, "r", 1)).kind is FactKind.REFUND_FAILED


@pytest.mark.unsound("the money is of no order")
async def test_a_payment_under_another_number_of_theirs_is_found_by_ours(world: World) -> None:
    await world.provider.start(CHARGE)
    await world.control.post("/control/pay", json={"payment_id": CHARGE.payment_id})
    charge = structs.replace(CHARGE, provider_ref="sbx_99999999")
    assert (await world.provider.query(charge)).kind is FactKind.CAPTURED
    assert (await world.provider.close(charge)).kind is FactKind.CAPTURED
    assert (await world.provider.refund(charge, "r1", 700)).kind is FactKind.REFUNDED


@pytest.mark.unsound("the money is of no order")
async def test_what_is_paid_is_not_closed(world: World) -> None:
    await world.provider.start(CHARGE)
    await world.control.post("/control/pay", json={"payment_id": CHARGE.payment_id})
    assert (await world.provider.close(CHARGE)).kind is FactKind.CAPTURED


@pytest.mark.unsound("the money is of no order")
async def test_it_never_sends_back_more_than_it_took(world: World) -> None:
    await world.provider.start(CHARGE)
    await world.control.post("/control/pay", json={"payment_id": CHARGE.payment_id})
    assert (await world.provider.refund(CHARGE, "r1", 700)).kind is FactKind.REFUNDED
    assert (await world.provider.refund(CHARGE, "r2", 401)).kind is FactKind.REFUND_FAILED
    assert (await world.provider.refund(CHARGE, "r3", 400)).kind is FactKind.REFUNDED


async def test_it_can_be_down(world: World) -> None:
    world.misbehave(down="refuse")
    with pytest.raises(ProviderUnreachable):
        await world.provider.start(CHARGE)


@pytest.mark.parametrize("path", ["/v1/payments/x", "/v1/statements/2026-11-22", "/control/books"])
async def test_only_who_has_the_key_is_answered(world: World, path: str) -> None:
    answer = await world.http.get(f"{world.control.base_url}{path}")
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/payments", b"{"),
        ("/v1/payments", b'{"payment_id":"x","amount_minor":0,"currency":"CNY","method":"m"}'),
        ("/v1/payments", b"x" * 20_000),
        ("/control/misbehave", b'{"lose":1.5}'),
        ("/control/misbehave", b'{"down":"sometimes"}'),
    ],
)
async def test_bad_requests_are_refused(world: World, path: str, body: bytes) -> None:
    assert (await world.control.post(path, content=body)).status_code == 422


@pytest.mark.unsound("the money is of no order")
async def test_misbehaviour_is_set_over_http(world: World) -> None:
    await world.control.post("/control/misbehave", json={"lose": 1})
    await world.provider.start(CHARGE)
    await world.control.post("/control/pay", json={"payment_id": CHARGE.payment_id})
    books = (await world.control.get("/control/books")).json()
    assert books["captured_minor"] == {"CNY": 1_100}
    assert (books["callbacks_sent"], books["callbacks_lost"]) == (0, 1)
