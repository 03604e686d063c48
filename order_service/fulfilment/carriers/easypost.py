"""The adapter of EasyPost, which sells the services of many carriers, over HTTP.

EasyPost keeps our shipment id as the `reference` of its shipment and finds it by that, so a waybill
is bought once however often it is asked for. It never changes a shipment: a parcel that is weighed
again, or has another amount to collect, gets another, as `<our id>.2`, and what was bought for the
one before is given back. Its own SDK is synchronous and is not used here.

It does not tell what was collected at the door: CASH_COLLECTED is recorded by hand.
"""

import base64
import hashlib
import hmac
import math
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog

from holdfast.money import MINOR_DIGITS
from order_service.fulfilment.carriers.easypost_tracking import read_tracker
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
from order_service.http.signatures import CallbackForged, CallbackUnreadable
from order_service.order.foreign import FOREIGN_NAME_LENGTH_MAX
from serving.http_client import HttpClient

log = structlog.get_logger()

NAME: Final = "easypost"
URL: Final = "https://api.easypost.com/v2"
SILENCE_S_MAX: Final = 15.0
GRAMS_PER_OUNCE: Final = 28.349523125
SAME_OUNCES: Final = 0.05
SHIPMENTS_MAX: Final = 20
"""Of one parcel: so often it may be weighed."""
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


class _Shipment(msgspec.Struct):
    id: str
    rates: list[msgspec.Raw] = []
    selected_rate: _Rate | None = None
    tracking_code: str | None = None
    postage_label: dict[str, Any] | None = None
    tracker: Any = None
    parcel: dict[str, Any] | None = None
    options: dict[str, Any] | None = None
    refund_status: str | None = None


class _Event(msgspec.Struct):
    description: str
    result: Any = None


class _Code(msgspec.Struct):
    code: str = ""


class _Problem(msgspec.Struct):
    error: _Code


