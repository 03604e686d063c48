"""The adapter of EasyPost, which sells the services of many carriers, over HTTP.

EasyPost keeps our shipment id as the `reference` of its shipment and finds it by that, so a waybill
is bought once however often it is asked for. Its own SDK is synchronous and is not used here.

It does not tell what was collected at the door: CASH_COLLECTED is recorded by hand.
"""

import hashlib
import hmac
import math
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from http import HTTPStatus
from typing import Any, Final

import msgspec

from holdfast.money import MINOR_DIGITS
from order_service.fulfilment.carriers.port import (
    CarrierEvent,
    CarrierRefuses,
    CarrierShipment,
    CarrierUnreachable,
    Label,
    Quote,
)
from order_service.fulfilment.timers import DAY_MS
from order_service.http.json_client import JsonClient
from order_service.http.signatures import CallbackForged
from order_service.order.records import TrackingKind

NAME: Final = "easypost"
URL: Final = "https://api.easypost.com/v2"
TIMEOUT_S: Final = 15.0
GRAMS_PER_OUNCE: Final = 28.349523125
TRANSIT_DAYS_UNKNOWN: Final = 14
"""The promise assumed of a service that makes none."""


class _Rate(msgspec.Struct):
    id: str
    carrier: str
    service: str
    rate: str
    currency: str
    delivery_days: int | None = None
    est_delivery_days: int | None = None


class _TrackingDetail(msgspec.Struct):
    datetime: str
    status: str = ""
    status_detail: str | None = None
    tracking_location: dict[str, str | None] | None = None


class _Tracker(msgspec.Struct):
    tracking_code: str
    tracking_details: list[_TrackingDetail] = []


class _Shipment(msgspec.Struct):
    id: str
    rates: list[_Rate] = []
    selected_rate: _Rate | None = None
    tracking_code: str | None = None
    tracker: _Tracker | None = None
    refund_status: str | None = None


class _Event(msgspec.Struct):
    description: str
    result: msgspec.Raw


class _Code(msgspec.Struct):
    code: str = ""


class _Problem(msgspec.Struct):
    error: _Code


_K = TrackingKind
# By EasyPost's `status_detail`, where that tells more than its `status`.
_OF_DETAIL: Final = {
    "lost": _K.LOST,
    "damaged": _K.DAMAGED,
    "arrived_at_facility": _K.HUB,
    "departed_facility": _K.HUB,
}
_OF_STATUS: Final = {
    "in_transit": _K.IN_TRANSIT,
    "out_for_delivery": _K.OUT_FOR_DELIVERY,
    "delivered": _K.SIGNED,
    "available_for_pickup": _K.HUB,
    "return_to_sender": _K.ATTEMPT_FAILED,
    "failure": _K.ATTEMPT_FAILED,
}


