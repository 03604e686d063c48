"""Cancels a parcel that cannot be shipped, or must not; the order goes on (O14). Pure."""

from order_service.fulfilment.cancelling import leave_out
from order_service.fulfilment.elsewhere import look_elsewhere
from order_service.fulfilment.warehouse import ShipmentAnswer, not_now, shipment_of
from order_service.order.draft import Draft
from order_service.order.machines import SHIPMENT
from order_service.order.states import ShipmentEvent, ShipmentState


def cancel_shipment(
    draft: Draft,
    shipment_id: str,
    why: str,
    missing: bool | None = None,
    *,
    elsewhere: bool = False,
) -> ShipmentAnswer:
    """Leaves out a shipment that somebody says cannot be shipped, or must not.

    `missing`: whether its units are not there; None: as its picker has said. Those are asked for at
    other warehouses where `elsewhere` says that there are some, and the money goes back for what
    none of them has. Raises Refused: NOT_FOUND, WRONG_STATE, TOO_MANY.
    """
    shipment = shipment_of(draft, shipment_id)
    if shipment.state is ShipmentState.CANCELLED:
        return ShipmentAnswer(shipment, replayed=True)
    if not SHIPMENT.allows(shipment.state, ShipmentEvent.CANCEL):
        raise not_now(shipment, ShipmentEvent.CANCEL)
    if shipment.state is ShipmentState.SOURCING and elsewhere:
        return ShipmentAnswer(shipment, replayed=True)
    if missing is not None and shipment.state is not ShipmentState.SOURCING:
        draft.update(shipment, missing=missing)
    if shipment.missing and elsewhere:
        sourcing = look_elsewhere(draft, shipment, why)
        rest = sourcing if sourcing is not shipment else None
        return ShipmentAnswer(shipment, replayed=False, rest=rest)
    leave_out(draft, shipment, shipment_id, why)
    return ShipmentAnswer(shipment, replayed=False)
