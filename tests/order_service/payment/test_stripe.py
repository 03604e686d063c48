"""The Stripe adapter, against a Stripe server in a process of its own."""

import asyncio
import hashlib
import hmac
import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from msgspec import structs
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from holdfast.money import MINOR_DIGITS
from order_service.order.states import OrderState
from order_service.payment.books import with_our_numbers
from order_service.payment.callbacks import payment_callbacks
from order_service.payment.methods import methods_of
from order_service.payment.providers.port import (
    Callback,
    Charge,
    FactKind,
    ProviderRefuses,
    ProviderUnreachable,
)
from order_service.payment.providers.stripe import StripeProvider
from order_service.payment.providers.stripe_amounts import from_stripe, to_stripe
from order_service.payment.starting import PaymentDesk
from tests.http import Http
from tests.order_service.payment.http import served
from tests.order_service.payment.world import World
from tests.order_service.samples import A, B, C
from tests.serving import running
from tests.waiting import PATIENCE_S, until

API_KEY = "sk_test_key"
SECRET = "whsec_stripe"
CARD = {"number": "4242424242424242", "exp_month": "12", "exp_year": "2040", "cvc": "123"}
CHARGE = Charge("4330000000000000000-p1", "", 1_100, "EUR", "stripe")


@pytest.fixture(scope="session")
def stripe_url() -> Iterator[str]:
    """Where `localstripe` listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "localstripe", "--port", str(port), "--from-scratch"]
    with running(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        until(lambda: _listens(port), "localstripe listens")
        yield f"http://127.0.0.1:{port}"


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@pytest.fixture
async def provider(stripe_url: str) -> AsyncIterator[StripeProvider]:
    """The adapter."""
    provider = StripeProvider(API_KEY, ["whsec_newer", SECRET], stripe_url)
    yield provider
    await provider.aclose()


@pytest.fixture
async def buyer(stripe_url: str) -> AsyncIterator[Http]:
    """An HTTP client that does the requests of the buyer's page."""
    headers = {"authorization": f"Bearer {API_KEY}"}
    async with Http(base_url=stripe_url, headers=headers) as client:
        yield client


async def pay(buyer: Http, intent: str) -> None:
    """The buyer types a card in."""
    card = {f"card[{name}]": value for name, value in CARD.items()}
    method = await buyer.post("/v1/payment_methods", data={"type": "card", **card})
    method.raise_for_status()
    chosen = {"payment_method": method.json()["id"]}
    (await buyer.post(f"/v1/payment_intents/{intent}", data=chosen)).raise_for_status()
    (await buyer.post(f"/v1/payment_intents/{intent}/confirm")).raise_for_status()


async def started(
    provider: StripeProvider, payment_id: str = "4330000000000000000-p1", **about: Any
) -> Charge:
    """A payment that Stripe knows."""
    charge = structs.replace(CHARGE, payment_id=payment_id, **about)
    begun = await provider.start(charge)
    assert begun.client_token.startswith(begun.provider_ref)
    return structs.replace(charge, provider_ref=begun.provider_ref)


async def test_a_payment_goes_its_way(provider: StripeProvider, buyer: Http) -> None:
    charge = await started(provider)
    assert (await provider.query(charge)).kind is FactKind.OPEN
    await pay(buyer, charge.provider_ref)
    fact = await provider.query(charge)
    assert (fact.kind, fact.payment_id, fact.amount_minor, fact.currency) == (
        FactKind.CAPTURED,
        "4330000000000000000-p1",
        1_100,
        "EUR",
    )
    assert (await provider.close(charge)).kind is FactKind.CAPTURED


async def test_a_payment_that_stripe_has_a_number_for_is_not_made_again(
    provider: StripeProvider, buyer: Http
) -> None:
    charge = await started(provider, payment_id="4330000000000000001-p1")
    # Stripe has forgotten the key by then.
    again = await provider.start(structs.replace(charge, payment_id="4330000000000000001-p9"))
    assert again.provider_ref == charge.provider_ref
    assert again.client_token.startswith(charge.provider_ref)


