"""The reservations in the engine that an order has: its own, and those of units sold once more.

The units of what replaces a parcel that was lost, or that its warehouse cannot serve, have a
reservation of their own: `<order id>-x1` for parcel `<order id>-s1`, so that trying again never
takes units twice.
"""

from order_service.order.model import Order, Shipment
from order_service.order.parts import RESERVATION_LETTER, part_id, part_no
from order_service.order.states import ShipmentState


def reservation_of(order: Order, shipment: Shipment) -> str:
    """The id of the reservation that has a shipment's units."""
    replaced_id = order.sold_again_for(shipment)
    return reservation_instead_of(order, replaced_id) if replaced_id else order.reservation_id


def reservation_instead_of(order: Order, shipment_id: str) -> str:
    """The id of the reservation of what replaces a shipment, whose units are sold once more."""
    return part_id(order.order_id, RESERVATION_LETTER, part_no(shipment_id))


def reservation_ids(order: Order) -> set[str]:
    """The ids of all reservations that an order has, or may have."""
    replaced = {shipment.replaces for shipment in order.shipments if shipment.replaces}
    replaced |= {incident.shipment_id for incident in order.incidents}
    replaced |= {
        shipment.shipment_id
        for shipment in order.shipments
        if shipment.state is ShipmentState.SOURCING
    }
    return {order.reservation_id, *(reservation_instead_of(order, each) for each in replaced)}


def taken_elsewhere(order: Order) -> list[Shipment]:
    """The parcels that came to be because another warehouse served units of an earlier one."""
    return [
        shipment
        for shipment in order.shipments
        if shipment.replaces and _is_from_elsewhere(order, shipment)
    ]


def _is_from_elsewhere(order: Order, shipment: Shipment) -> bool:
    replaced = order.shipment(shipment.replaces)
    return not replaced.shipped_at_ms and replaced.location != shipment.location
