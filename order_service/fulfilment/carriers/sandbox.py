"""The adapter of the built-in sandbox carrier (`order_service/sandbox`), over HTTP."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog
from standardwebhooks import Webhook

from order_service.fulfilment.carriers.port import (
    CarrierEvent,
    CarrierRefuses,
    CarrierShipment,
    CarrierUnreachable,
    Label,
    Quote,
)
from order_service.http.json_client import JsonClient
from order_service.http.signatures import CallbackUnreadable, verify_standard
from serving.http_client import HttpClient

log = structlog.get_logger()

NAME: Final = "sandbox"
SILENCE_S_MAX: Final = 5.0


class _Offer(msgspec.Struct):
    service: str
    freight_minor: int
    currency: str
    transit_ms: int


class _Offers(msgspec.Struct):
    offers: list[_Offer]


class _Events(msgspec.Struct):
    events: list[msgspec.Raw]


class _Intercepted(msgspec.Struct):
    accepted: bool


class _Problem(msgspec.Struct):
    error: str


class SandboxCarrier:
    """Speaks to a sandbox carrier at `base_url`, such as `http://127.0.0.1:7650/carrier`.

    `secrets` are those that callbacks may be signed with: the newest first, and former ones.
    """

    def __init__(self, base_url: str, api_key: str, secrets: Sequence[str]) -> None:
        headers = {"authorization": f"Bearer {api_key}"}
        self._http = JsonClient(
            HttpClient(base_url, headers=headers, silence_s_max=SILENCE_S_MAX),
            CarrierUnreachable,
            {HTTPStatus.CONFLICT: _refused},
        )
        self._keys = [Webhook(secret) for secret in secrets]

    async def quote(self, shipment: CarrierShipment) -> list[Quote]:
        """See `Carrier`."""
        answer = await self._http.ask(_Offers, "POST", "/v1/quotes", json=_body_of(shipment))
        return [
            Quote(NAME, offer.service, offer.freight_minor, offer.currency, offer.transit_ms)
            for offer in answer.offers
        ]

    async def label(self, shipment: CarrierShipment, service: str) -> Label:
        """See `Carrier`."""
        body = {**_body_of(shipment), "service": service}
        return await self._http.ask(Label, "PUT", f"/v1/labels/{shipment.shipment_id}", json=body)

    async def void(self, shipment_id: str) -> None:
        """See `Carrier`."""
        await self._http.send("DELETE", f"/v1/labels/{shipment_id}")

    async def intercept(self, shipment_id: str) -> bool | None:
        """See `Carrier`."""
        path = f"/v1/parcels/{shipment_id}/intercept"
        answer = await self._http.ask(_Intercepted, "POST", path)
        return answer.accepted

    async def track(self, shipment_id: str) -> list[CarrierEvent]:
        """See `Carrier`."""
        answer = await self._http.find(_Events, "GET", f"/v1/parcels/{shipment_id}/events")
        return _readable(answer.events) if answer else []

    def read_callback(
        self, raw_body: bytes, headers: Mapping[str, str], now_s: float
    ) -> Sequence[CarrierEvent]:
        """See `Carrier`."""
        verify_standard(raw_body, headers, self._keys, now_s)
        try:
            return [msgspec.json.decode(raw_body, type=CarrierEvent)]
        except (msgspec.DecodeError, CarrierUnreachable) as error:
            raise CallbackUnreadable(type(error).__name__) from error

    async def aclose(self) -> None:
        """See `Carrier`."""
        await self._http.aclose()


def _readable(events: Sequence[msgspec.Raw]) -> list[CarrierEvent]:
    """The events that can be read; another says nothing of these."""
    found = []
    for event in events:
        try:
            found.append(msgspec.json.decode(event, type=CarrierEvent))
        except (msgspec.DecodeError, CarrierUnreachable):
            log.warning("an event of a parcel cannot be read", carrier=NAME)
    return found


def _body_of(shipment: CarrierShipment) -> dict[str, Any]:
    """The request about a parcel. The sandbox only pretends to go there, so no name or street."""
    return {
        "country": shipment.delivery.country,
        "weight_g": shipment.weight_g,
        "currency": shipment.currency,
        "collect_minor": shipment.collect_minor,
    }


def _refused(body: bytes) -> CarrierRefuses:
    return CarrierRefuses(msgspec.json.decode(body, type=_Problem).error)
