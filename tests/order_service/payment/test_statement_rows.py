"""A statement is judged row by row: a bad row is left aside, the others have their effect (B3)."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from order_service.payment.providers.port import Fact, FactKind
from order_service.payment.providers.rows import readable
from order_service.payment.providers.stripe import StripeProvider
from tests.order_service.payment.http import served

NOON_S = int(datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp())
DAY = datetime.fromtimestamp(NOON_S, UTC).date()


def intent(number: int, **values: Any) -> dict[str, Any]:
    """An event that an intent has succeeded."""
    about = {"id": f"pi_{number}", "status": "succeeded", "amount": 5, "currency": "eur"}
    about |= {"created": NOON_S, "metadata": {"payment_id": f"p{number}"}}
    return {"id": f"evt_{number}", "object": "event", "data": {"object": about | values}}


def refund(number: int, **values: Any) -> dict[str, Any]:
    """A refund that has gone."""
    about = {"id": f"re_{number}", "object": "refund", "status": "succeeded", "amount": 5}
    about |= {"currency": "eur", "created": NOON_S, "metadata": {}, "payment_intent": "pi_1"}
    return about | values


EVENTS = (
    intent(1),
    intent(2, amount=-5),
    intent(3, currency=None),
    intent(4, metadata=None),
    {"id": "evt_5", "object": "event", "data": None},
    intent(6, metadata={}),
    intent(7, metadata={}),
)
REFUNDS = (
    refund(1),
    refund(2, created=None),
    refund(3, amount="all"),
    refund(4, id="x" * 300),
    refund(5, metadata=None),
)


async def _list(request: Request) -> Response:
    data = EVENTS if "events" in request.url.path else REFUNDS
    about = {"object": "list", "url": request.url.path, "has_more": False}
    return JSONResponse({**about, "data": data})


async def test_a_bad_row_of_stripes_statement_is_left_aside() -> None:
    routes = [Route("/v1/events", _list), Route("/v1/refunds", _list)]
    with capture_logs() as logs:
        async with served(Starlette(routes=routes)) as url:
            provider = StripeProvider("sk_test_1", ["whsec_1"], url)
            facts = await provider.statement(DAY)
            await provider.aclose()
    assert [(fact.kind, fact.provider_ref) for fact in facts] == [
        (FactKind.CAPTURED, "pi_1"),
        (FactKind.CAPTURED, "pi_6"),
        (FactKind.CAPTURED, "pi_7"),
        (FactKind.REFUNDED, "re_1"),
        (FactKind.REFUNDED, "re_5"),
    ]
    logged = [(each["row"], each["problem"]) for each in logs if "cannot be read" in each["event"]]
    assert logged == [
        ("evt_2", "ProviderUnreachable"),
        ("evt_3", "AttributeError"),
        ("evt_4", "AttributeError"),
        ("evt_5", "TypeError"),
        ("re_2", "TypeError"),
        ("re_3", "TypeError"),
        ("x" * 255, "ProviderUnreachable"),
    ]


@pytest.mark.parametrize("bad", [b"1", b"{}", b'{"kind":"CAPTURED","payment_id":7}', b"{"])
def test_a_bad_row_of_another_list_is_left_aside(bad: bytes) -> None:
    good = msgspec.json.encode(Fact(FactKind.REFUNDED, "p1", "ref", 5, "EUR"))
    read = msgspec.json.Decoder(Fact).decode
    assert [fact.payment_id for fact in readable("sandbox", [bad, good], read)] == ["p1"]
