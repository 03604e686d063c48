"""Puts what was picked in several zones of a warehouse into one parcel (O6). Pure.

Zones are for picking: how a warehouse is walked must not decide how many parcels a buyer gets, nor
what they cost. So each zone's pick is a shipment, and packing says which of them go together.
"""

from collections.abc import Sequence

from order_service.fulfilment.warehouse import not_now, shipment_of
from order_service.order.draft import Draft
from order_service.order.model import Shipment, ShipmentLine
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.states import ShipmentEvent, ShipmentState


def merge(draft: Draft, shipment_id: str, others: Sequence[str]) -> None:
    """Puts the units of PICKED shipments into one of them; the others are CANCELLED, and empty.

    Those that were put into it before are passed over. Raises Refused: NOT_FOUND, WRONG_STATE,
    WRONG_CONTENT for what cannot go in one parcel.
    """
    shipment = shipment_of(draft, shipment_id)
    for name in others:
        other = shipment_of(draft, name)
        if other is shipment or _was_merged(other):
            continue
        for each in (shipment, other):
            if each.state is not ShipmentState.PICKED:
                raise not_now(each, ShipmentEvent.PACK)
        if _kind(shipment) != _kind(other):
            detail = (
                f"{name} cannot go with {shipment_id}: it is of another merchant, warehouse or "
                "temperature, goes in another parcel's stead, or is given away"
            )
            raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)
        draft.update(shipment, lines=_together(shipment, other))
        draft.update(other, lines=())
        draft.move(other, ShipmentEvent.CANCEL, f"packed with {shipment_id}")


def _was_merged(shipment: Shipment) -> bool:
    return shipment.state is ShipmentState.CANCELLED and not shipment.lines


def _kind(shipment: Shipment) -> tuple[object, ...]:
    """The properties that shipments have in common where they go in one parcel."""
    return (
        shipment.sub_order_no,
        shipment.location,
        shipment.replaces,
        shipment.given_away,
        shipment.temperature_min_millicelsius,
        shipment.temperature_max_millicelsius,
    )


def _together(shipment: Shipment, other: Shipment) -> tuple[ShipmentLine, ...]:
    """The lines of both, units of one line added up."""
    units: dict[tuple[int, str], int] = {}
    for line in (*shipment.lines, *other.lines):
        key = (line.line_no, line.sku)
        units[key] = units.get(key, 0) + line.quantity
    return tuple(ShipmentLine(*key, quantity) for key, quantity in sorted(units.items()))
