"""`holdfast orders shipments|track` and incidents: parcels on their way."""

from typing import Any

from cyclopts import App

from holdfast.cli.arguments import LIST_LIMIT_DEFAULT, PARCELS, Limit
from holdfast.cli.orders.arguments import (
    IncidentName,
    ReportedName,
    ResolutionName,
    ShipmentStateName,
)
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, OrdersConnection
from holdfast.cli.orders.tables import print_answer, print_list, print_shipments, state_of
from holdfast.cli.output import enum_name, plain, print_json, print_table
from holdfast.cli.times import local_iso
from holdfast.order.v1 import fulfilment_pb2 as pb
from holdfast.order.v1 import order_pb2

incidents = App(
    name="incidents",
    group=PARCELS,
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
    limit
        At most this many are shown; the output says if there are more.
    """
    request = pb.ListShipmentsRequest(
        order_id=order_id,
        state=order_pb2.Shipment.State.Value(state or "STATE_UNSPECIFIED"),
        location=location,
        waybill=waybill,
    )
    print_list(connection, request, "shipments", limit, print_shipments)


def track(shipment_id: str, /, *, connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION) -> None:
    """Shows where a parcel is: what its carrier said, its temperatures and incidents.

    For example:
      holdfast orders track 3766223186315821678-s1

    Parameters
    ----------
    shipment_id
        The parcel.
    """
    found = connection.ask(pb.GetShipmentRequest(shipment_id=shipment_id))
    if connection.as_json:
        print_json(plain(found))
        return
    print_shipments([found.shipment])
    events = [
        (
            local_iso(event.happened_at_ms),
            enum_name(pb.TrackingEvent.Kind.DESCRIPTOR, event.kind),
            event.place or "-",
            event.carrier,
        )
        for event in found.events
    ]
    if events:
        print_table(("When", "What", "Where", "Carrier"), events)
    readings = [
        (
            local_iso(reading.read_at_ms),
            reading.sensor,
            f"{reading.temperature_millicelsius / 1_000:.1f} °C",
            "yes" if reading.out_of_limits else "no",
        )
        for reading in found.readings
    ]
    if readings:
        print_table(("When", "Sensor", "Temperature", "Out of limits"), readings)
    if found.incidents:
        _print_incidents(list(found.incidents))


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
        Only delay, loss, damage or temperature.
    overdue
        Only those whose deadline has passed.
    settled_too
        Those that are settled, too.
    limit
        At most this many are shown; the output says if there are more.
    """
    request = pb.ListIncidentsRequest(
        owner=owner,
        kind=pb.Incident.Kind.Value(kind or "KIND_UNSPECIFIED"),
        overdue=overdue,
        settled_too=settled_too,
    )
    print_list(connection, request, "incidents", limit, _print_incidents)


def _print_incidents(found: list[Any]) -> None:
    rows = [
        (
            incident.incident_id,
            incident.shipment_id,
            enum_name(pb.Incident.Kind.DESCRIPTOR, incident.kind),
            state_of(incident),
            incident.owner,
            local_iso(incident.due_at_ms),
            " ".join(
                enum_name(pb.Resolution.DESCRIPTOR, allowed).lower() for allowed in incident.allowed
            )
            or "-",
        )
        for incident in found
    ]
    print_table(("Incident", "Shipment", "Kind", "State", "Owner", "Due", "Can be"), rows)


@incidents.command
def report(
    shipment_id: str,
    kind: ReportedName,
    reason: str,
    /,
    *,
    actor: str = "staff",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Reports that a parcel is late, lost or damaged.

    For example:
      holdfast orders incidents report 3766223186315821678-s1 damage "came broken"

    Parameters
    ----------
    shipment_id
        The parcel.
    kind
        What is wrong: delay, loss or damage.
    reason
        What is known; nothing personal.
    actor
        Who reports it, such as staff:7.
    """
    answer = connection.decide(
        pb.ReportIncidentRequest(
            shipment_id=shipment_id,
            kind=pb.Incident.Kind.Value(kind),
            actor=actor,
            reason=reason,
        )
    )
    print_answer(connection, answer, f"Reported: {shipment_id}, {kind.lower()}.")


@incidents.command
def resolve(
    incident_id: str,
    what: ResolutionName,
    reason: str,
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
    reason
        Why, for the order's history; nothing personal.
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
