"""`holdfast orders shipments|ship-all-the-same|track|record|temperature|incidents`: on the way."""

from collections.abc import Iterable

from cyclopts import App

from holdfast.cli.arguments import LIST_LIMIT_DEFAULT, Limit, MomentMs
from holdfast.cli.failures import Failure, usage_failure
from holdfast.cli.orders.arguments import (
    ArticleUnits,
    IncidentName,
    Millicelsius,
    Reason,
    ReportedName,
    ResolutionName,
    ShipmentId,
    ShipmentStateName,
    TrackingName,
)
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, OrdersConnection, new_key
from holdfast.cli.orders.tables import (
    print_answer,
    print_list,
    print_shipments,
    state_of,
    units_text,
)
from holdfast.cli.orders.warehouse import parcel_lines, print_moved
from holdfast.cli.output import enum_name, plain, print_json, table_of
from holdfast.cli.times import now_ms
from holdfast.money import minor_units
from holdfast.order.v1 import fulfilment_pb2 as pb
from holdfast.order.v1 import order_pb2

CASH_COLLECTED = "CASH_COLLECTED"
_DELIVERED = order_pb2.Shipment.DELIVERED
# Ends that no parcel comes to after its delivery, and what they are reported as.
_BAD_ENDS = {"LOST": "loss", "DAMAGED": "damage"}
# The carrier of events before a parcel has one.
NO_CARRIER = "staff"

incidents = App(
    name="incidents",
    help="Parcels that are late, lost or damaged, and what is done.",
)


