"""Carriers' events, recorded by command line; a service answers as the test says."""

import pytest

from holdfast.order.v1 import fulfilment_pb2 as pb
from holdfast.order.v1 import order_pb2
from tests.unit.scripted_orders import Commands

ORDER = "3766223186315821678"
PARCEL = f"{ORDER}-s1"


@pytest.fixture
def commands(orders: Commands) -> Commands:
    """Commands for a service with a parcel of an order in GBP."""
    shipment = order_pb2.Shipment(shipment_id=PARCEL, carrier="sandbox")
    answers = orders.service.answers
    answers["GetOrder"] = order_pb2.Order(order_id=ORDER, currency="GBP")
    answers["GetShipment"] = pb.GetShipmentResponse(shipment=shipment)
    delivered = order_pb2.Shipment(shipment_id=PARCEL, state=order_pb2.Shipment.DELIVERED)
    answers["RecordTracking"] = pb.ShipmentResult(
        outcome=order_pb2.ORDER_OUTCOME_APPLIED, shipment=delivered
    )
    return orders


def recorded(commands: Commands) -> pb.TrackingEvent:
    """The event that was recorded."""
    (request,) = commands.service.asked(pb.RecordTrackingRequest)
    assert request.shipment_id == PARCEL
    return request.event  # type: ignore[no-any-return]  # the service keeps any request


def test_what_a_carrier_says_is_recorded_as_its_own(commands: Commands) -> None:
    ran = commands(f"orders record {PARCEL} signed --place Leeds --at 5 --event-id e-9")
    assert (ran.exit_status, ran.out) == (0, f"{PARCEL} is DELIVERED.\n")
    assert recorded(commands) == pb.TrackingEvent(
        carrier="sandbox",
        event_id="e-9",
        kind=pb.TrackingEvent.SIGNED,
        happened_at_ms=5,
        place="Leeds",
    )


def test_what_is_told_again_without_a_time_is_what_was_told(commands: Commands) -> None:
    reported = pb.TrackingEvent(carrier="sandbox", event_id="tel-1", happened_at_ms=5)
    of_another = pb.TrackingEvent(carrier="staff", event_id="tel-1", happened_at_ms=4)
    commands.service.answers["GetShipment"].events.extend([of_another, reported])
    assert commands(f"orders record {PARCEL} signed --event-id tel-1").exit_status == 0
    assert recorded(commands).happened_at_ms == 5


def test_cash_is_recorded_in_the_order_s_currency(commands: Commands) -> None:
    assert commands(f"orders record {PARCEL} cash-collected --amount 25.00").exit_status == 0
    event = recorded(commands)
    assert (event.amount_minor, event.currency) == (2_500, "GBP")
    assert event.event_id
    assert event.happened_at_ms


def test_a_parcel_that_has_no_carrier_is_spoken_for_by_staff(commands: Commands) -> None:
    unlabelled = order_pb2.Shipment(shipment_id=PARCEL)
    commands.service.answers["GetShipment"] = pb.GetShipmentResponse(shipment=unlabelled)
    document = commands(f"orders record {PARCEL} lost -o json").json()
    assert document["shipment"]["state"] == "DELIVERED"
    assert recorded(commands).carrier == "staff"


@pytest.mark.parametrize(
    ("degrees", "recorded_millicelsius"), [("-17.5", -17_500), ("4", 4_000), ("0.125", 125)]
)
def test_a_temperature_is_recorded_in_thousandths_of_a_degree(
    commands: Commands, degrees: str, recorded_millicelsius: int
) -> None:
    commands.service.answers["RecordTemperature"] = pb.ShipmentResult(
        outcome=order_pb2.ORDER_OUTCOME_APPLIED
    )
    ran = commands(f"orders temperature {PARCEL} probe-1 {degrees} --at 5")
    assert (ran.exit_status, ran.out) == (0, f"Recorded {degrees} °C of {PARCEL}.\n")
    (request,) = commands.service.asked(pb.RecordTemperatureRequest)
    assert request.reading == pb.TemperatureReading(
        sensor="probe-1", read_at_ms=5, temperature_millicelsius=recorded_millicelsius
    )
