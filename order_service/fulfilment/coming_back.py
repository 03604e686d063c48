"""Parcels that come back as they were sent: each opens a return leg by itself (拒收, O9). Pure.

The leg has the goods, which are stock again once they were inspected; the parcel's incident has the
money. Neither waits for the other.
"""

from typing import Final

from order_service.order.draft import Draft
from order_service.order.intercepts import ASKED_FOR, Intercept, InterceptEvent
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
_INTERCEPT_EVENTS: Final = {
    ShipmentEvent.COME_BACK: InterceptEvent.COME_BACK,
    ShipmentEvent.SIGN: InterceptEvent.SIGN,
}


def follow_back(
    draft: Draft, shipment: Shipment, moved: ShipmentEvent, said: TrackingEvent
) -> None:
    """Brings leg and intercept of a parcel to where it is; opens the leg where it turns back."""
    wanted_back = _intercepted(draft.order, shipment.shipment_id)
    _follow_intercept(draft, wanted_back, moved, f"{said.carrier}: {said.kind}")
    event = _LEG_EVENTS.get(moved)
    leg = leg_of_parcel(draft.order, shipment.shipment_id)
    if event is None or (leg is None and event is LegEvent.LOSE):
        return
    if leg is None:
        kind = LegKind.INTERCEPTED if wanted_back else _kind_of(said)
        leg = open_leg_of_parcel(draft, shipment, kind)
    if not LEG.allows(leg.state, event):
        return
    draft.move(leg, event, f"{said.carrier}: {said.kind}")
    if event is LegEvent.ARRIVE:
        draft.update(leg, arrived_at_ms=draft.now_ms)
    elif event is LegEvent.SEND:
        draft.update(leg, sent_at_ms=draft.now_ms)


def _kind_of(said: TrackingEvent) -> LegKind:
    """Why a parcel turned back that nobody had asked for."""
    is_refused = said.kind is TrackingKind.REFUSED
    return LegKind.REFUSED if is_refused else LegKind.RETURN_TO_SENDER


def _follow_intercept(
    draft: Draft, wanted_back: Intercept | None, moved: ShipmentEvent, why: str
) -> None:
    event = _INTERCEPT_EVENTS.get(moved)
    if wanted_back is not None and event is not None:
        draft.move(wanted_back, event, why)


def intercepts_of(order: Order, shipment_id: str) -> list[Intercept]:
    """The requests to bring a parcel back, the oldest first."""
    return [each for each in order.parts_of(Intercept) if each.shipment_id == shipment_id]


def _intercepted(order: Order, shipment_id: str) -> Intercept | None:
    """The open request to bring a parcel back, if there is one."""
    asked = [each for each in intercepts_of(order, shipment_id) if each.state in ASKED_FOR]
    return asked[-1] if asked else None


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
