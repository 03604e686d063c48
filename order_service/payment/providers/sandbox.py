"""The adapter of the built-in sandbox provider (`order_service/sandbox`), over HTTP."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import msgspec
from standardwebhooks import Webhook

from order_service.http.json_client import JsonClient
from order_service.http.signatures import CallbackUnreadable, verify_standard
from order_service.payment.providers.port import (
    Callback,
    Charge,
    Fact,
    FactKind,
    ProviderRefuses,
    ProviderUnreachable,
    Started,
)
from order_service.payment.providers.rows import readable
from serving.http_client import HttpClient

SILENCE_S_MAX: Final = 5.0
NAME: Final = "sandbox"
_read_fact: Final = msgspec.json.Decoder(Fact).decode


class _StartedBody(msgspec.Struct):
    provider_ref: str
    action_url: str


class _StatementBody(msgspec.Struct):
    entries: list[msgspec.Raw]
    next_cursor: str


class SandboxProvider:
    """Speaks to a sandbox provider at `base_url`, such as `http://127.0.0.1:7650/provider`.

    `secrets` are those that callbacks may be signed with: the newest first, and former ones.
    """

    def __init__(self, base_url: str, api_key: str, secrets: Sequence[str]) -> None:
        headers = {"authorization": f"Bearer {api_key}"}
        self._http = JsonClient(
            HttpClient(base_url, headers=headers, silence_s_max=SILENCE_S_MAX),
            ProviderUnreachable,
            {
                status: partial(_refused, status=status)
                for status in (HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.CONFLICT)
            },
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
        started = await self._http.ask(_StartedBody, "POST", "/v1/payments", json=body)
        return Started(started.provider_ref, started.action_url)

    async def query(self, charge: Charge) -> Fact:
        """See `Provider`."""
        return await self._find(charge, "GET") or Fact(FactKind.UNKNOWN, charge.payment_id)

    async def close(self, charge: Charge) -> Fact:
        """See `Provider`."""
        closed = await self._find(charge, "POST", "/close")
        return closed or Fact(FactKind.UNKNOWN, charge.payment_id)

    async def refund(
        self, charge: Charge, refund_id: str, amount_minor: int, attempt: int = 0
    ) -> Fact:
        """See `Provider`. The sandbox tries again whatever it has refused."""
        body = {"refund_id": refund_id, "amount_minor": amount_minor}
        made: Fact | None = None
        with suppress(ProviderRefuses):
            made = await self._find(charge, "POST", "/refunds", json=body)
        return made or Fact(FactKind.REFUND_FAILED, charge.payment_id, refund_id=refund_id)

    async def refunds(self, charge: Charge) -> list[Fact]:
        """See `Provider`."""
        for number in filter(None, (charge.provider_ref, charge.payment_id)):
            path = f"/v1/payments/{number}/refunds"
            made = await self._http.find(list[msgspec.Raw], "GET", path)
            if made is not None:
                return readable(NAME, made, _read_fact)
        return []

    async def statement(self, day: date) -> list[Fact]:
        """See `Provider`."""
        entries: list[Fact] = []
        cursor = ""
        while True:
            path = f"/v1/statements/{day.isoformat()}"
            page = await self._http.ask(_StatementBody, "GET", path, params={"cursor": cursor})
            entries += readable(NAME, page.entries, _read_fact)
            cursor = page.next_cursor
            if not cursor:
                return entries

    def verify_callback(
        self, raw_body: bytes, headers: Mapping[str, str], now_s: float
    ) -> Callback:
        """See `Provider`."""
        event_id = verify_standard(raw_body, headers, self._keys, now_s)
        try:
            return Callback(event_id, msgspec.json.decode(raw_body, type=Fact))
        except (msgspec.DecodeError, ProviderUnreachable) as error:
            raise CallbackUnreadable(type(error).__name__) from error

    async def aclose(self) -> None:
        """See `Provider`."""
        await self._http.aclose()

    async def _find(
        self, charge: Charge, verb: str, subpath: str = "", **content: Any
    ) -> Fact | None:
        """A fact of a payment: by the provider's number, and where it has none such by ours.

        None: it knows neither number, so it was never told of the payment.
        """
        for number in filter(None, (charge.provider_ref, charge.payment_id)):
            path = f"/v1/payments/{number}{subpath}"
            found = await self._http.find(Fact, verb, path, **content)
            if found is not None:
                return found
        return None


def _refused(_body: bytes, status: int) -> ProviderRefuses:
    return ProviderRefuses(str(int(status)))
