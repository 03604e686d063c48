"""Legs of goods that their buyer is to send back: opened, and given up. Pure."""

from collections.abc import Sequence

from order_service.order.bounds import check_room
from order_service.order.draft import Draft
from order_service.order.model import Order
from order_service.order.return_legs import (
    LEG,
    LegEvent,
    LegKind,
    LegLine,
    LegState,
    ReturnLeg,
)


def open_leg(draft: Draft, case_id: str, lines: Sequence[LegLine], why: str) -> ReturnLeg:
    """Opens the leg of units that their buyer is to send back; says which warehouse takes them.

    Raises Refused: TOO_MANY.
    """
    check_room(draft.order, ReturnLeg)
    leg = ReturnLeg(
        leg_id=draft.next_part_id(ReturnLeg),
        order_id=draft.order.order_id,
        state=LegState(LEG.first),
        kind=LegKind.BUYER,
        case_id=case_id,
        shipment_id="",
        lines=tuple(lines),
        location=takes_back(draft.order, lines),
        carrier="",
        waybill="",
        created_at_ms=draft.now_ms,
        updated_at_ms=draft.now_ms,
    )
    draft.add(leg, why)
    return leg


def takes_back(order: Order, lines: Sequence[LegLine]) -> str:
    """The warehouse that takes units back: the one that sent most of them, and knows them."""
    units: dict[str, int] = {}
    for line in lines:
        location = order.shipment(line.shipment_id).location
        units[location] = units.get(location, 0) + line.quantity
    return min(units, key=lambda location: (-units[location], location))


def never_sent(draft: Draft, leg: ReturnLeg, why: str) -> None:
    """Nobody waits for a leg any more that was never sent; one that is sent comes all the same."""
    if LEG.allows(leg.state, LegEvent.LAPSE):
        draft.move(leg, LegEvent.LAPSE, why)
