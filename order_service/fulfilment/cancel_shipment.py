"""Leaves a shipment out of its order: the buyer gets the others, and the money for this one (O14).

Used also where units turn out to be missing only in the warehouse. Pure.
"""

from order_service.fulfilment.cancel_order import cancel_at_once
from order_service.fulfilment.incidents import close_with_refund
from order_service.fulfilment.shares import goods_minor, send_back
from order_service.fulfilment.warehouse import (
    ShipmentAnswer,
    count_units,
    not_now,
    shipment_of,
    withdraw,
)
from order_service.order.draft import Draft
from order_service.order.model import Order, Shipment
from order_service.order.states import SHIPMENT, OrderState, ShipmentEvent, ShipmentState
from order_service.order.tasks import CancelShipmentStock


def cancel_shipment(draft: Draft, shipment_id: str, why: str) -> ShipmentAnswer:
    """Leaves out a shipment that somebody says cannot be shipped, or must not.

    Raises Refused: NOT_FOUND, WRONG_STATE.
    """
    shipment = shipment_of(draft, shipment_id)
    if shipment.state is ShipmentState.CANCELLED:
        return ShipmentAnswer(shipment, replayed=True)
    if not SHIPMENT.allows(shipment.state, ShipmentEvent.CANCEL):
        raise not_now(shipment, ShipmentEvent.CANCEL)
    leave_out(draft, shipment, shipment_id, why)
    return ShipmentAnswer(shipment, replayed=False)


def leave_out(draft: Draft, shipment: Shipment, refund_key: str, why: str) -> None:
    """Cancels a shipment that has not left: its units are on sale again, their money goes back.

    With its last shipment the order is cancelled. Raises Refused: WRONG_STATE where it cannot be,
    because another attempt to pay it is open.
    """
    order = draft.order
    if _is_all_there_is(order, shipment):
        cancel_at_once(draft, why)
        return
    withdraw(draft, shipment, why)
    close_with_refund(draft, shipment, why)
    draft.send(CancelShipmentStock(shipment.shipment_id))
    send_back(draft, refund_key, goods_minor(order, shipment), why)
    count_units(draft, shipment, "cancelled")


def _is_all_there_is(order: Order, shipment: Shipment) -> bool:
    """Whether nothing of the order has left, and no other shipment will."""
    return order.state is OrderState.IN_FULFILMENT and all(
        other is shipment or other.state is ShipmentState.CANCELLED for other in order.shipments
    )