async def test_an_unpaid_payment_can_be_closed(provider: StripeProvider) -> None:
    charge = await started(provider)
    assert (await provider.close(charge)).kind is FactKind.CLOSED
    assert (await provider.close(charge)).kind is FactKind.CLOSED
    assert (await provider.query(charge)).kind is FactKind.CLOSED


async def test_a_payment_that_it_never_heard_of_is_unknown(provider: StripeProvider) -> None:
    for reference in ("", "pi_unknown"):
        charge = structs.replace(CHARGE, provider_ref=reference)
        assert (await provider.query(charge)).kind is FactKind.UNKNOWN
        assert (await provider.close(charge)).kind is FactKind.UNKNOWN


async def test_a_payment_under_another_number_of_theirs_is_found_by_ours(
    buyer: Http,
) -> None:
    """`localstripe` has no search: what stands in front of it has."""
    await buyer.delete("/_config/data")

    async def answered(request: Request) -> Response:
        path = request.url.path
        if path.endswith("/search"):
            listed = (await buyer.get("/v1/payment_intents")).json()
            assert request.query_params["query"] == f"metadata['payment_id']:'{CHARGE.payment_id}'"
            return JSONResponse({**listed, "object": "search_result"})
        kind = {"content-type": request.headers.get("content-type", "")}
        answer = await buyer.request(
            request.method, path, content=await request.body(), headers=kind
        )
        return Response(answer.content, answer.status_code, media_type="application/json")

    every = Route("/{path:path}", answered, methods=["GET", "POST"])
    async with served(Starlette(routes=[every])) as url:
        provider = StripeProvider(API_KEY, [SECRET], url)
        charge = structs.replace(await started(provider), provider_ref="pi_unknown")
        assert (await provider.query(charge)).kind is FactKind.OPEN
        assert (await provider.close(charge)).kind is FactKind.CLOSED
        await provider.aclose()


async def test_money_goes_back_once_per_refund(provider: StripeProvider, buyer: Http) -> None:
    charge = await started(provider)
    await pay(buyer, charge.provider_ref)
    first = await provider.refund(charge, "4330000000000000000-r1", 400)
    assert (first.kind, first.refund_id, first.amount_minor) == (
        FactKind.REFUNDED,
        "4330000000000000000-r1",
        400,
    )
    assert await provider.refund(charge, "4330000000000000000-r1", 400) == first
    listed = await buyer.get("/v1/refunds", params={"payment_intent": charge.provider_ref})
    assert len(listed.json()["data"]) == 1


async def test_a_refund_of_a_payment_that_it_never_heard_of_fails(
    provider: StripeProvider,
) -> None:
    charge = structs.replace(CHARGE, provider_ref="pi_unknown")
    assert (
        await provider.refund(charge, "4330000000000000000-r1", 400)
    ).kind is FactKind.REFUND_FAILED


async def test_a_statement_has_the_days_money(provider: StripeProvider, buyer: Http) -> None:
    await buyer.delete("/_config/data")
    for number, payment_id in enumerate((f"{C}-p1", f"{A}-p1", f"{B}-p1")):
        charge = await started(provider, payment_id)
        if number:
            await pay(buyer, charge.provider_ref)
    await provider.refund(charge, "4340000000000000000-r1", 100)
    today = datetime.now(UTC).date()
    facts = await provider.statement(today)
    assert sorted((fact.kind, fact.refund_id or fact.payment_id) for fact in facts) == [
        (FactKind.CAPTURED, "4330000000000000000-p1"),
        (FactKind.CAPTURED, "4340000000000000000-p1"),
        (FactKind.REFUNDED, "4340000000000000000-r1"),
    ]
    assert await provider.statement(today - timedelta(days=1)) == []
    assert await provider.statement(today + timedelta(days=1)) == []


