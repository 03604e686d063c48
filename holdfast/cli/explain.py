"""`holdfast explain`: one timeline across order, payment, stock and parcel."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from cyclopts import Parameter

from holdfast.cli.arguments import SERVER_AND_OUTPUT
from holdfast.cli.connection import DEFAULT_CONNECTION, Connection
from holdfast.cli.explain_sku import explain_sku
from holdfast.cli.failures import UNREACHABLE, Failure
from holdfast.cli.orders.connection import OrdersConnection
from holdfast.cli.output import enum_name, print_json, print_remark
from holdfast.cli.reservation import print_lines
from holdfast.cli.timeline import Happening, in_the_stock, order_of, print_timeline

if TYPE_CHECKING:
    from holdfast.orders import OrderClient
    from holdfast.types import Reservation, StockLevel


class KnownOrder(NamedTuple):
    """An order with its history and shipments, from the order service."""

    order: Any
    entries: list[Any]
    shipments: list[Any]
    """Each shipment with its tracking and incidents, as GetShipment answers."""
    journals: Sequence[Any] = ()
    """The events that moved its money, as the ledger has them."""


def explain(
    thing: str,
    /,
    *,
    orders_target: Annotated[str | None, Parameter(group=SERVER_AND_OUTPUT)] = None,
    connection: Connection = DEFAULT_CONNECTION,
) -> None:
    """Tells all that is known of an order, a reservation or a SKU.

    Of an order, or a part of one such as a parcel: one timeline across order,
    payments, stock and parcels. Of a reservation that no order has: its stock. Of
    a SKU: its levels, who holds or held it, and what became of those orders.

    For example:
      holdfast explain 3766223186315821678
      holdfast explain 3766223186315821678-s1
      holdfast explain MUG -o json

    Parameters
    ----------
    thing
        The id of an order, a part of one or a reservation, or a SKU.
    orders_target
        HOST:PORT of the order service [default: the environment's
        HOLDFAST_ORDERS_TARGET, else 127.0.0.1:7610].
    """
    orders = OrdersConnection(orders_target, connection.tenant, connection.output)
    known, silent = _known_order(orders, order_of(thing))
    if known is not None:
        _explain_order(known, _stock_of(connection, known), connection)
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
    explain_sku(thing, levels, connection, orders)


def _known_order(orders: OrdersConnection, order_id: str) -> tuple[KnownOrder | None, str]:
    """The order, None if there is none; and why the order service does not answer, else ""."""
    from holdfast.order.v1 import fulfilment_pb2, settlement_pb2

    async def asked(client: "OrderClient") -> KnownOrder:
        order = await client.get(order_id)
        entries = [entry async for entry in client.timeline(order_id)]
        shipments = [
            await client.ask(fulfilment_pb2.GetShipmentRequest(shipment_id=shipment.shipment_id))
            for shipment in order.shipments
        ]
        journals = [
            journal
            async for page in client.pages(settlement_pb2.ListJournalsRequest(order_id=order_id))
            for journal in page.journals
        ]
        return KnownOrder(order, entries, shipments, journals)

    try:
        return orders.run(asked), ""
    except Failure as failure:
        if failure.reason in ("ORDER_NOT_FOUND", "INVALID_FIELD"):
            return None, ""
        if failure.exit_status == UNREACHABLE:
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


class Stock(NamedTuple):
    """The reservations of an order, from the engine."""

    reservations: list["Reservation"]
    """The order's own reservation, and those of the parcels that replace lost ones, or ones that
    their warehouse could not serve."""
    silent: str = ""
    """Why the engine does not answer, if it does not."""


def _stock_of(connection: Connection, known: KnownOrder) -> Stock:
    """Reads the reservations of an order; the order is explained without them, too."""
    order_id = known.order.order_id
    replaced = {one.shipment.replaces for one in known.shipments if one.shipment.replaces}
    replaced |= {one.shipment.shipment_id for one in known.shipments if one.incidents}
    others = [f"{order_id}-x{shipment_id.rpartition('-s')[2]}" for shipment_id in sorted(replaced)]
    try:
        found = [_reservation(connection, reservation_id) for reservation_id in (order_id, *others)]
    except Failure as failure:
        if failure.exit_status != UNREACHABLE:
            raise
        return Stock([], failure.message)
    return Stock([reservation for reservation in found if reservation is not None])


def _levels(connection: Connection, sku: str) -> list["StockLevel"]:
    try:
        with connection.client() as client:
            return client.get_stock(sku)
    except Failure as failure:
        if failure.reason == "INVALID_FIELD":
            return []
        raise


def happenings(known: KnownOrder, reservations: Iterable["Reservation"]) -> list[Happening]:
    """Everything that happened to an order, in the order in which it happened."""
    found = [
        Happening(
            entry.at_ms,
            entry.part_id or entry.subject,
            entry.to_state or "noted",
            entry.actor,
            entry.why,
        )
        for entry in known.entries
    ]
    for shipment in known.shipments:
        found.extend(_on_the_way(shipment))
    found.extend(map(_posted, known.journals))
    for reservation in reservations:
        own = reservation.reservation_id == known.order.order_id
        found.extend(in_the_stock(reservation, "stock" if own else reservation.reservation_id))
    return sorted(found, key=lambda happening: happening.at_ms)


def _posted(journal: Any) -> Happening:
    from holdfast.money import amount_text

    postings = [
        f"{posting.account} {amount_text(posting.amount_minor, journal.currency)}"
        for posting in journal.postings
    ]
    return Happening(journal.at_ms, "ledger", journal.kind, journal.actor, ", ".join(postings))


def _on_the_way(answer: Any) -> list[Happening]:
    from holdfast.order.v1 import fulfilment_pb2

    kinds = fulfilment_pb2.TrackingEvent.Kind.DESCRIPTOR
    shipment_id = answer.shipment.shipment_id
    return [
        Happening(
            event.happened_at_ms,
            shipment_id,
            enum_name(kinds, event.kind),
            event.carrier,
            event.place,
        )
        for event in answer.events
    ]


def _explain_order(known: KnownOrder, stock: Stock, connection: Connection) -> None:
    from holdfast.cli.orders.tables import order_document, print_order

    timeline = happenings(known, stock.reservations)
    if connection.as_json:
        own = {found.reservation_id: found for found in stock.reservations}
        print_json(
            {
                "kind": "order",
                "order": order_document(known.order, personal=False),
                "reservation": own.pop(known.order.order_id, None),
                "replacements": list(own.values()),
                "engine_silent": stock.silent,
                "timeline": [happening._asdict() for happening in timeline],
            }
        )
        return
    print_order(known.order, personal=False)
    print_timeline(timeline)
    if stock.silent:
        print_remark(f"The stock of this order is not shown: {stock.silent}.")


def _explain_reservation(reservation: "Reservation", silent: str, connection: Connection) -> None:
    timeline = in_the_stock(reservation, "stock")
    if connection.as_json:
        entries = [happening._asdict() for happening in timeline]
        print_json({"kind": "reservation", "reservation": reservation, "timeline": entries})
        return
    print(f"Reservation {reservation.reservation_id} is {reservation.state.name}.")
    print_lines(reservation.lines)
    print_timeline(timeline)
    if silent:
        print_remark(f"Whether an order has it is not known: {silent}.")
