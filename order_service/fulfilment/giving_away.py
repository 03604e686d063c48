"""Lets a parcel leave all the same, though the money of its units went back, or is to. Pure.

Its units are given away then: their money is counted as back, and is not asked for again.
"""

from order_service.fulfilment.warehouse import ShipmentAnswer, not_now, shipment_of
from order_service.order.draft import Draft
from order_service.order.machines import SHIPMENT
from order_service.order.model import Shipment
from order_service.order.states import ShipmentEvent


def give_away(draft: Draft, shipment_id: str, why: str) -> ShipmentAnswer:
    """A person says that a parcel goes whatever becomes of its money: refunds do not stop it.

    Raises Refused: NOT_FOUND; WRONG_STATE for one that has left or was left out.
    """
    shipment = shipment_of(draft, shipment_id)
    if shipment.given_away:
        return ShipmentAnswer(shipment, replayed=True)
    if not SHIPMENT.allows(shipment.state, ShipmentEvent.CANCEL):
        raise not_now(shipment, "SHIP_ALL_THE_SAME")
    draft.update(shipment, given_away=True)
    draft.note(f"goes all the same, its units are given away: {why}", shipment)
    return ShipmentAnswer(shipment, replayed=False)


def take_back_given(draft: Draft, shipment: Shipment) -> None:
    """Counts units as refunded and left out that were to be given away, and stay after all."""
    if not (shipment.given_away and draft.order.carries_lines(shipment)):
        return
    lines = {line.line_no: line for line in draft.order.lines}
    for packed in shipment.lines:
        line = lines[packed.line_no]
        units = min(packed.quantity, line.given_units)
        if units:
            draft.update(
                line,
                given_units=line.given_units - units,
                refunded_unshipped=line.refunded_unshipped + units,
            )
