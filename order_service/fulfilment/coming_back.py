"""Parcels that come back as they were sent: each opens a return leg by itself (拒收, O9). Pure.

The leg has the goods, which are stock again once they were inspected; the parcel's incident has the
money. Neither waits for the other.
"""

from typing import Final

from order_service.order.draft import Draft
from order_service.order.model import Order, Shipment
from order_service.order.records import TrackingEvent, TrackingKind
from order_service.order.return_legs import (
    LEG,
    LegEvent,
    LegKind,
    LegLine,
    LegState,
    ReturnLeg,
)
from order_service.order.states import ShipmentEvent

_LEG_EVENTS: Final = {
    ShipmentEvent.TURN_BACK: LegEvent.SEND,
    ShipmentEvent.COME_BACK: LegEvent.ARRIVE,
    ShipmentEvent.LOSE: LegEvent.LOSE,
}


def follow_back(
    draft: Draft, shipment: Shipment, moved: ShipmentEvent, said: TrackingEvent
) -> None:
    """Brings the leg of a parcel to where the parcel is; opens it where the parcel turns back."""
    event = _LEG_EVENTS.get(moved)
    leg = leg_of_parcel(draft.order, shipment.shipment_id)
    if event is None or (leg is None and event is LegEvent.LOSE):
        return
    if leg is None:
        is_refused = said.kind is TrackingKind.REFUSED
        kind = LegKind.REFUSED if is_refused else LegKind.RETURN_TO_SENDER
        leg = open_leg_of_parcel(draft, shipment, kind)
    if not LEG.allows(leg.state, event):
        return
    draft.move(leg, event, f"{said.carrier}: {said.kind}")
    if event is LegEvent.ARRIVE:
        draft.update(leg, arrived_at_ms=draft.now_ms)
    elif event is LegEvent.SEND:
        draft.update(leg, sent_at_ms=draft.now_ms)


def open_leg_of_parcel(draft: Draft, shipment: Shipment, kind: LegKind) -> ReturnLeg:
    """Opens the leg of a parcel that comes back as it was sent, to where it came from."""
    leg = ReturnLeg(
        leg_id=draft.next_part_id(ReturnLeg),
        order_id=shipment.order_id,
        state=LegState(LEG.first),
        kind=kind,
        case_id="",
        shipment_id=shipment.shipment_id,
        lines=tuple(
            LegLine(line.line_no, line.sku, line.quantity, shipment.shipment_id)
            for line in shipment.lines
        ),
        location=shipment.location,
        carrier="",
        waybill="",
        created_at_ms=draft.now_ms,
        updated_at_ms=draft.now_ms,
    )
    draft.add(leg, f"{shipment.shipment_id} comes back")
    return leg


def leg_of_parcel(order: Order, shipment_id: str) -> ReturnLeg | None:
    """The leg of a parcel that came back as it was sent, if it has one."""
    legs = order.parts_of(ReturnLeg)
    return next((leg for leg in legs if leg.shipment_id == shipment_id), None)
