"""The values of fulfilment to protobuf messages, and requests to its values."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from holdfast.money import MINOR_DIGITS
from holdfast.order.v1 import fulfilment_pb2 as pb
from holdfast.order.v1 import order_pb2
from order_service.edge import wire
from order_service.edge.requests import invalid_page_token
from order_service.fulfilment.content import Units
from order_service.fulfilment.incidents import allowed_now
from order_service.fulfilment.queries import Pick, WaitingReview
from order_service.fulfilment.waves import Wave
from order_service.order.draft import order_id_of as order_of_part
from order_service.order.fields import QUANTITY_MAX, check_id, check_name, check_whole, checked_text
from order_service.order.model import Incident, IncidentKind, Shipment
from order_service.order.records import TemperatureReading, TrackingEvent, TrackingKind
from order_service.order.refusals import InvalidField
from order_service.order.states import IncidentEvent, ShipmentState

LINES_MAX: Final = 1_000
REASON_LENGTH_MAX: Final = 200
PLACE_LENGTH_MAX: Final = 100
TIME_MS_MAX: Final = 10**15
AMOUNT_MINOR_MAX: Final = 10**12
MILLICELSIUS_MIN: Final = -273_150
MILLICELSIUS_MAX: Final = 1_000_000
NUMBER_LENGTH_MAX: Final = 16

RESOLUTIONS: Final = {
    pb.RESOLUTION_WAIT: IncidentEvent.WAIT,
    pb.RESOLUTION_RESHIP: IncidentEvent.RESHIP,
    pb.RESOLUTION_REFUND: IncidentEvent.REFUND,
}
_RESOLUTION_OF: Final = {event: number for number, event in RESOLUTIONS.items()}


def shipment_result(
    shipment: Shipment, replayed: bool, new: Iterable[Shipment] = ()
) -> pb.ShipmentResult:
    """The answer to a command that was applied."""
    return pb.ShipmentResult(
        outcome=order_pb2.ORDER_OUTCOME_APPLIED,
        replayed=replayed,
        shipment=wire.shipment(shipment),
        new_shipments=[wire.shipment(each) for each in new],
    )


def review_message(waiting: WaitingReview) -> pb.WaitingReview:
    """An order that waits for a person."""
    return pb.WaitingReview(
        order_id=waiting.order_id, since_at_ms=waiting.since_at_ms, findings=waiting.findings
    )


def wave_message(wave: Wave) -> pb.Wave:
    """A wave."""
    return pb.Wave(
        wave_id=wave.wave_id,
        location=wave.location,
        zone=wave.zone,
        created_at_ms=wave.created_at_ms,
        shipment_ids=wave.shipment_ids,
    )


def pick_message(pick: Pick, pick_within_ms: int) -> pb.Pick:
    """Units to be taken from a shelf."""
    return pb.Pick(
        location=pick.location,
        zone=pick.zone,
        sku=pick.sku,
        quantity=pick.quantity,
        shipment_id=pick.shipment_id,
        wave_id=pick.wave_id,
        due_at_ms=pick.created_at_ms + pick_within_ms,
    )


def event_message(event: TrackingEvent) -> pb.TrackingEvent:
    """What a carrier has told."""
    return pb.TrackingEvent(
        carrier=event.carrier,
        event_id=event.event_id,
        kind=pb.TrackingEvent.Kind.Value(event.kind),
        happened_at_ms=event.happened_at_ms,
        place=event.place,
        amount_minor=event.amount_minor,
        currency=event.currency,
        received_at_ms=event.received_at_ms,
    )


def reading_message(reading: TemperatureReading) -> pb.TemperatureReading:
    """What a sensor has read."""
    return pb.TemperatureReading(
        sensor=reading.sensor,
        read_at_ms=reading.read_at_ms,
        temperature_millicelsius=reading.millicelsius,
        out_of_limits=reading.out_of_limits,
    )


def incident_message(incident: Incident) -> pb.Incident:
    """Something that went wrong, and what can be done about it."""
    return pb.Incident(
        incident_id=incident.incident_id,
        shipment_id=incident.shipment_id,
        kind=pb.Incident.Kind.Value(incident.kind),
        state=pb.Incident.State.Value(incident.state),
        owner=incident.owner,
        opened_at_ms=incident.opened_at_ms,
        due_at_ms=incident.due_at_ms,
        settled_at_ms=incident.settled_at_ms,
        allowed=[_RESOLUTION_OF[event] for event in allowed_now(incident)],
    )


def shipment_id_of(request: Any) -> str:
    """The shipment that a request names. Raises InvalidField."""
    shipment_id: str = request.shipment_id
    check_id("shipment_id", shipment_id)
    return shipment_id


def units_of(request: Any) -> list[Units]:
    """What was taken or scanned. Raises InvalidField."""
    check_whole("lines", len(request.lines), 0, LINES_MAX)
    for position, line in enumerate(request.lines):
        check_name(f"lines[{position}].sku", line.sku)
        check_whole(f"lines[{position}].quantity", line.quantity, 1, QUANTITY_MAX)
    return [(line.sku, line.quantity) for line in request.lines]


def reason_of(request: Any, length_min: int = 0) -> str:
    """Why, for the history; may be "" unless it has a shortest length. Raises InvalidField."""
    return checked_text("reason", request.reason, REASON_LENGTH_MAX, length_min=length_min)


def event_of(request: pb.RecordTrackingRequest, now_ms: int) -> TrackingEvent:
    """A tracking event that somebody reports. Raises InvalidField."""
    told = request.event
    check_id("event.carrier", told.carrier)
    check_id("event.event_id", told.event_id)
    if told.kind not in pb.TrackingEvent.Kind.values() or not told.kind:
        raise InvalidField("event.kind", "must be a kind of event", told.kind)
    kind = TrackingKind(pb.TrackingEvent.Kind.Name(told.kind))
    check_whole("event.happened_at_ms", told.happened_at_ms, 1, TIME_MS_MAX)
    is_cash = kind is TrackingKind.CASH_COLLECTED
    least, most = (1, AMOUNT_MINOR_MAX) if is_cash else (0, 0)
    check_whole("event.amount_minor", told.amount_minor, least, most)
    if is_cash and told.currency not in MINOR_DIGITS:
        raise InvalidField("event.currency", "must be a currency of ISO 4217", told.currency[:8])
    return TrackingEvent(
        carrier=told.carrier,
        event_id=told.event_id,
        order_id=order_of_part(request.shipment_id),
        shipment_id=request.shipment_id,
        kind=kind,
        happened_at_ms=told.happened_at_ms,
        received_at_ms=now_ms,
        place=checked_text("event.place", told.place, PLACE_LENGTH_MAX),
        amount_minor=told.amount_minor,
        currency=told.currency if is_cash else "",
    )


def reading_of(request: pb.RecordTemperatureRequest) -> tuple[str, int, int]:
    """Sensor, time and temperature of a reading. Raises InvalidField."""
    reading = request.reading
    check_id("reading.sensor", reading.sensor)
    check_whole("reading.read_at_ms", reading.read_at_ms, 1, TIME_MS_MAX)
    check_whole(
        "reading.temperature_millicelsius",
        reading.temperature_millicelsius,
        MILLICELSIUS_MIN,
        MILLICELSIUS_MAX,
    )
    return reading.sensor, reading.read_at_ms, reading.temperature_millicelsius


def incident_kind_of(number: int) -> IncidentKind | None:
    """A kind of incident; None if none is given. Raises InvalidField."""
    if number not in pb.Incident.Kind.values():
        raise InvalidField("kind", "must be a kind of incident", number)
    return IncidentKind(pb.Incident.Kind.Name(number)) if number else None  # type: ignore[arg-type]


def shipment_state_of(number: int) -> ShipmentState | None:
    """A state of shipments; None if none is given. Raises InvalidField."""
    if number not in order_pb2.Shipment.State.values():
        raise InvalidField("state", "must be a state of a shipment", number)
    if not number:
        return None
    return ShipmentState(order_pb2.Shipment.State.Name(number))  # type: ignore[arg-type]


def check_filters(request: Any, check: Callable[[str, str], None], *fields: str) -> None:
    """Checks fields that mean all when they are empty. Raises InvalidField."""
    for field in fields:
        value = getattr(request, field)
        if value:
            check(field, value)


def number_in(token: str) -> int:
    """The number that a page token is, or has in it. Raises InvalidField."""
    if not token:
        return 0
    if not (token.isascii() and token.isdecimal() and len(token) <= NUMBER_LENGTH_MAX):
        raise invalid_page_token(token)
    return int(token)