class EasyPostCarrier:
    """Speaks to EasyPost. `origins` are the ids of its addresses of our warehouses, by location.

    `secrets` are those that callbacks may be signed with; `url` is for tests.
    """

    def __init__(
        self, api_key: str, secrets: Sequence[str], origins: Mapping[str, str], url: str = ""
    ) -> None:
        self._http = JsonClient(
            CarrierUnreachable,
            {HTTPStatus.BAD_REQUEST: _refused, HTTPStatus.UNPROCESSABLE_ENTITY: _refused},
            base_url=url or URL,
            auth=(api_key, ""),
            timeout=TIMEOUT_S,
        )
        self._keys = [unicodedata.normalize("NFKD", secret).encode() for secret in secrets]
        self._origins = origins

    async def quote(self, ours: CarrierShipment) -> list[Quote]:
        """See `Carrier`. It offers nothing for warehouses whose address it does not have."""
        if ours.location not in self._origins:
            return []
        try:
            shipment = await self._created(ours)
        except CarrierRefuses:
            return []
        return [
            Quote(NAME, _service(rate), freight_minor, rate.currency, _transit_ms(rate))
            for rate in shipment.rates
            if (freight_minor := _minor(rate)) is not None
        ]

    async def label(self, ours: CarrierShipment, service: str) -> Label:
        """See `Carrier`."""
        shipment = await self._created(ours)
        if shipment.selected_rate is None:
            rates = [rate for rate in shipment.rates if _service(rate) == service]
            if not rates:
                raise CarrierRefuses("the service is not offered any more")
            body = {"rate": {"id": rates[0].id}}
            url = f"/shipments/{shipment.id}/buy"
            shipment = await self._http.ask(_Shipment, "POST", url, json=body)
        return _label_of(shipment)

    async def void(self, shipment_id: str) -> None:
        """See `Carrier`."""
        shipment = await self._find(shipment_id)
        if shipment is None or shipment.selected_rate is None or shipment.refund_status:
            return
        await self._http.ask(msgspec.Raw, "POST", f"/shipments/{shipment.id}/refund")

    async def track(self, shipment_id: str) -> list[CarrierEvent]:
        """See `Carrier`."""
        shipment = await self._find(shipment_id)
        if shipment is None or shipment.tracker is None:
            return []
        return _events_of(shipment.tracker)

    def read_callback(
        self, raw_body: bytes, headers: Mapping[str, str], now_s: float
    ) -> Sequence[CarrierEvent]:
        """See `Carrier`. EasyPost signs no time: an old callback is known by its events' ids."""
        given = headers.get("x-hmac-signature", "").encode()
        expected = (_signature(key, raw_body) for key in self._keys)
        if not any(hmac.compare_digest(signature, given) for signature in expected):
            raise CallbackForged("no signature of it is right")
        try:
            event = msgspec.json.decode(raw_body, type=_Event)
            if not event.description.startswith("tracker."):
                return []
            return _events_of(msgspec.json.decode(event.result, type=_Tracker))
        except (msgspec.DecodeError, ValueError, CarrierUnreachable) as error:
            raise CallbackForged("it is signed, but says nothing that can be read") from error

    async def aclose(self) -> None:
        """See `Carrier`."""
        await self._http.aclose()

    async def _created(self, ours: CarrierShipment) -> _Shipment:
        """EasyPost's shipment for a parcel: found, else made."""
        found = await self._find(ours.shipment_id)
        if found is not None:
            return found
        return await self._http.ask(_Shipment, "POST", "/shipments", json=self._body_of(ours))

    async def _find(self, shipment_id: str) -> _Shipment | None:
        return await self._http.find(_Shipment, "GET", f"/shipments/{shipment_id}")

    def _body_of(self, ours: CarrierShipment) -> dict[str, Any]:
        delivery = ours.delivery
        options: dict[str, Any] = {}
        if ours.collect_minor:
            digits = MINOR_DIGITS[ours.currency]
            amount = Decimal(ours.collect_minor).scaleb(-digits)
            options = {"cod_amount": str(amount), "cod_method": "CASH"}
        to_address = {
            "name": delivery.name,
            "phone": delivery.phone,
            "email": delivery.email or None,
            "street1": delivery.street,
            "street2": delivery.district or None,
            "city": delivery.city,
            "state": delivery.region,
            "zip": delivery.postcode,
            "country": delivery.country,
        }
        ounces = math.ceil(ours.weight_g / GRAMS_PER_OUNCE * 10) / 10
        return {
            "shipment": {
                "reference": ours.shipment_id,
                "to_address": to_address,
                "from_address": {"id": self._origins[ours.location]},
                "parcel": {"weight": ounces},
                "options": options,
            }
        }


def _label_of(shipment: _Shipment) -> Label:
    rate = shipment.selected_rate
    freight_minor = _minor(rate) if rate else None
    if rate is None or freight_minor is None or not shipment.tracking_code:
        raise CarrierUnreachable("its waybill cannot be read")
    return Label(shipment.tracking_code, freight_minor, _transit_ms(rate))


def _events_of(tracker: _Tracker) -> list[CarrierEvent]:
    """The events of a tracker; their ids are made here, because EasyPost gives its details none."""
    events = []
    for detail in tracker.tracking_details:
        kind = _OF_DETAIL.get(detail.status_detail or "") or _OF_STATUS.get(detail.status)
        if kind is None:
            continue
        detail_text = f"{detail.datetime}|{detail.status}|{detail.status_detail}"
        digest = hashlib.sha256(detail_text.encode()).hexdigest()[:16]
        where = detail.tracking_location or {}
        events.append(
            CarrierEvent(
                event_id=f"{tracker.tracking_code}-{digest}",
                waybill=tracker.tracking_code,
                kind=kind,
                happened_at_ms=int(datetime.fromisoformat(detail.datetime).timestamp() * 1000),
                place=" ".join(filter(None, (where.get("city"), where.get("country")))),
            )
        )
    return events


def _service(rate: _Rate) -> str:
    return f"{rate.carrier} {rate.service}"


def _minor(rate: _Rate) -> int | None:
    """The price in minor units; None for one that cannot be read or has a fraction of them."""
    digits = MINOR_DIGITS.get(rate.currency)
    if digits is None:
        return None
    try:
        price = Decimal(rate.rate).scaleb(digits)
    except InvalidOperation:
        return None
    return int(price) if price == price.to_integral_value() else None


def _transit_ms(rate: _Rate) -> int:
    return (rate.delivery_days or rate.est_delivery_days or TRANSIT_DAYS_UNKNOWN) * DAY_MS


def _signature(key: bytes, raw_body: bytes) -> bytes:
    return b"hmac-sha256-hex=" + hmac.new(key, raw_body, hashlib.sha256).hexdigest().encode()


def _refused(body: bytes) -> CarrierRefuses:
    # Only its code: the message may repeat the address.
    return CarrierRefuses(msgspec.json.decode(body, type=_Problem).error.code)
