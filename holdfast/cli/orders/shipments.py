"""`holdfast orders shipments|track` and incidents: parcels on their way."""

from cyclopts import App

from holdfast.cli.arguments import LIST_LIMIT_DEFAULT, PARCELS, Limit
from holdfast.cli.orders.arguments import (
    IncidentName,
    Reason,
    ReportedName,
    ResolutionName,
    ShipmentId,
    ShipmentStateName,
)
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, OrdersConnection
from holdfast.cli.orders.tables import print_answer, print_list, print_shipments
from holdfast.cli.output import enum_name, plain, print_json, table_of
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
    """
    request = pb.ListShipmentsRequest(
        order_id=order_id,
        state=order_pb2.Shipment.State.Value(state or "STATE_UNSPECIFIED"),
        location=location,
        waybill=waybill,
    )
    print_list(connection, request, "shipments", limit, print_shipments)


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
    *,
    actor: str = "staff",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Reports that a parcel is late, lost or damaged.

    For example:
      holdfast orders incidents report 3766223186315821678-s1 damage "came broken"

    Parameters
    ----------
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
