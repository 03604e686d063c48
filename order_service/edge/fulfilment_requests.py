"""Checks the fields of fulfilment's requests, and makes values of them."""

from typing import Any, Final

from holdfast.money import MINOR_DIGITS
from holdfast.order.v1 import fulfilment_pb2 as pb
from order_service.edge.wire import filter_of
from order_service.fulfilment.warehouse import Units
from order_service.order.fields import QUANTITY_MAX, check_id, check_name, check_whole, checked_text
from order_service.order.parts import order_id_of as order_of_part
from order_service.order.records import TrackingEvent, TrackingKind
from order_service.order.refusals import InvalidField

LINES_MAX: Final = 1_000
PLACE_LENGTH_MAX: Final = 100
TIME_MS_MAX: Final = 10**15
AMOUNT_MINOR_MAX: Final = 10**12
MILLICELSIUS_MIN: Final = -273_150
MILLICELSIUS_MAX: Final = 1_000_000


def units_of(request: Any) -> list[Units]:
    """The units that were taken or scanned. Raises InvalidField."""
    check_whole("lines", len(request.lines), 0, LINES_MAX)
    for position, line in enumerate(request.lines):
        check_name(f"lines[{position}].sku", line.sku)
        check_whole(f"lines[{position}].quantity", line.quantity, 1, QUANTITY_MAX)
    return [(line.sku, line.quantity) for line in request.lines]


def event_of(request: pb.RecordTrackingRequest, now_ms: int) -> TrackingEvent:
    """A tracking event that somebody reports. Raises InvalidField."""
    event = request.event
    check_id("event.carrier", event.carrier)
    check_id("event.event_id", event.event_id)
    kind = filter_of(
        TrackingKind, pb.TrackingEvent.Kind, event.kind, "event.kind", "a kind of event"
    )
    if kind is None:
        raise InvalidField("event.kind", "must be a kind of event", event.kind)
    check_whole("event.happened_at_ms", event.happened_at_ms, 1, TIME_MS_MAX)
    is_cash = kind is TrackingKind.CASH_COLLECTED
    least, most = (1, AMOUNT_MINOR_MAX) if is_cash else (0, 0)
    check_whole("event.amount_minor", event.amount_minor, least, most)
    if is_cash and event.currency not in MINOR_DIGITS:
        raise InvalidField("event.currency", "must be a currency of ISO 4217", event.currency[:8])
    return TrackingEvent(
        carrier=event.carrier,
        event_id=event.event_id,
        order_id=order_of_part(request.shipment_id),
        shipment_id=request.shipment_id,
        kind=kind,
        happened_at_ms=event.happened_at_ms,
        received_at_ms=now_ms,
        place=checked_text("event.place", event.place, PLACE_LENGTH_MAX),
        amount_minor=event.amount_minor,
        currency=event.currency if is_cash else "",
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