class EasyPostCarrier:
    """Speaks to EasyPost. `origins` are the ids of its addresses of our warehouses, by location.

    `secrets` are those that callbacks may be signed with; `url` is for tests.
    """

    def __init__(
        self, api_key: str, secrets: Sequence[str], origins: Mapping[str, str], url: str = ""
    ) -> None:
        key = base64.b64encode(f"{api_key}:".encode()).decode()
        headers = {"authorization": f"Basic {key}"}
        self._http = JsonClient(
            HttpClient(url or URL, headers=headers, silence_s_max=SILENCE_S_MAX),
            CarrierUnreachable,
            {HTTPStatus.BAD_REQUEST: _refused, HTTPStatus.UNPROCESSABLE_ENTITY: _refused},
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
        offers = map(_offer_of, _readable(shipment.rates))
        return [offer for offer in offers if offer is not None]

    async def label(self, ours: CarrierShipment, service: str) -> Label:
        """See `Carrier`."""
        shipment = await self._created(ours)
        if shipment.selected_rate is None:
            rates = [rate for rate in _readable(shipment.rates) if _service(rate) == service]
            if not rates:
                raise CarrierRefuses("the service is not offered any more")
            body = {"rate": {"id": rates[0].id}}
            url = f"/shipments/{shipment.id}/buy"
            shipment = await self._http.ask(_Shipment, "POST", url, json=body)
        return _label_of(shipment)

    async def void(self, shipment_id: str) -> None:
        """See `Carrier`."""
        for shipment in await self._all_of(shipment_id):
            await self._give_back(shipment)

    async def intercept(self, shipment_id: str) -> bool | None:
        """See `Carrier`. EasyPost cannot: a person asks the carrier behind it."""
        return None

    async def track(self, shipment_id: str) -> list[CarrierEvent]:
        """See `Carrier`."""
        try:
            return [
                event
                for shipment in await self._all_of(shipment_id)
                if shipment.tracker is not None and not shipment.refund_status
                for event in _events_of(shipment.tracker)
            ]
        except ValueError as error:
            raise CarrierUnreachable("its tracker cannot be read") from error

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
            is_of_parcel = event.description.startswith("tracker.")
            return _events_of(event.result) if is_of_parcel else []
        except ValueError as error:
            raise CallbackUnreadable(type(error).__name__) from error

    async def aclose(self) -> None:
        """See `Carrier`."""
        await self._http.aclose()

    async def _created(self, ours: CarrierShipment) -> _Shipment:
        """EasyPost's shipment for a parcel as it is now: found, else made."""
        known = await self._all_of(ours.shipment_id)
        current = next((each for each in known if _is_as_now(each, ours)), None)
        try:
            for shipment in known:
                if shipment is not current:
                    await self._give_back(shipment)
        except CarrierRefuses as error:  # a person finds out what travels with it
            raise CarrierUnreachable("a waybill of before was used") from error
        if current is not None:
            return current
        body = self._body_of(ours, _reference(ours.shipment_id, len(known)))
        return await self._http.ask(_Shipment, "POST", "/shipments", json=body)

    async def _all_of(self, shipment_id: str) -> list[_Shipment]:
        """EasyPost's shipments for a parcel: one, or another for each change. Raises as `ask`."""
        found: list[_Shipment] = []
        while len(found) < SHIPMENTS_MAX:
            path = f"/shipments/{_reference(shipment_id, len(found))}"
            shipment = await self._http.find(_Shipment, "GET", path)
            if shipment is None:
                return found
            found.append(shipment)
        raise CarrierRefuses("it was weighed too often")

    async def _give_back(self, shipment: _Shipment) -> None:
        """Gives a waybill back, if it was bought. Raises CarrierRefuses once it was used."""
        if shipment.selected_rate is not None and not shipment.refund_status:
            await self._http.ask(msgspec.Raw, "POST", f"/shipments/{shipment.id}/refund")

    def _body_of(self, ours: CarrierShipment, reference: str) -> dict[str, Any]:
        delivery = ours.delivery
        options: dict[str, Any] = {}
        if ours.collect_minor:
            options = {"cod_amount": str(_to_collect(ours)), "cod_method": "CASH"}
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
        return {
            "shipment": {
                "reference": reference,
                "to_address": to_address,
                "from_address": {"id": self._origins[ours.location]},
                "parcel": {"weight": _ounces(ours)},
                "options": options,
            }
        }


def _reference(shipment_id: str, number: int) -> str:
    """The reference of the shipment for a parcel, by how many were made before."""
    return f"{shipment_id}.{number + 1}" if number else shipment_id


def _ounces(ours: CarrierShipment) -> float:
    return math.ceil(ours.weight_g / GRAMS_PER_OUNCE * 10) / 10


def _to_collect(ours: CarrierShipment) -> Decimal:
    return Decimal(ours.collect_minor).scaleb(-MINOR_DIGITS[ours.currency])


def _is_as_now(shipment: _Shipment, ours: CarrierShipment) -> bool:
    """Whether EasyPost's shipment has a parcel's weight, and the amount to collect, of now."""
    try:
        ounces = float((shipment.parcel or {})["weight"])
        collects = Decimal(str((shipment.options or {}).get("cod_amount") or 0))
    except (KeyError, TypeError, ValueError, InvalidOperation):
        return not shipment.refund_status  # it does not say: the first one is the parcel's
    same = abs(ounces - _ounces(ours)) < SAME_OUNCES and collects == _to_collect(ours)
    return same and not shipment.refund_status


def _label_of(shipment: _Shipment) -> Label:
    rate = shipment.selected_rate
    freight_minor = _minor(rate) if rate else None
    if rate is None or freight_minor is None or not shipment.tracking_code:
        raise CarrierUnreachable("its waybill cannot be read")
    url = (shipment.postage_label or {}).get("label_url")
    kept = url if isinstance(url, str) and len(url) <= FOREIGN_NAME_LENGTH_MAX else ""
    return Label(shipment.tracking_code, freight_minor, _transit_ms(rate), kept)


def _events_of(tracker: object) -> list[CarrierEvent]:
    """The events of a tracker that can be read. Raises ValueError."""
    events, unreadable = read_tracker(tracker)
    if unreadable:
        log.warning("details of a tracker cannot be read", carrier=NAME, details=unreadable)
    return events


def _readable(rates: Sequence[msgspec.Raw]) -> list[_Rate]:
    """The rates that can be read; another says nothing of these."""
    found = []
    for rate in rates:
        with suppress(msgspec.DecodeError):
            found.append(msgspec.json.decode(rate, type=_Rate))
    return found


def _offer_of(rate: _Rate) -> Quote | None:
    """The offer of a rate; None for one whose price or promise is none."""
    freight_minor = _minor(rate)
    with suppress(CarrierUnreachable):
        if freight_minor is not None:
            return Quote(NAME, _service(rate), freight_minor, rate.currency, _transit_ms(rate))
    return None


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
