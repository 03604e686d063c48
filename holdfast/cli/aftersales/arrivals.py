"""`holdfast aftersales arrivals scan|match|list`: parcels that came, and that nobody announced."""

from cyclopts import App

from holdfast.cli.arguments import LIST_LIMIT_DEFAULT, PARCELS, Limit
from holdfast.cli.orders.arguments import ShipmentId
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, OrdersConnection, new_key
from holdfast.cli.orders.tables import print_answer, print_list
from holdfast.cli.output import table_of
from holdfast.order.v1 import returns_pb2 as pb

app = App(name="arrivals", group=PARCELS, help="Parcels that came, and that nobody announced.")


@app.command
def scan(
    location: str,
    carrier: str,
    waybill: str,
    /,
    *,
    old_waybill: str = "",
    key: str = "",
    actor: str = "warehouse",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Scans a parcel that nobody had announced, and finds what it is where it can.

    For example:
      holdfast aftersales arrivals scan shanghai-1 sf SF123 --old-waybill SB45678

    Parameters
    ----------
    location
        The warehouse that has it.
    carrier
        The carrier that brought it.
    waybill
        Its number.
    old_waybill
        The number under which the goods went to their buyer, if it is on it.
    key
        The scan's id: the same id is the same parcel [default: a new one].
    actor
        Who scans it, such as warehouse:7.
    """
    key = new_key(key)
    request = pb.RecordArrivalRequest(
        arrival_id=key,
        location=location,
        carrier=carrier,
        waybill=waybill,
        old_waybill=old_waybill,
        actor=actor,
    )
    answer = connection.decide_once(request, key)
    leg_id = answer.arrival.leg_id
    known = f"It is {leg_id}." if leg_id else f"Nobody knows it yet: match arrival {key}."
    print_answer(connection, answer, known, key=key)


@app.command
def match(
    arrival_id: str,
    shipment_id: ShipmentId,
    /,
    *,
    actor: str = "staff",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Says which parcel brought the goods that have come back.

    `holdfast orders find` finds an order by a telephone number or its own.

    For example:
      holdfast aftersales arrivals match scan-7 3766223186315821678-s1

    Parameters
    ----------
    arrival_id
        The arrival.
    actor
        Who says it, such as staff:7.
    """
    request = pb.MatchArrivalRequest(arrival_id=arrival_id, shipment_id=shipment_id, actor=actor)
    answer = connection.decide(request)
    print_answer(connection, answer, f"{arrival_id} is {answer.arrival.leg_id}.")


@app.command(name="list")
def list_arrivals(
    *,
    matched_too: bool = False,
    limit: Limit = LIST_LIMIT_DEFAULT,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Lists parcels that came and that nobody knows, the longest waiting first.

    For example:
      holdfast aftersales arrivals list

    Parameters
    ----------
    matched_too
        Those that are known by now, too.
    """
    request = pb.ListArrivalsRequest(matched_too=matched_too)
    print_list(connection, request, "arrivals", limit, _print_arrivals)


_print_arrivals = table_of(
    {
        "Arrival": "arrival_id",
        "At": "location",
        "Carrier": "carrier",
        "Waybill": "waybill",
        "Old waybill": "old_waybill",
        "Came": "arrived_at_ms",
        "Due": "due_at_ms",
        "Return": "leg_id",
    }
)
