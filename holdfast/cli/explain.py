"""`holdfast explain`: one timeline across order, payment, stock and parcel."""

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from cyclopts import Parameter

from holdfast.cli.connection import DEFAULT_CONNECTION, Connection
from holdfast.cli.failures import Failure
from holdfast.cli.groups import SERVER_AND_OUTPUT
from holdfast.cli.orders_connection import OrdersConnection
from holdfast.cli.times import local_iso

if TYPE_CHECKING:
    from holdfast.orders import OrderClient
    from holdfast.types import Reservation, StockLevel

HOLDERS_MAX = 100


class Happening(NamedTuple):
    """Something that happened, for the timeline: when, to what, and what is known of it."""

    at_ms: int
    subject: str
    """`order`, `payment`, `refund`, `shipment`, `incident`, `stock` or `carrier`."""
    what: str
    by: str = ""
    why: str = ""


class Told(NamedTuple):
    """What the order service knows of an order."""

    order: Any
    entries: list[Any]
    parcels: list[Any]


def explain(
    thing: str,
    /,
    *,
    orders_target: Annotated[str | None, Parameter(group=SERVER_AND_OUTPUT)] = None,
    connection: Connection = DEFAULT_CONNECTION,
) -> None:
    """Tells all that is known of an order, a reservation or a SKU.

    Of an order: one timeline across order, payments, stock and parcels. Of a
    reservation that no order has: its stock. Of a SKU: its levels, and who holds
    it.

    For example:
      holdfast explain 01J8ZQ4M9X2T7C1B
      holdfast explain MUG -o json

    Parameters
    ----------
    thing
        The id of an order or a reservation, or a SKU.
    orders_target
        HOST:PORT of the order service [default: the environment's
        HOLDFAST_ORDERS_TARGET, else 127.0.0.1:7610].
    """
    orders = OrdersConnection(orders_target, connection.tenant, connection.output)
    told, silent = _told(orders, thing)
    if told is not None:
        _explain_order(told, _reservation(connection, thing), connection)
        return
    reservation = _reservation(connection, thing)
    if reservation is not None:
        _explain_reservation(reservation, silent, connection)
        return
    levels = _levels(connection, thing)
    if not levels:
        unasked = f" The order service was not asked: {silent}." * bool(silent)
        raise Failure(
            f"nothing is known of {thing}: it is no order, no reservation and no SKU of tenant "
            f"{connection.tenant}.{unasked}",
            reason="NOT_FOUND",
            details={"thing": thing, "tenant": connection.tenant},
        )
    _explain_sku(thing, levels, connection)


def _told(orders: OrdersConnection, order_id: str) -> tuple[Told | None, str]:
    """What the order service knows of an order; and why it does not answer, if it does not."""
    from holdfast.order.v1 import fulfilment_pb2

    async def asked(client: "OrderClient") -> Told:
        order = await client.get(order_id)
        entries = [entry async for entry in client.timeline(order_id)]
        parcels = [
            await client.ask(fulfilment_pb2.GetShipmentRequest(shipment_id=shipment.shipment_id))
            for shipment in order.shipments
        ]
        return Told(order, entries, parcels)

    try:
        return orders.run(asked), ""
    except Failure as failure:
        if failure.reason in ("ORDER_NOT_FOUND", "INVALID_FIELD"):
            return None, ""
        if failure.reason == "UNAVAILABLE":
            # Reservations and stock can be explained without it.
            return None, failure.message
        raise


def _reservation(connection: Connection, reservation_id: str) -> "Reservation | None":
    try:
        with connection.client() as client:
            return client.get_reservation(reservation_id)
    except Failure as failure:
        if failure.reason in ("RESERVATION_NOT_FOUND", "INVALID_FIELD"):
            return None
        raise


def _levels(connection: Connection, sku: str) -> list["StockLevel"]:
    try:
        with connection.client() as client:
            return client.get_stock(sku)
    except Failure as failure:
        if failure.reason == "INVALID_FIELD":
            return []
        raise


def happenings(told: Told, reservation: "Reservation | None") -> list[Happening]:
    """Everything that happened to an order, in the order in which it happened."""
    found = [
        Happening(
            entry.at_ms,
            entry.part_id or entry.subject,
            entry.to_state or "noted",
            entry.actor,
            entry.why,
        )
        for entry in told.entries
    ]
    for parcel in told.parcels:
        found.extend(_on_the_way(parcel))
    if reservation is not None:
        found.extend(_in_the_stock(reservation))
    return sorted(found, key=lambda happening: happening.at_ms)


