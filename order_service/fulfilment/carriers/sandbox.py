"""The adapter of the built-in sandbox carrier (`order_service/sandbox`), over HTTP."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

import httpx
import msgspec
from standardwebhooks import Webhook

from order_service.fulfilment.carriers.port import (
    CarrierEvent,
    CarrierRefuses,
    CarrierUnreachable,
    Label,
    Parcel,
    Quote,
)
from order_service.http.signatures import CallbackForged, verify_standard

NAME: Final = "sandbox"
TIMEOUT_S: Final = 5.0
CONNECTIONS_MAX: Final = 50

T = TypeVar("T")


class _Offer(msgspec.Struct):
    service: str
    freight_minor: int
    currency: str
    transit_ms: int


class _Offers(msgspec.Struct):
    offers: list[_Offer]


class _Events(msgspec.Struct):
    events: list[CarrierEvent]


class _Problem(msgspec.Struct):
    error: str


_offers = msgspec.json.Decoder(_Offers)
_label = msgspec.json.Decoder(Label)
_events = msgspec.json.Decoder(_Events)
_event = msgspec.json.Decoder(CarrierEvent)
_problem = msgspec.json.Decoder(_Problem)


class SandboxCarrier:
    """Speaks to a sandbox carrier at `base_url`, such as `http://127.0.0.1:7650/carrier`.

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

    async def quote(self, parcel: Parcel) -> list[Quote]:
        """See `Carrier`."""
        answer = await self._send("POST", "/v1/quotes", json=_body_of(parcel))
        return [
            Quote(NAME, offer.service, offer.freight_minor, offer.currency, offer.transit_ms)
            for offer in _sensible(_offers, answer).offers
        ]

    async def label(self, parcel: Parcel, service: str) -> Label:
        """See `Carrier`."""
        body = {**_body_of(parcel), "service": service}
        answer = await self._send("PUT", f"/v1/labels/{parcel.shipment_id}", json=body)
        return _sensible(_label, answer)

    async def void(self, shipment_id: str) -> None:
        """See `Carrier`."""
        await self._send("DELETE", f"/v1/labels/{shipment_id}", unknown_is_fine=True)

    async def track(self, shipment_id: str) -> list[CarrierEvent]:
        """See `Carrier`."""
        path = f"/v1/parcels/{shipment_id}/events"
        answer = await self._send("GET", path, unknown_is_fine=True)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return []
        return _sensible(_events, answer).events

    def read_callback(
        self, raw_body: bytes, headers: Mapping[str, str], now_s: float
    ) -> Sequence[CarrierEvent]:
        """See `Carrier`."""
        verify_standard(raw_body, headers, self._keys, now_s)
        try:
            return [_event.decode(raw_body)]
        except msgspec.DecodeError as error:
            raise CallbackForged("it is signed, but says nothing that can be read") from error

    async def aclose(self) -> None:
        """See `Carrier`."""
        await self._http.aclose()

    async def _send(
        self, verb: str, path: str, *, unknown_is_fine: bool = False, **content: Any
    ) -> httpx.Response:
        try:
            answer = await self._http.request(verb, path, **content)
        except httpx.HTTPError as error:
            raise CarrierUnreachable(type(error).__name__) from error
        if answer.is_success:
            return answer
        if answer.status_code == httpx.codes.NOT_FOUND and unknown_is_fine:
            return answer
        if answer.status_code == httpx.codes.CONFLICT:
            raise CarrierRefuses(_sensible(_problem, answer).error)
        raise CarrierUnreachable(f"status {answer.status_code}")


def _body_of(parcel: Parcel) -> dict[str, Any]:
    """What it needs to know: not who lives there, because it only pretends to go there."""
    return {
        "country": parcel.delivery.country,
        "weight_g": parcel.weight_g,
        "currency": parcel.currency,
        "collect_minor": parcel.collect_minor,
    }


def _sensible(decoder: "msgspec.json.Decoder[T]", answer: httpx.Response) -> T:
    try:
        return decoder.decode(answer.content)
    except msgspec.DecodeError as error:
        raise CarrierUnreachable("its answer cannot be read") from error
