"""The adapter of the built-in sandbox provider (`order_service/sandbox`), over HTTP."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, TypeVar

import httpx
import msgspec
from standardwebhooks import Webhook

from order_service.http.signatures import CallbackForged, verify_standard
from order_service.payment.providers.port import (
    Callback,
    Charge,
    Fact,
    FactKind,
    ProviderRefuses,
    ProviderUnreachable,
    Started,
)

TIMEOUT_S: Final = 5.0
CONNECTIONS_MAX: Final = 100

T = TypeVar("T")

_facts = msgspec.json.Decoder(Fact)


class _StartedBody(msgspec.Struct):
    provider_ref: str
    action_url: str


class _StatementBody(msgspec.Struct):
    entries: list[Fact]
    next_cursor: str


_started = msgspec.json.Decoder(_StartedBody)
_statement = msgspec.json.Decoder(_StatementBody)


class SandboxProvider:
    """Speaks to a sandbox provider at `base_url`, such as `http://127.0.0.1:7650/provider`.

    `secrets` are those that callbacks may be signed with: the newest first, and former ones.
    """

    def __init__(self, base_url: str, api_key: str, secrets: Sequence[str]) -> None:
        self._http = httpx.AsyncClient(
            base_url=base_url,
            headers={"authorization": f"Bearer {api_key}"},
            timeout=TIMEOUT_S,
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
        )
        self._keys = [Webhook(secret) for secret in secrets]

    async def start(self, charge: Charge) -> Started:
        """See `Provider`."""
        body = {
            "payment_id": charge.payment_id,
            "amount_minor": charge.amount_minor,
            "currency": charge.currency,
            "method": charge.method,
        }
        started = _sensible(_started, await self._send("POST", "/v1/payments", json=body))
        return Started(started.provider_ref, started.action_url)

    async def query(self, charge: Charge) -> Fact:
        """See `Provider`."""
        return _fact(await self._send_about(charge, "GET"), charge)

    async def close(self, charge: Charge) -> Fact:
        """See `Provider`."""
        return _fact(await self._send_about(charge, "POST", "/close"), charge)

    async def refund(
        self, charge: Charge, refund_id: str, amount_minor: int, attempt: int = 0
    ) -> Fact:
        """See `Provider`. The sandbox tries again whatever it has refused."""
        body = {"refund_id": refund_id, "amount_minor": amount_minor}
        try:
            answer = await self._send_about(charge, "POST", "/refunds", json=body)
        except ProviderRefuses:
            return Fact(FactKind.REFUND_FAILED, charge.payment_id, refund_id=refund_id)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return Fact(FactKind.REFUND_FAILED, charge.payment_id, refund_id=refund_id)
        return _sensible(_facts, answer)

    async def statement(self, day: date) -> list[Fact]:
        """See `Provider`."""
        entries: list[Fact] = []
        cursor = ""
        while True:
            answer = await self._send(
                "GET", f"/v1/statements/{day.isoformat()}", params={"cursor": cursor}
            )
            page = _sensible(_statement, answer)
            entries += page.entries
            cursor = page.next_cursor
            if not cursor:
                return entries

    def verify_callback(
        self, raw_body: bytes, headers: Mapping[str, str], now_s: float
    ) -> Callback:
        """See `Provider`."""
        event_id = verify_standard(raw_body, headers, self._keys, now_s)
        try:
            return Callback(event_id, _facts.decode(raw_body))
        except msgspec.DecodeError as error:
            raise CallbackForged("it is signed, but says nothing that can be read") from error

    async def aclose(self) -> None:
        """See `Provider`."""
        await self._http.aclose()

    async def _send_about(
        self, charge: Charge, verb: str, what: str = "", **content: Any
    ) -> httpx.Response:
        """An answer about a payment: by the provider's number, and where it has none such by ours.

        Only who knows neither was never told of it.
        """
        path = "/v1/payments"
        if charge.provider_ref:
            answer = await self._send(verb, f"{path}/{charge.provider_ref}{what}", **content)
            if answer.status_code != httpx.codes.NOT_FOUND:
                return answer
        return await self._send(verb, f"{path}/{charge.payment_id}{what}", **content)

    async def _send(self, verb: str, path: str, **content: Any) -> httpx.Response:
        """An answer of the provider, which may be that it does not know the payment."""
        try:
            answer = await self._http.request(verb, path, **content)
        except httpx.HTTPError as error:
            raise ProviderUnreachable(type(error).__name__) from error
        if answer.is_success or answer.status_code == httpx.codes.NOT_FOUND:
            return answer
        if answer.status_code in (httpx.codes.PAYMENT_REQUIRED, httpx.codes.CONFLICT):
            raise ProviderRefuses(str(answer.status_code))
        raise ProviderUnreachable(f"status {answer.status_code}")


def _fact(answer: httpx.Response, charge: Charge) -> Fact:
    if answer.status_code == httpx.codes.NOT_FOUND:
        return Fact(FactKind.UNKNOWN, charge.payment_id)
    return _sensible(_facts, answer)


def _sensible(decoder: "msgspec.json.Decoder[T]", answer: httpx.Response) -> T:
    try:
        return decoder.decode(answer.content)
    except msgspec.DecodeError as error:
        raise ProviderUnreachable("its answer cannot be read") from error
