"""Refunds that Stripe refuses: each attempt is made once, and another one really is another."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from order_service.payment.providers.port import Charge, FactKind
from order_service.payment.providers.stripe import StripeProvider
from tests.order_service.payment.http import served

CHARGE = Charge("4330000000000000000-p1", "pi_1", 1_100, "EUR", "stripe")
REFUND_ID = "4330000000000000000-r1"


class Refunds:
    """Stripe's refunds and its memory for idempotency keys; `localstripe` has neither.

    The next refund gets `status`; "" is an error.
    """

    def __init__(self) -> None:
        self.status = "succeeded"
        self.made: list[dict[str, Any]] = []
        self._answers: dict[str, tuple[Any, int]] = {}
        self.routes = [
            Route("/v1/refunds", self._list, methods=["GET"]),
            Route("/v1/refunds", self._make, methods=["POST"]),
        ]

    async def _list(self, _request: Request) -> Response:
        about = {"object": "list", "url": "/v1/refunds", "has_more": False}
        return JSONResponse({**about, "data": self.made[::-1]})

    async def _make(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        key = request.headers["idempotency-key"]
        if key not in self._answers:
            self._answers[key] = self._answer_to(form)
        return JSONResponse(*self._answers[key])

    def _answer_to(self, form: dict[str, str]) -> tuple[Any, int]:
        if not self.status:
            return {"error": {"type": "invalid_request_error", "code": "charge_disputed"}}, 400
        refund = {
            "object": "refund",
            "id": f"re_{len(self.made) + 1}",
            "status": self.status,
            "amount": int(form["amount"]),
            "currency": "eur",
            "created": 2_000_000_000,
            "metadata": {
                name: form[f"metadata[{name}]"] for name in ("refund_id", "payment_id", "attempt")
            },
        }
        self.made.append(refund)
        return refund, 200


@pytest.fixture
def refunds() -> Refunds:
    """Stripe's refunds."""
    return Refunds()


@pytest.fixture
async def provider(refunds: Refunds) -> AsyncIterator[StripeProvider]:
    """The adapter."""
    async with served(Starlette(routes=refunds.routes)) as url:
        provider = StripeProvider("sk_test_key", ["whsec_stripe"], url)
        yield provider
        await provider.aclose()


async def attempted(provider: StripeProvider, attempt: int) -> tuple[FactKind, str]:
    """Attempts a refund; the kind of the fact that comes of it, and its reference."""
    fact = await provider.refund(CHARGE, REFUND_ID, 400, attempt)
    return fact.kind, fact.provider_ref


@pytest.mark.parametrize("refused", ["failed", "canceled"])
async def test_a_refused_refund_is_tried_again_once_an_attempt(
    provider: StripeProvider, refunds: Refunds, refused: str
) -> None:
    for attempt, reference in ((0, "re_1"), (5, "re_2")):
        refunds.status = refused
        assert await attempted(provider, attempt) == (FactKind.REFUND_FAILED, reference)
        # The answer was lost: the result is read from Stripe, and no refund is tried.
        refunds.status = "succeeded"
        assert await attempted(provider, attempt) == (FactKind.REFUND_FAILED, reference)
    assert await attempted(provider, 9) == (FactKind.REFUNDED, "re_3")
    for attempt in (0, 5, 9, 11):
        assert await attempted(provider, attempt) == (FactKind.REFUNDED, "re_3")
    assert len(refunds.made) == 3


async def test_what_was_refused_with_an_error_is_tried_again_in_another_attempt(
    provider: StripeProvider, refunds: Refunds
) -> None:
    refunds.status = ""
    assert await attempted(provider, 0) == (FactKind.REFUND_FAILED, "")
    refunds.status = "succeeded"
    assert await attempted(provider, 0) == (FactKind.REFUND_FAILED, "")
    assert await attempted(provider, 4) == (FactKind.REFUNDED, "re_1")


async def test_money_that_is_on_its_way_is_not_sent_again(
    provider: StripeProvider, refunds: Refunds
) -> None:
    refunds.status = "pending"
    for attempt in (0, 3):
        assert await attempted(provider, attempt) == (FactKind.OPEN, "re_1")
    refunds.made[0]["status"] = "failed"
    assert await attempted(provider, 0) == (FactKind.REFUND_FAILED, "re_1")
    assert len(refunds.made) == 1
