"""FulfilmentService over gRPC: what goes in is checked, what comes out says what happened."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.message import Message
from prometheus_client import CollectorRegistry

from holdfast.errors import HoldfastError
from holdfast.order.v1 import fulfilment_pb2 as pb
from holdfast.order.v1 import fulfilment_pb2_grpc, order_pb2
from order_service.edge.failures import TRANSLATIONS
from order_service.edge.fulfilment import FulfilmentServicer
from order_service.fulfilment.carriers.port import CarrierEvent
from order_service.fulfilment.review import ReviewInput
from order_service.fulfilment.timers import DAY_MS
from order_service.order.model import Order, Remark
from order_service.order.records import TrackingKind
from order_service.order.states import OrderState, ShipmentState
from order_service.payment.refund_requests import request_refund
from serving.deadlines import Deadlines
from serving.guard import Guarded
from serving.metrics import CallMetrics
from tests.order_service.fulfilment.parcels import ARTICLES
from tests.order_service.fulfilment.world import HOUR_MS, World

APPLIED = order_pb2.ORDER_OUTCOME_APPLIED
NOT_FOUND = order_pb2.ORDER_OUTCOME_NOT_FOUND
WRONG_STATE = order_pb2.ORDER_OUTCOME_WRONG_STATE
WRONG_CONTENT = order_pb2.ORDER_OUTCOME_WRONG_CONTENT
KEY_REUSED = order_pb2.ORDER_OUTCOME_KEY_REUSED
DAMAGE, LOSS = pb.Incident.DAMAGE, pb.Incident.LOSS
Stub = Any


@pytest.fixture
async def service(world: World) -> AsyncIterator[Stub]:
    """A client of the service."""

    async def read(_order: Order) -> ReviewInput:
        return ReviewInput(1, ARTICLES)

    servicer: Any = FulfilmentServicer(
        world.orders, read, lambda _: "north", DAY_MS, DAY_MS, Deadlines(5_000)
    )
    guarded: Any = Guarded(servicer, CallMetrics(CollectorRegistry()), TRANSLATIONS)
    server = grpc.aio.server()
    fulfilment_pb2_grpc.add_FulfilmentServiceServicer_to_server(guarded, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield fulfilment_pb2_grpc.FulfilmentServiceStub(channel)
    await server.stop(1)


def lines(*units: tuple[str, int]) -> list[pb.ParcelLine]:
    return [pb.ParcelLine(sku=sku, quantity=quantity) for sku, quantity in units]


async def test_a_warehouse_works_through_the_service(world: World, service: Stub) -> None:
    await world.place()
    tenant = world.tenant
    approve = pb.ReviewOrderRequest(
        tenant=tenant,
        order_id="4330000000000000000",
        verdict=pb.REVIEW_VERDICT_APPROVE,
        actor="staff:7",
        reason="read",
    )
    reviewed = await service.ReviewOrder(approve)
    assert (reviewed.outcome, reviewed.replayed, len(reviewed.shipments)) == (APPLIED, False, 2)
    assert (await service.ReviewOrder(approve)).replayed
    wave = await service.CreateWave(
        pb.CreateWaveRequest(tenant=tenant, wave_id="W1", location="north", zone="A")
    )
    assert list(wave.wave.shipment_ids) == ["4330000000000000000-s1"]
    page = await service.ListPicks(pb.ListPicksRequest(tenant=tenant, page_size=1))
    rest = await service.ListPicks(
        pb.ListPicksRequest(tenant=tenant, page_size=1, page_token=page.next_page_token)
    )
    assert [pick.sku for pick in (*page.picks, *rest.picks)] == ["SKU-1", "SKU-2"]
    assert (page.picks[0].wave_id, rest.next_page_token) == ("W1", "")
    assert page.picks[0].due_at_ms == world.clock() + 24 * HOUR_MS

    picked = await service.ConfirmPick(
        pb.ConfirmPickRequest(
            tenant=tenant, shipment_id="4330000000000000000-s1", lines=lines(("SKU-1", 2))
        )
    )
    assert [(s.shipment_id, s.lines[0].quantity) for s in picked.new_shipments] == [
        ("4330000000000000000-s3", 1)
    ]
    packing = pb.ConfirmPackingRequest(
        tenant=tenant, shipment_id="4330000000000000000-s1", lines=lines(("SKU-1", 3)), weight_g=500
    )
    wrong = await service.ConfirmPacking(packing)
    assert (wrong.outcome, wrong.detail) == (WRONG_CONTENT, "SKU-1: 2 expected, 3 scanned")
    packing.lines[0].quantity = 2
    assert (await service.ConfirmPacking(packing)).shipment.state == order_pb2.Shipment.PACKED
    leaving = pb.ShipShipmentRequest(tenant=tenant, shipment_id="4330000000000000000-s1")
    early = await service.ShipShipment(leaving)
    assert (early.outcome, early.detail) == (
        WRONG_STATE,
        "shipment 4330000000000000000-s1 is PACKED: SHIP is not possible now",
    )
    await world.do("LABEL", "LABEL")
    assert (await service.ShipShipment(leaving)).shipment.state == order_pb2.Shipment.SHIPPED
    assert (await service.ShipShipment(leaving)).replayed
    listed = await service.ListShipments(
        pb.ListShipmentsRequest(tenant=tenant, state=order_pb2.Shipment.PLANNED)
    )
    assert [s.shipment_id for s in listed.shipments] == [
        "4330000000000000000-s2",
        "4330000000000000000-s3",
    ]


async def test_what_happens_on_the_way_is_recorded_once_and_settled(
    world: World, service: Stub
) -> None:
    await world.place()
    await world.ship()
    tenant, name = world.tenant, "4330000000000000000-s1"
    event = pb.TrackingEvent(
        carrier="staff", event_id="e-1", kind=pb.TrackingEvent.HUB, happened_at_ms=5, place="Hub"
    )
    track = pb.RecordTrackingRequest(tenant=tenant, shipment_id=name, event=event)
    assert [(await service.RecordTracking(track)).replayed for _ in range(2)] == [False, True]
    reading = pb.TemperatureReading(sensor="t-1", read_at_ms=7, temperature_millicelsius=-4_500)
    warm = pb.RecordTemperatureRequest(tenant=tenant, shipment_id=name, reading=reading)
    assert [(await service.RecordTemperature(warm)).replayed for _ in range(2)] == [False, True]
    report = pb.ReportIncidentRequest(tenant=tenant, shipment_id=name, kind=LOSS, reason="by phone")
    assert [(await service.ReportIncident(report)).replayed for _ in range(2)] == [False, True]

    listed = await service.ListIncidents(pb.ListIncidentsRequest(tenant=tenant, page_size=1))
    (incident,) = listed.incidents
    assert (incident.kind, incident.owner) == (LOSS, "carrier-desk")
    assert list(incident.allowed) == [
        pb.RESOLUTION_WAIT,
        pb.RESOLUTION_RESHIP,
        pb.RESOLUTION_REFUND,
    ]
    refund = pb.ResolveIncidentRequest(
        tenant=tenant, incident_id=incident.incident_id, resolution=pb.RESOLUTION_REFUND
    )
    assert [(await service.ResolveIncident(refund)).replayed for _ in range(2)] == [False, True]
    after = await service.ListIncidents(pb.ListIncidentsRequest(tenant=tenant))
    assert list(after.incidents) == []
    found = await service.GetShipment(pb.GetShipmentRequest(tenant=tenant, shipment_id=name))
    assert (found.events[0].place, found.events[0].received_at_ms) == ("Hub", world.clock())
    assert found.readings[0].temperature_millicelsius == -4_500
    assert found.incidents[0].state == pb.Incident.REFUNDED
    assert found.shipment.state == order_pb2.Shipment.LOST


async def test_an_event_counts_once_for_the_parcel_that_it_is_about(
    world: World, service: Stub
) -> None:
    orders = ["4330000000000000000", "4340000000000000000"]
    for order_id in orders:
        await world.place(order_id)
        await world.ship(order_id)
    parcels = [f"{order_id}-s{number}" for order_id in orders for number in (1, 2)]

    async def record(shipment_id: str, **values: Any) -> tuple[int, bool]:
        reported = {"carrier": "sandbox", "event_id": "7", "kind": pb.TrackingEvent.HUB}
        event = pb.TrackingEvent(**{**reported, "happened_at_ms": 5, **values})
        request = pb.RecordTrackingRequest(
            tenant=world.tenant, shipment_id=shipment_id, event=event
        )
        answer = await service.RecordTracking(request)
        return answer.outcome, answer.replayed

    for replayed in (False, True):
        assert [await record(each) for each in parcels] == [(APPLIED, replayed)] * 4
    assert await record(parcels[0], kind=pb.TrackingEvent.SIGNED) == (KEY_REUSED, False)
    assert await record(parcels[0], carrier="another") == (WRONG_CONTENT, False)
    assert await record(f"{orders[0]}-s9") == (NOT_FOUND, False)

    # A carrier is not asked to choose other ids: what its callback says anew has its effect.
    signed = CarrierEvent("7", TrackingKind.SIGNED, world.clock(), parcels[0])
    for _ in range(2):
        await world.intake.take("sandbox", signed)
    order = await world.order(orders[0])
    assert order.shipment(parcels[0]).state is ShipmentState.DELIVERED
    found = await service.GetShipment(
        pb.GetShipmentRequest(tenant=world.tenant, shipment_id=parcels[0])
    )
    assert [event.kind for event in found.events] == [
        pb.TrackingEvent.HUB,
        pb.TrackingEvent.SIGNED,
    ]

    read = pb.TemperatureReading(sensor="t", read_at_ms=7, temperature_millicelsius=1)
    warm = pb.RecordTemperatureRequest(tenant=world.tenant, shipment_id=parcels[0], reading=read)
    assert (await service.RecordTemperature(warm)).outcome == APPLIED
    warm.reading.temperature_millicelsius = 2
    assert (await service.RecordTemperature(warm)).outcome == KEY_REUSED


async def test_what_cannot_be_found_is_left_out_once_and_what_has_left_is_not(
    world: World, service: Stub
) -> None:
    await world.place()
    await world.do("REVIEW")
    first, second = (await world.order()).shipments
    await world.pack(first)
    await world.do("LABEL", "LABEL")
    await world.leave()
    request = pb.CancelShipmentRequest(
        tenant=world.tenant, shipment_id=second.shipment_id, reason="not on its shelf", actor="s:7"
    )
    answers = [await service.CancelShipment(request) for _ in range(2)]
    assert [(answer.outcome, answer.replayed) for answer in answers] == [
        (APPLIED, False),
        (APPLIED, True),
    ]
    assert answers[0].shipment.state == order_pb2.Shipment.CANCELLED
    order = await world.order()
    assert (order.state, order.refunds[0].reason) == (OrderState.SHIPPED, "not on its shelf")
    request.shipment_id = first.shipment_id
    late = await service.CancelShipment(request)
    assert (late.outcome, late.detail) == (
        WRONG_STATE,
        f"shipment {first.shipment_id} is SHIPPED: CANCEL is not possible now",
    )


async def test_a_parcel_goes_all_the_same_and_the_database_counts_it_as_given_away(
    world: World, service: Stub
) -> None:
    await world.place()
    await world.do("REVIEW")
    first, second = (await world.order()).shipments
    request = pb.ShipAllTheSameRequest(
        tenant=world.tenant, shipment_id=first.shipment_id, reason="a present", actor="s:7"
    )
    answers = [await service.ShipAllTheSame(request) for _ in range(2)]
    assert [(answer.outcome, answer.replayed) for answer in answers] == [
        (APPLIED, False),
        (APPLIED, True),
    ]
    assert answers[0].shipment.given_away
    decide = partial(request_refund, refund_key="all", amount_minor=0, reason="sorry")
    await world.orders.change(second.order_id, decide, "s:7")
    assert (await world.order()).lines[0].given_units == 3
    await world.pack(first)
    await world.do("LABEL", "LABEL")
    await world.leave()
    order = await world.order()
    assert [each.state for each in order.shipments] == ["SHIPPED", "CANCELLED"]
    request.tenant = "another"
    assert (await service.ShipAllTheSame(request)).outcome == NOT_FOUND


async def test_orders_that_wait_for_a_person_are_listed_and_can_be_refused(
    world: World, service: Stub
) -> None:
    await world.place()
    remark = Remark("4330000000000000000", "r-1", "buyer", "web", "Another address, please", 1)
    await world.change(lambda draft: draft.record(remark))
    await world.do("REVIEW")
    waiting = await service.ListReviews(pb.ListReviewsRequest(tenant=world.tenant, page_size=1))
    assert [review.order_id for review in waiting.reviews] == ["4330000000000000000"]
    assert waiting.next_page_token == ""
    refuse = pb.ReviewOrderRequest(
        tenant=world.tenant,
        order_id="4330000000000000000",
        verdict=pb.REVIEW_VERDICT_REFUSE,
        reason="resold",
    )
    assert [(await service.ReviewOrder(refuse)).replayed for _ in range(2)] == [False, True]
    assert (await world.order()).refunded_minor == 2_000


async def test_nothing_of_another_tenant_exists(world: World, service: Stub) -> None:
    await world.place()
    await world.ship()
    name = "4330000000000000000-s1"
    event = pb.TrackingEvent(
        carrier="sandbox", event_id="e", kind=pb.TrackingEvent.LOST, happened_at_ms=1
    )
    reading = pb.TemperatureReading(sensor="t", read_at_ms=1)
    commands = {
        "ReviewOrder": pb.ReviewOrderRequest(
            order_id="4330000000000000000", verdict=pb.REVIEW_VERDICT_APPROVE
        ),
        "ConfirmPick": pb.ConfirmPickRequest(shipment_id=name),
        "ConfirmPacking": pb.ConfirmPackingRequest(shipment_id=name, weight_g=1),
        "ShipShipment": pb.ShipShipmentRequest(shipment_id=name),
        "CancelShipment": pb.CancelShipmentRequest(shipment_id=name, reason="lost"),
        "ShipAllTheSame": pb.ShipAllTheSameRequest(shipment_id=name, reason="a present"),
        "RecordTracking": pb.RecordTrackingRequest(shipment_id=name, event=event),
        "RecordTemperature": pb.RecordTemperatureRequest(shipment_id=name, reading=reading),
        "ReportIncident": pb.ReportIncidentRequest(shipment_id=name, kind=DAMAGE),
        "CreateWave": pb.CreateWaveRequest(wave_id="W", location="north"),
    }
    for method, request in commands.items():
        answer = await getattr(service, method)(request)
        assert answer.outcome == NOT_FOUND, method
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await service.GetShipment(pb.GetShipmentRequest(shipment_id=name))
    assert failed.value.code() is grpc.StatusCode.NOT_FOUND
    for method, page in (
        ("ListPicks", pb.ListPicksRequest()),
        ("ListShipments", pb.ListShipmentsRequest()),
        ("ListIncidents", pb.ListIncidentsRequest()),
        ("ListReviews", pb.ListReviewsRequest()),
    ):
        assert not (await getattr(service, method)(page)).ByteSize(), method


PARCEL = {"shipment_id": "O-s1"}
HUB = {"carrier": "c", "event_id": "e", "kind": pb.TrackingEvent.HUB, "happened_at_ms": 1}
CASH = {**HUB, "kind": pb.TrackingEvent.CASH_COLLECTED, "amount_minor": 1, "currency": "CNY"}
READ = {"sensor": "t", "read_at_ms": 1}


def tracking(**values: Any) -> pb.RecordTrackingRequest:
    return pb.RecordTrackingRequest(shipment_id="O-s1", event=pb.TrackingEvent(**{**HUB, **values}))


def reading(**values: Any) -> pb.RecordTemperatureRequest:
    read = pb.TemperatureReading(**{**READ, **values})
    return pb.RecordTemperatureRequest(shipment_id="O-s1", reading=read)


def asked(request: Any, /, **values: Any) -> Message:
    message: Message = request(**values)
    return message


# A method, a request that breaks one bound, and the field that the error has to name.
BROKEN: list[tuple[str, Message, str]] = [
    ("ReviewOrder", asked(pb.ReviewOrderRequest, order_id="O", verdict=1, tenant="a b"), "tenant"),
    ("ReviewOrder", asked(pb.ReviewOrderRequest, order_id="", verdict=1), "order_id"),
    ("ReviewOrder", asked(pb.ReviewOrderRequest, order_id="O"), "verdict"),
    ("ReviewOrder", asked(pb.ReviewOrderRequest, order_id="O", verdict=1, actor="a b"), "actor"),
    (
        "ReviewOrder",
        asked(pb.ReviewOrderRequest, order_id="O", verdict=1, reason="x" * 201),
        "reason",
    ),
    ("ListReviews", asked(pb.ListReviewsRequest, page_size=1_001), "page_size"),
    ("ListReviews", asked(pb.ListReviewsRequest, page_token="é"), "page_token"),
    ("CreateWave", asked(pb.CreateWaveRequest, wave_id="", location="n"), "wave_id"),
    ("CreateWave", asked(pb.CreateWaveRequest, wave_id="W", location=""), "location"),
    ("CreateWave", asked(pb.CreateWaveRequest, wave_id="W", location="n", zone="z" * 65), "zone"),
    (
        "CreateWave",
        asked(pb.CreateWaveRequest, wave_id="W", location="n", shipments_max=1_001),
        "shipments_max",
    ),
    ("ListPicks", asked(pb.ListPicksRequest, page_token="x"), "page_token"),
    ("ListPicks", asked(pb.ListPicksRequest, wave_id="a b"), "wave_id"),
    ("ListPicks", asked(pb.ListPicksRequest, location="\x00"), "location"),
    ("ListPicks", asked(pb.ListPicksRequest, zone="\x00"), "zone"),
    ("ListShipments", asked(pb.ListShipmentsRequest, order_id="a b"), "order_id"),
    ("ListShipments", asked(pb.ListShipmentsRequest, location="\x00"), "location"),
    ("ListShipments", asked(pb.ListShipmentsRequest, waybill="\x00"), "waybill"),
    ("ListShipments", asked(pb.ListShipmentsRequest, state=99), "state"),
    ("ListIncidents", asked(pb.ListIncidentsRequest, owner="a b"), "owner"),
    ("ConfirmPick", asked(pb.ConfirmPickRequest, shipment_id="a/b"), "shipment_id"),
    ("ConfirmPick", asked(pb.ConfirmPickRequest, **PARCEL, lines=lines(("", 1))), "lines[0].sku"),
    (
        "ConfirmPick",
        asked(pb.ConfirmPickRequest, **PARCEL, lines=lines(("S", 0))),
        "lines[0].quantity",
    ),
    (
        "ConfirmPick",
        asked(pb.ConfirmPickRequest, **PARCEL, lines=lines(("S", 1), ("S", 1_000_001))),
        "lines[1].quantity",
    ),
    ("ConfirmPick", asked(pb.ConfirmPickRequest, **PARCEL, lines=lines(("S", 1)) * 1_001), "lines"),
    ("ConfirmPacking", asked(pb.ConfirmPackingRequest, **PARCEL), "weight_g"),
    ("ConfirmPacking", asked(pb.ConfirmPackingRequest, **PARCEL, weight_g=1_000_001), "weight_g"),
    ("ShipShipment", asked(pb.ShipShipmentRequest), "shipment_id"),
    ("CancelShipment", asked(pb.CancelShipmentRequest, reason="lost"), "shipment_id"),
    ("CancelShipment", asked(pb.CancelShipmentRequest, **PARCEL), "reason"),
    ("ShipAllTheSame", asked(pb.ShipAllTheSameRequest, **PARCEL), "reason"),
    ("GetShipment", asked(pb.GetShipmentRequest), "shipment_id"),
    ("ListShipments", asked(pb.ListShipmentsRequest, page_token="a b"), "page_token"),
    ("RecordTracking", asked(pb.RecordTrackingRequest, **PARCEL), "event.carrier"),
    ("RecordTracking", tracking(event_id=""), "event.event_id"),
    ("RecordTracking", tracking(kind=0), "event.kind"),
    ("RecordTracking", tracking(kind=99), "event.kind"),
    ("RecordTracking", tracking(happened_at_ms=0), "event.happened_at_ms"),
    ("RecordTracking", tracking(amount_minor=1), "event.amount_minor"),
    ("RecordTracking", tracking(place="\x00"), "event.place"),
    ("RecordTracking", tracking(**{**CASH, "amount_minor": 0}), "event.amount_minor"),
    ("RecordTracking", tracking(**{**CASH, "currency": "X"}), "event.currency"),
    ("RecordTemperature", reading(sensor=""), "reading.sensor"),
    ("RecordTemperature", reading(read_at_ms=-1), "reading.read_at_ms"),
    (
        "RecordTemperature",
        reading(temperature_millicelsius=-273_151),
        "reading.temperature_millicelsius",
    ),
    ("ReportIncident", asked(pb.ReportIncidentRequest, **PARCEL), "kind"),
    (
        "ReportIncident",
        asked(pb.ReportIncidentRequest, **PARCEL, kind=pb.Incident.TEMPERATURE),
        "kind",
    ),
    ("ListIncidents", asked(pb.ListIncidentsRequest, kind=77), "kind"),
    ("ListIncidents", asked(pb.ListIncidentsRequest, page_token="x/y"), "page_token"),
    ("ResolveIncident", asked(pb.ResolveIncidentRequest, resolution=1), "incident_id"),
    ("ResolveIncident", asked(pb.ResolveIncidentRequest, incident_id="O-i1"), "resolution"),
]


async def test_every_broken_bound_is_an_error_that_names_its_field(service: Stub) -> None:
    assert [
        (method, field, await _field_named(service, method, request))
        for method, request, field in BROKEN
    ] == [(method, field, field) for method, _, field in BROKEN]


async def _field_named(service: Stub, method: str, request: Message) -> str:
    """The field that an error names; how the call ended, if it ended otherwise."""
    try:
        answer = await getattr(service, method)(request)
    except grpc.aio.AioRpcError as failure:
        error = HoldfastError.from_rpc(failure)
        return str(error.metadata.get("field", error.reason))
    return f"answered: {answer}"