@pytest.mark.parametrize(
    ("currency", "amount_minor", "amount_there"),
    [
        ("EUR", 1_100, 1_100),
        ("JPY", 1_100, 1_100),
        ("ISK", 1_100, 110_000),
        ("UGX", 1_100, 110_000),
        ("MGA", 110_000, 1_100),
        ("KWD", 1_100, 1_100),
    ],
)
async def test_money_is_counted_as_stripe_does_there_and_in_minor_units_here(
    provider: StripeProvider,
    buyer: Http,
    currency: str,
    amount_minor: int,
    amount_there: int,
) -> None:
    await buyer.delete("/_config/data")
    charge = await started(provider, currency=currency, amount_minor=amount_minor)
    intent = await buyer.get(f"/v1/payment_intents/{charge.provider_ref}")
    assert intent.json()["amount"] == amount_there
    await pay(buyer, charge.provider_ref)
    assert (await provider.query(charge)).amount_minor == amount_minor
    back = await provider.refund(charge, "4330000000000000000-r1", amount_minor)
    assert back.amount_minor == amount_minor
    listed = await buyer.get("/v1/refunds", params={"payment_intent": charge.provider_ref})
    assert [refund["amount"] for refund in listed.json()["data"]] == [amount_there]
    facts = await provider.statement(datetime.now(UTC).date())
    assert [(fact.amount_minor, fact.currency) for fact in facts] == [(amount_minor, currency)] * 2


async def test_what_stripe_cannot_count_is_refused_with_a_way_out(
    provider: StripeProvider, buyer: Http
) -> None:
    with pytest.raises(ProviderRefuses, match=r"multiples of 0\.010 KWD only, not 1\.101 KWD"):
        await provider.start(structs.replace(CHARGE, currency="KWD", amount_minor=1_101))
    with pytest.raises(ProviderRefuses, match=r"multiples of 1\.00 MGA only, not 11\.01 MGA"):
        await provider.start(structs.replace(CHARGE, currency="MGA", amount_minor=1_101))
    charge = await started(provider, currency="KWD")
    await pay(buyer, charge.provider_ref)
    assert (await provider.refund(charge, "r", 101)).kind is FactKind.REFUND_FAILED


def test_every_amount_comes_back_as_it_was_sent() -> None:
    for currency, digits in MINOR_DIGITS.items():
        for amount_minor in (10**digits, 7 * 10**digits):
            assert from_stripe(to_stripe(amount_minor, currency), currency) == amount_minor


async def test_what_stripe_refuses_is_declined(provider: StripeProvider) -> None:
    with pytest.raises(ProviderRefuses):
        await provider.start(structs.replace(CHARGE, amount_minor=-1))


REFUND = {
    "object": "refund",
    "id": "re_1",
    "amount": 700,
    "currency": "eur",
    "status": "succeeded",
    "created": 1,
    "payment_intent": "pi_1",
    "metadata": None,
}
CHARGE_REFUNDED = {
    "object": "charge",
    "id": "ch_1",
    "payment_intent": {"id": "pi_1"},
    "amount_refunded": 700,
    "metadata": {},
}


def _dispute(status: str) -> dict[str, Any]:
    return {**DISPUTE, "status": status}


DISPUTE = {"object": "dispute", "id": "dp_1", "payment_intent": "pi_1", "amount": 700}


@pytest.mark.parametrize(
    ("kind", "thing", "read"),
    [
        ("refund.created", REFUND, FactKind.REFUNDED),
        ("charge.refund.updated", REFUND, FactKind.REFUNDED),
        ("charge.refunded", CHARGE_REFUNDED, FactKind.REFUNDED_IN_ALL),
        ("charge.dispute.created", DISPUTE, FactKind.DISPUTED),
        ("charge.dispute.closed", DISPUTE, FactKind.DISPUTED),
        ("charge.dispute.created", _dispute("warning_needs_response"), FactKind.DISPUTE_ASKED),
        ("charge.dispute.closed", _dispute("warning_closed"), None),
        ("charge.dispute.updated", _dispute("under_review"), FactKind.DISPUTE_REVIEWED),
        ("charge.dispute.funds_reinstated", _dispute("won"), FactKind.DISPUTE_WON),
        ("charge.dispute.closed", _dispute("lost"), FactKind.DISPUTE_LOST),
        ("charge.succeeded", CHARGE_REFUNDED, None),
        ("payout.paid", {"object": "payout", "id": "po_1"}, None),
    ],
)
def test_what_is_done_in_stripes_dashboard_is_read(
    kind: str, thing: dict[str, Any], read: FactKind | None
) -> None:
    callback = callback_of(kind, thing)
    assert callback.about == kind
    fact = callback.fact
    assert (fact and fact.kind) == read
    if fact is not None:
        assert (fact.payment_id, fact.payment_ref, fact.amount_minor) == ("", "pi_1", 700)


