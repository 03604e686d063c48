"""`holdfast orders record|temperature`: what carriers and sensors say, where nothing else does."""

from holdfast.cli.arguments import MomentMs
from holdfast.cli.failures import usage_failure
from holdfast.cli.orders.arguments import Millicelsius, ShipmentId, TrackingName
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, OrdersConnection, new_key
from holdfast.cli.orders.tables import print_answer
from holdfast.cli.orders.warehouse import print_moved
from holdfast.cli.times import now_ms
from holdfast.money import minor_units
from holdfast.order.v1 import fulfilment_pb2 as pb

CASH_COLLECTED = "CASH_COLLECTED"
# The carrier of events before a parcel has one.
NO_CARRIER = "staff"


def record(
    shipment_id: ShipmentId,
    kind: TrackingName,
    /,
    *,
    amount: str = "",
    place: str = "",
    at: MomentMs | None = None,
    event_id: str = "",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Records what a carrier says of a parcel, where its callbacks do not.

    What the carrier tells itself needs no command: it is known already.

    For example:
      holdfast orders record 3766223186315821678-s1 signed --place Leeds
      holdfast orders record 3766223186315821678-s1 cash-collected --amount 25.00
      holdfast orders record 3766223186315821678-s1 lost --at 2030-01-31 -o json

    Parameters
    ----------
    kind
        What has become of it: collected, in-transit, hub, out-for-delivery,
        signed, attempt-failed, lost, damaged or cash-collected.
    amount
        With cash-collected: how much, in the order's currency.
    place
        Where it happened.
    at
        When: an ISO time, or milliseconds since 1970 [default: now].
    event_id
        The carrier's id of it: the same id is recorded once [default: a new one].
    """
    if bool(amount) != (kind == CASH_COLLECTED):
        raise usage_failure(
            "give --amount with cash-collected, and with nothing else. "
            "See `holdfast orders record --help`"
        )
    event_id = new_key(event_id)
    shipment = connection.ask(pb.GetShipmentRequest(shipment_id=shipment_id)).shipment
    event = pb.TrackingEvent(
        carrier=shipment.carrier or NO_CARRIER,
        event_id=event_id,
        kind=pb.TrackingEvent.Kind.Value(kind),
        happened_at_ms=now_ms() if at is None else at,
        place=place,
    )
    if amount:
        event.amount_minor, event.currency = _cash(connection, shipment_id, amount)
    request = pb.RecordTrackingRequest(shipment_id=shipment_id, event=event)
    answer = connection.decide_once(request, event_id, "--event-id")
    print_moved(connection, answer, key=event_id)


def _cash(connection: OrdersConnection, shipment_id: str, amount: str) -> tuple[int, str]:
    """The cash that a carrier has collected, in minor units, and the currency of the order."""
    order_id = shipment_id.rpartition("-")[0]
    currency = connection.run(lambda client: client.get(order_id)).currency
    try:
        return minor_units(amount, currency), currency
    except ValueError as error:
        raise usage_failure(f"--amount: {error}") from error


def temperature(
    shipment_id: ShipmentId,
    sensor: str,
    degrees: Millicelsius,
    /,
    *,
    at: MomentMs | None = None,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Records how warm it was in a parcel, each reading of a sensor once.

    Out of the parcel's limits it is an incident; `holdfast orders track` has both.

    For example:
      holdfast orders temperature 3766223186315821678-s1 probe-1 -17.5
      holdfast orders temperature 3766223186315821678-s1 probe-1 4 --at 2030-01-31

    Parameters
    ----------
    sensor
        Which sensor.
    degrees
        What it read, in degrees Celsius.
    at
        When: an ISO time, or milliseconds since 1970 [default: now].
    """
    reading = pb.TemperatureReading(
        sensor=sensor,
        read_at_ms=now_ms() if at is None else at,
        temperature_millicelsius=degrees,
    )
    request = pb.RecordTemperatureRequest(shipment_id=shipment_id, reading=reading)
    answer = connection.decide(request)
    print_answer(connection, answer, f"Recorded {degrees / 1_000:g} °C of {shipment_id}.")