def shipments(
    order_id: str = "",
    /,
    *,
    state: ShipmentStateName | None = None,
    location: str = "",
    waybill: str = "",
    limit: Limit = LIST_LIMIT_DEFAULT,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Lists parcels, the oldest first.

    For example:
      holdfast orders shipments 3766223186315821678
      holdfast orders shipments --state planned --location shanghai-1

    Parameters
    ----------
    order_id
        Only those of this order.
    state
        Only those in this state, such as planned, shipped or delivered.
    location
        Only those from this warehouse.
    waybill
        Only the one with this number.
    """
    request = pb.ListShipmentsRequest(
        order_id=order_id,
        state=order_pb2.Shipment.State.Value(state or "STATE_UNSPECIFIED"),
        location=location,
        waybill=waybill,
    )
    print_list(connection, request, "shipments", limit, print_shipments)


def ship_all_the_same(
    shipment_id: ShipmentId,
    reason: Reason,
    /,
    *,
    actor: str = "staff",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Lets a parcel go whatever becomes of its money: its units are given away.

    To be said before the refund, which would leave the parcel out.

    For example:
      holdfast orders ship-all-the-same 3766223186315821678-s2 "a present"

    Parameters
    ----------
    actor
        Who lets it go, such as staff:7.
    """
    request = pb.ShipAllTheSameRequest(shipment_id=shipment_id, reason=reason, actor=actor)
    answer = connection.decide(request)
    text = f"{shipment_id} goes all the same, and is {state_of(answer.shipment)}."
    print_answer(connection, answer, text)


def track(
    shipment_id: ShipmentId, /, *, connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION
) -> None:
    """Shows where a parcel is: what its carrier said, its temperatures and incidents.

    For example:
      holdfast orders track 3766223186315821678-s1
    """
    found = connection.ask(pb.GetShipmentRequest(shipment_id=shipment_id))
    if connection.as_json:
        print_json(plain(found))
        return
    print_shipments([found.shipment])
    if found.events:
        _print_events(found.events)
    if found.readings:
        _print_readings(found.readings)
    if found.incidents:
        _print_incidents(found.incidents)


_print_events = table_of(
    {"When": "happened_at_ms", "What": "kind", "Where": "place", "Carrier": "carrier"}
)
_print_readings = table_of(
    {
        "When": "read_at_ms",
        "Sensor": "sensor",
        "Temperature": lambda reading: f"{reading.temperature_millicelsius / 1_000:.1f} °C",
        "Out of limits": "out_of_limits",
    }
)


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
        When: an ISO time, or milliseconds since 1970 [default: now; of an
        --event-id that is known, as it was recorded].
    event_id
        The carrier's id of it: the same id is recorded once [default: a new one].
    """
    if bool(amount) != (kind == CASH_COLLECTED):
        raise usage_failure(
            "give --amount with cash-collected, and with nothing else. "
            "See `holdfast orders record --help`"
        )
    event_id = new_key(event_id)
    found = connection.ask(pb.GetShipmentRequest(shipment_id=shipment_id))
    shipment, carrier = found.shipment, found.shipment.carrier or NO_CARRIER
    event = pb.TrackingEvent(
        carrier=carrier,
        event_id=event_id,
        kind=pb.TrackingEvent.Kind.Value(kind),
        happened_at_ms=_told_at_ms(found.events, carrier, event_id) if at is None else at,
        place=place,
    )
    if amount:
        event.amount_minor, event.currency = _cash(connection, shipment_id, amount)
    request = pb.RecordTrackingRequest(shipment_id=shipment_id, event=event)
    answer = connection.decide_once(request, event_id, "--event-id")
    print_moved(connection, answer, key=event_id)
    if kind in _BAD_ENDS and shipment.state == answer.shipment.state == _DELIVERED:
        raise Failure(
            f"{shipment_id} was delivered before: that it is {kind.lower()} was recorded and "
            f"changes nothing. `holdfast orders incidents report {shipment_id} {_BAD_ENDS[kind]} "
            "REASON` has somebody see to it",
            reason="DELIVERED_BEFORE",
            details={"shipment_id": shipment_id, "key": event_id},
        )


def _told_at_ms(events: Iterable[pb.TrackingEvent], carrier: str, event_id: str) -> int:
    """The time of an event that is told without one: said again it is the one that is known."""
    known = (event for event in events if (event.carrier, event.event_id) == (carrier, event_id))
    return next((event.happened_at_ms for event in known), now_ms())


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


@incidents.command(name="list")
def list_incidents(
    *,
    owner: str = "",
    kind: IncidentName | None = None,
    overdue: bool = False,
    settled_too: bool = False,
    limit: Limit = LIST_LIMIT_DEFAULT,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Lists what went wrong with parcels, the nearest deadline first.

    For example:
      holdfast orders incidents list --overdue

    Parameters
    ----------
    owner
        Only those of this owner.
    kind
        Only those of this kind, such as delay, loss, damage or temperature.
    overdue
        Only those whose deadline has passed.
    settled_too
        Those that are settled, too.
    """
    request = pb.ListIncidentsRequest(
        owner=owner,
        kind=pb.Incident.Kind.Value(kind or "KIND_UNSPECIFIED"),
        overdue=overdue,
        settled_too=settled_too,
    )
    print_list(connection, request, "incidents", limit, _print_incidents)


_print_incidents = table_of(
    {
        "Incident": "incident_id",
        "Shipment": "shipment_id",
        "Kind": "kind",
        "Units": lambda incident: units_text(incident.lines) or "all",
        "State": "state",
        "Owner": "owner",
        "Due": "due_at_ms",
        "Can be": lambda incident: " ".join(map(_resolution_name, incident.allowed)) or "-",
    }
)


def _resolution_name(number: int) -> str:
    return enum_name(pb.Resolution.DESCRIPTOR, number).lower()


@incidents.command
def report(
    shipment_id: ShipmentId,
    kind: ReportedName,
    reason: str,
    /,
    *units: ArticleUnits,
    actor: str = "staff",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Reports that a parcel is late, lost or damaged, or what is wrong in it.

    For example:
      holdfast orders incidents report 3766223186315821678-s1 damage "came broken"
      holdfast orders incidents report 3766223186315821678-s1 damage \\
        "1 of 2" MUG=1
      holdfast orders incidents report 3766223186315821678-s1 missing-item \\
        "no tea" TEA=1

    Parameters
    ----------
    kind
        What is wrong: delay, loss, damage, wrong-item or missing-item.
    reason
        What is known; nothing personal.
    units
        With damage, wrong-item or missing-item: the units that are meant of a
        parcel that came, SKU=QUANTITY each [default: all of it].
    actor
        Who reports it, such as staff:7.
    """
    answer = connection.decide(
        pb.ReportIncidentRequest(
            shipment_id=shipment_id,
            kind=pb.Incident.Kind.Value(kind),
            actor=actor,
            reason=reason,
            lines=parcel_lines(units),
        )
    )
    meant = " ".join([kind.lower().replace("_", "-"), *units])
    print_answer(connection, answer, f"Reported: {shipment_id}, {meant}.")


@incidents.command
def resolve(
    incident_id: str,
    what: ResolutionName,
    reason: Reason,
    /,
    *,
    actor: str = "staff",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Says what is done about an incident: wait, ship again, or send money back.

    For example:
      holdfast orders incidents resolve 3766223186315821678-i1 reship "agreed"

    Parameters
    ----------
    incident_id
        The incident.
    what
        wait, reship or refund.
    actor
        Who decides, such as staff:7.
    """
    answer = connection.decide(
        pb.ResolveIncidentRequest(
            incident_id=incident_id,
            resolution=pb.Resolution.Value(f"RESOLUTION_{what}"),
            actor=actor,
            reason=reason,
        )
    )
    print_answer(connection, answer, f"Resolved {incident_id}: {what.lower()}.")