def _on_the_way(parcel: Any) -> list[Happening]:
    from holdfast.cli.output import enum_name
    from holdfast.order.v1 import fulfilment_pb2

    kinds = fulfilment_pb2.TrackingEvent.Kind.DESCRIPTOR
    shipment_id = parcel.shipment.shipment_id
    return [
        Happening(
            event.happened_at_ms,
            shipment_id,
            enum_name(kinds, event.kind),
            event.carrier,
            event.place,
        )
        for event in parcel.events
    ]


def _in_the_stock(reservation: "Reservation") -> list[Happening]:
    """The engine keeps when a reservation was made and when it last changed."""
    units = sum(line.quantity for line in reservation.lines)
    made = Happening(reservation.created_at_ms, "stock", "RESERVED", "engine", f"{units:,} units")
    if reservation.state.name == "RESERVED":
        return [made]
    last = Happening(reservation.updated_at_ms, "stock", reservation.state.name, "engine")
    return [made, last]


def _explain_order(told: Told, reservation: "Reservation | None", connection: Connection) -> None:
    from holdfast.cli.orders_tables import order_document, print_order
    from holdfast.cli.output import print_json

    timeline = happenings(told, reservation)
    if connection.as_json:
        print_json(
            {
                "kind": "order",
                "order": order_document(told.order, personal=False),
                "reservation": reservation,
                "timeline": [happening._asdict() for happening in timeline],
            }
        )
        return
    print_order(told.order, personal=False)
    _print_timeline(timeline)


def _print_timeline(timeline: list[Happening]) -> None:
    from holdfast.cli.output import print_table

    rows = [
        (local_iso(entry.at_ms), entry.subject, entry.what, entry.by, entry.why)
        for entry in timeline
    ]
    print_table(("When", "What", "Became", "By", "Why"), rows)


def _explain_reservation(reservation: "Reservation", silent: str, connection: Connection) -> None:
    from holdfast.cli.output import print_json, print_remark, print_table

    timeline = _in_the_stock(reservation)
    if connection.as_json:
        entries = [happening._asdict() for happening in timeline]
        print_json({"kind": "reservation", "reservation": reservation, "timeline": entries})
        return
    rows = [
        (line.sku, line.location, line.quantity, line.shipped, line.cancelled, line.returned)
        for line in reservation.lines
    ]
    print(f"Reservation {reservation.reservation_id} is {reservation.state.name}.")
    print_table(("SKU", "Location", "Quantity", "Shipped", "Cancelled", "Returned"), rows)
    _print_timeline(timeline)
    if silent:
        print_remark(f"Whether an order has it is not known: {silent}.")


def _explain_sku(sku: str, levels: list["StockLevel"], connection: Connection) -> None:
    from itertools import islice

    from holdfast.cli.output import print_json, print_remark, print_table
    from holdfast.types import State

    holders: list[Reservation] = []
    with connection.client() as client:
        for state in (State.RESERVED, State.CONFIRMED):
            left = HOLDERS_MAX + 1 - len(holders)
            holders.extend(islice(client.list_reservations(state, sku), left))
    truncated = len(holders) > HOLDERS_MAX
    holders = holders[:HOLDERS_MAX]
    if connection.as_json:
        held_by = {"holders": holders, "truncated": truncated}
        print_json({"kind": "sku", "sku": sku, "levels": levels, **held_by})
        return
    print_table(
        ("SKU", "Location", "On hand", "Reserved", "Confirmed", "Damaged", "Safety", "Available"),
        [
            (
                level.sku,
                level.location,
                level.on_hand,
                level.reserved,
                level.confirmed,
                level.damaged,
                level.safety_stock,
                level.available,
            )
            for level in levels
        ],
    )
    print_table(
        ("Held by", "State", "Units", "Buyer", "Since", "Deadline"),
        [
            (
                holder.reservation_id,
                holder.state.name,
                sum(
                    line.quantity - line.shipped - line.cancelled
                    for line in holder.lines
                    if line.sku == sku
                ),
                holder.buyer_id or "-",
                local_iso(holder.created_at_ms),
                local_iso(holder.expires_at_ms),
            )
            for holder in holders
        ],
    )
    if truncated:
        print_remark(f"More than {HOLDERS_MAX} hold it; `holdfast reservation list --sku` has all.")