def callback_of(kind: str, thing: dict[str, Any]) -> Callback:
    """An event of Stripe's, signed and read."""
    body = json.dumps({"id": "evt_1", "type": kind, "data": {"object": thing}}).encode()
    at_s = int(time.time())
    signature = hmac.new(SECRET.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"stripe-signature": f"t={at_s},v1={signature}"}
    return StripeProvider(API_KEY, [SECRET]).verify_callback(body, headers, time.time())


async def test_a_refund_of_stripes_dashboard_is_matched_by_the_number_of_its_payment(
    world: World,
) -> None:
    await world.place()
    payment = await world.begin()
    known = {**REFUND, "payment_intent": payment.provider_ref}
    facts = [callback_of("refund.created", each).fact for each in (known, REFUND)]
    numbered = partial(with_our_numbers, provider="sandbox", facts=[fact for fact in facts if fact])
    ours, stray = await world.orders.read(numbered)
    assert (ours.payment_id, stray.payment_id) == (payment.payment_id, "")
    others = partial(with_our_numbers, provider="stripe", facts=[ours])
    assert await world.orders.read(others) == [ours]


async def test_a_silent_stripe_is_unreachable() -> None:
    provider = StripeProvider(API_KEY, [SECRET], "http://127.0.0.1:9")
    for call in (
        provider.start(CHARGE),
        provider.query(CHARGE),
        provider.close(CHARGE),
        provider.refund(structs.replace(CHARGE, provider_ref="pi_1"), "r", 1),
        provider.statement(datetime.now(UTC).date()),
    ):
        with pytest.raises(ProviderUnreachable):
            await call
    await provider.aclose()


async def test_an_order_is_paid_by_the_callback_that_stripe_signs(
    provider: StripeProvider, buyer: Http, world: World
) -> None:
    """The whole way: begun, paid on the page, reported by a callback over HTTP, each event once."""
    providers = {"stripe": provider}
    route = payment_callbacks(world.orders, providers, time.time)
    taken = asyncio.Event()
    bodies: list[Any] = []

    async def passed_on(request: Request) -> Response:
        body = await request.body()
        if attempt.payment.provider_ref.encode() not in body:
            return Response()  # about a payment of an earlier test: it tells a second later
        answer = await world.http.post(
            f"{url}/callbacks/stripe", content=body, headers=dict(request.headers)
        )
        bodies.append((body, dict(request.headers), answer.status_code))
        taken.set()
        return Response(status_code=answer.status_code)

    front = Starlette(routes=[Route("/", passed_on, methods=["POST"])])
    async with served(Starlette(routes=[route])) as url, served(front) as front_url:
        await buyer.post("/_config/webhooks/w", data={"url": f"{front_url}/", "secret": SECRET})
        await world.place(currency="EUR")
        desk = PaymentDesk(world.orders, providers, methods_of(["stripe"]))
        attempt = await desk.start("default", "4330000000000000000", "try-1", "stripe")
        await pay(buyer, attempt.payment.provider_ref)
        async with asyncio.timeout(PATIENCE_S):
            # Stripe reports events that do not matter to us, too, in any order.
            while True:
                taken.clear()
                if (order := await world.order()).state is OrderState.CONFIRMING:
                    break
                await taken.wait()
        body, headers, status = bodies[-1]
        assert status == 200
        again = await world.http.post(f"{url}/callbacks/stripe", content=body, headers=headers)
        assert again.status_code == 200
        assert (await world.order()).version == order.version
        forged = await world.http.post(
            f"{url}/callbacks/stripe",
            content=body + b" ",
            headers={"stripe-signature": headers["stripe-signature"]},
        )
        assert forged.status_code == 400
