"""The adapter of EasyPost, against a server that speaks EasyPost's API."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import easypost.util
import pytest
from easypost.easypost_client import EasyPostClient
from msgspec import structs

from order_service.fulfilment.carriers.easypost import EasyPostCarrier
from order_service.fulfilment.carriers.easypost_tracking import read_tracker
from order_service.fulfilment.carriers.port import (
    CarrierRefuses,
    CarrierShipment,
    CarrierUnreachable,
)
from order_service.http.signatures import CallbackForged, CallbackUnreadable
from order_service.order.records import TrackingKind
from tests.order_service.fulfilment.easypost_server import EasyPostServer, callback, detail
from tests.order_service.payment.http import served
from tests.order_service.samples import DELIVERY

SECRET, FORMER_SECRET = "sécret", "former"
DAY_MS = 86_400_000
PARCEL = CarrierShipment(
    "4330000000000000000-s1", "north", DELIVERY, 700, "USD", collect_minor=1_250
)
GROUND = "USPS GroundAdvantage"


@dataclass
class Outside:
    """The server and the adapter that speaks to it."""

    server: EasyPostServer
    carrier: EasyPostCarrier
    url: str


@pytest.fixture
async def outside() -> AsyncIterator[Outside]:
    server = EasyPostServer()
    async with served(server.app) as address:
        url = f"{address}/v2"
        carrier = EasyPostCarrier("key", [SECRET, FORMER_SECRET], {"north": "adr_1"}, url)
        yield Outside(server, carrier, url)
        await carrier.aclose()


async def test_the_server_speaks_as_the_sdk_expects(outside: Outside) -> None:
    client = EasyPostClient("key", api_base=outside.url)

    def whole_life() -> list[Any]:
        made = client.shipment.create(
            reference="r-1",
            to_address={"country": "US"},
            from_address={"id": "adr_1"},
            parcel={"weight": 1},
        )
        bought = client.shipment.buy(made.id, rate=made.lowest_rate())
        found = client.shipment.retrieve("r-1")
        returned = client.shipment.refund(made.id)
        return [made.id, bought.tracking_code, found.selected_rate.service, returned.refund_status]

    assert await asyncio.to_thread(whole_life) == [
        "shp_1",
        "EZ000000001",
        "GroundAdvantage",
        "submitted",
    ]


async def test_offers_are_in_whole_minor_units_and_promise_a_time(outside: Outside) -> None:
    offers = await outside.carrier.quote(PARCEL)
    assert [(o.service, o.freight_minor, o.currency, o.transit_ms) for o in offers] == [
        (GROUND, 758, "USD", 3 * DAY_MS),
        ("USPS Express", 3_110, "USD", DAY_MS),
    ]
    sent = outside.server.shipments["shp_1"]
    assert sent["reference"] == "4330000000000000000-s1"
    assert sent["from_address"] == {"id": "adr_1"}
    assert sent["to_address"]["zip"] == "200000"
    assert sent["parcel"] == {"weight": 24.7}  # ounces, rounded up
    assert sent["options"] == {"cod_amount": "12.50", "cod_method": "CASH"}


async def test_a_warehouse_without_an_address_and_a_refused_destination_have_no_offers(
    outside: Outside,
) -> None:
    assert await outside.carrier.quote(structs.replace(PARCEL, location="south")) == []
    nowhere = structs.replace(PARCEL, delivery=structs.replace(DELIVERY, country="XX"))
    assert await outside.carrier.quote(nowhere) == []


async def test_a_waybill_is_bought_once_also_when_the_answer_was_lost(outside: Outside) -> None:
    await outside.carrier.quote(PARCEL)
    outside.server.lose_next_answer = True
    with pytest.raises(CarrierUnreachable):
        await outside.carrier.label(PARCEL, GROUND)
    label = await outside.carrier.label(PARCEL, GROUND)
    assert (label.waybill, label.freight_minor) == ("EZ000000001", 758)
    assert label.url == "https://labels.example/EZ000000001.png"
    assert (outside.server.bought, len(outside.server.shipments)) == (1, 1)
    with pytest.raises(CarrierRefuses):
        await outside.carrier.label(
            structs.replace(PARCEL, shipment_id="4330000000000000000-s2"), "DHL Odd"
        )


@pytest.mark.parametrize("changed", [{"weight_g": 1_400}, {"collect_minor": 900}])
async def test_a_parcel_that_changed_gets_a_waybill_of_its_own_and_the_old_one_is_given_back(
    outside: Outside, changed: dict[str, int]
) -> None:
    await outside.carrier.quote(PARCEL)
    again = structs.replace(PARCEL, **changed)
    await outside.carrier.label(again, GROUND)
    assert [each["tracking_code"] for each in outside.server.shipments.values()] == [
        None,
        "EZ000000001",
    ]
    # Bought, and the answer was lost: then weighed as at first.
    label = await outside.carrier.label(PARCEL, GROUND)
    once_more = await outside.carrier.label(PARCEL, GROUND)
    assert label == once_more
    assert label.waybill == "EZ000000002"
    statuses = [each["refund_status"] for each in outside.server.shipments.values()]
    assert statuses == [None, "submitted"]
    tracker = outside.server.shipments["shp_1"]["tracker"]
    tracker["tracking_details"] = [detail("2026-01-01T00:00:00Z", "in_transit")]
    (event,) = await outside.carrier.track(PARCEL.shipment_id)
    assert event.waybill == label.waybill


async def test_a_waybill_is_given_back_unless_it_was_used(outside: Outside) -> None:
    await outside.carrier.void("4330000000000000000-s1")
    await outside.carrier.label(PARCEL, GROUND)
    await outside.carrier.void("4330000000000000000-s1")
    await outside.carrier.void("4330000000000000000-s1")
    shipment = outside.server.shipments["shp_1"]
    assert shipment["refund_status"] == "submitted"
    shipment["refund_status"] = None
    shipment["tracker"]["tracking_details"] = [detail("2026-01-01T00:00:00Z", "in_transit")]
    with pytest.raises(CarrierRefuses, match=r"SHIPMENT\.REFUND\.UNAVAILABLE"):
        await outside.carrier.void("4330000000000000000-s1")


async def test_tracking_is_the_same_asked_for_and_called_back(outside: Outside) -> None:
    await outside.carrier.label(PARCEL, GROUND)
    tracker = outside.server.shipments["shp_1"]["tracker"]
    tracker["tracking_details"] = [
        detail("2026-01-01T00:00:00Z", "pre_transit"),
        detail("2026-01-01T10:00:00Z", "in_transit", "arrived_at_facility", "Reno"),
        detail("2026-01-02T08:00:00Z", "out_for_delivery"),
        detail("2026-01-02T10:00:00Z", "delivered"),
        detail("2026-01-02T11:00:00Z", "failure", "lost"),
    ]
    body, headers = callback(tracker, FORMER_SECRET)
    events = outside.carrier.read_callback(body, _lower(headers), 0)
    assert events == await outside.carrier.track("4330000000000000000-s1")
    assert [event.kind for event in events] == [
        TrackingKind.HUB,
        TrackingKind.OUT_FOR_DELIVERY,
        TrackingKind.SIGNED,
        TrackingKind.LOST,
    ]
    assert (events[0].place, events[0].happened_at_ms) == ("Reno US", 1_767_261_600_000)
    assert {event.waybill for event in events} == {"EZ000000001"}
    assert len({event.event_id for event in events}) == len(events)
    assert await outside.carrier.track("4360000000000000009-s1") == []


ON_ITS_WAY = {"status": "in_transit", "status_detail": None, "datetime": "2026-01-01T10:00:00Z"}


@pytest.mark.parametrize(
    "bad",
    [
        {"status": "delivered", "datetime": None},
        {"status": "delivered", "datetime": ""},
        {"status": "delivered"},
        {"status": "delivered", "datetime": "yesterday"},
        {"status": "delivered", "datetime": 1_767_261_600},
        {"status": None, "datetime": "2026-01-01T10:00:00Z"},
        {"status": 7, "datetime": "2026-01-01T10:00:00Z"},
        {"status": "pre_transit", "datetime": None},
        {},
        None,
        "delivered",
    ],
)
def test_a_detail_that_cannot_be_read_takes_no_other_with_it(bad: object) -> None:
    odd_place = {"city": 7, "country": "US", "zip": 94_104, "state": None}
    other = {"status": "out_for_delivery", "datetime": "2026-01-02T08:00:00", "message": 1}
    details = [ON_ITS_WAY, bad, {**other, "tracking_location": odd_place}]
    body, headers = callback({"tracking_code": "EZ1", "tracking_details": details}, FORMER_SECRET)
    events = EasyPostCarrier("key", [FORMER_SECRET], {}).read_callback(body, _lower(headers), 0)
    assert [(event.kind, event.place) for event in events] == [
        (TrackingKind.IN_TRANSIT, ""),
        (TrackingKind.OUT_FOR_DELIVERY, "US"),
    ]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Shanghai"])
def test_a_time_without_an_offset_is_utc_wherever_the_server_stands(
    monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        times = [
            read_tracker(
                {"tracking_code": "EZ1", "tracking_details": [{**ON_ITS_WAY, "datetime": at}]}
            )
            .events[0]
            .happened_at_ms
            for at in ("2026-01-01T10:00:00", "2026-01-01T10:00:00Z", "2026-01-01T18:00:00+08:00")
        ]
    finally:
        monkeypatch.undo()
        time.tzset()
    assert times == [1_767_261_600_000] * 3


def test_two_scans_of_one_second_in_two_places_are_two_events() -> None:
    scans = [{**ON_ITS_WAY, "tracking_location": {"city": city}} for city in ("Reno", "Elko")]
    events = read_tracker({"tracking_code": "EZ1", "tracking_details": [*scans, scans[0]]}).events
    assert len({event.event_id for event in events}) == 2


@pytest.mark.parametrize(
    "result",
    [None, [], {}, {"tracking_code": None}, {"tracking_code": "EZ1", "tracking_details": "none"}],
)
def test_a_proven_callback_that_cannot_be_read_is_not_called_forged(result: object) -> None:
    body = json.dumps({"description": "tracker.updated", "result": result}).encode()
    digest = hmac.new(b"key", body, hashlib.sha256).hexdigest()
    headers = {"x-hmac-signature": f"hmac-sha256-hex={digest}"}
    with pytest.raises(CallbackUnreadable):
        EasyPostCarrier("key", ["key"], {}).read_callback(body, headers, 0)


async def test_a_rate_that_cannot_be_read_hides_no_other(outside: Outside) -> None:
    outside.server.odd_rate = {"id": None, "rate": 7}
    assert len(await outside.carrier.quote(PARCEL)) == 2


async def test_callbacks_are_proven_as_the_sdk_proves_them(outside: Outside) -> None:
    body, headers = callback({"tracking_code": "EZ1", "tracking_details": []}, "secret")
    assert easypost.util.validate_webhook(body, headers, "secret")
    carrier = EasyPostCarrier("key", ["secret"], {}, outside.url)
    assert carrier.read_callback(body, _lower(headers), 0) == []
    for wrong_body, wrong_headers in (
        (body + b" ", _lower(headers)),
        (body, {}),
        (body, {"x-hmac-signature": "hmac-sha256-hex=é"}),
    ):
        with pytest.raises(CallbackForged):
            carrier.read_callback(wrong_body, wrong_headers, 0)
    await carrier.aclose()


def _lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
