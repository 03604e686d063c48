"""Goods that their buyer sends back: opened, announced with a waybill, or never sent. Pure."""

from collections.abc import Sequence

from order_service.aftersales.inspecting import LegAnswer
from order_service.aftersales.legs import leg_in
from order_service.order.bounds import check_room
from order_service.order.draft import Draft
from order_service.order.model import Order
from order_service.order.refusals import RefusalReason, Refused, wrong_state
from order_service.order.return_legs import (
    LEG,
    NEVER_DELIVERED,
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


def announce(draft: Draft, leg_id: str, carrier: str, waybill: str) -> LegAnswer:
    """The buyer has sent the goods of a leg: EXPECTED becomes ON_ITS_WAY.

    Until it is here another waybill corrects the first. Raises Refused: NOT_FOUND, WRONG_STATE.
    """
    leg = leg_in(draft.order, leg_id)
    if leg.kind in NEVER_DELIVERED:
        detail = f"{leg_id} comes back as {leg.shipment_id}, under that parcel's own waybill"
        raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)
    if leg.sent_at_ms and (leg.carrier, leg.waybill) == (carrier, waybill):
        return LegAnswer(leg, replayed=True)
    if leg.state is LegState.ON_ITS_WAY:
        draft.note(f"its waybill is another: it goes with {carrier}", leg)
    elif LEG.allows(leg.state, LegEvent.SEND):
        draft.move(leg, LegEvent.SEND, f"with {carrier}")
        draft.update(leg, sent_at_ms=draft.now_ms)
    else:
        raise wrong_state("return", leg_id, leg.state, LegEvent.SEND)
    draft.update(leg, carrier=carrier, waybill=waybill)
    return LegAnswer(leg, replayed=False)


def never_sent(draft: Draft, leg: ReturnLeg, why: str) -> None:
    """Nobody waits for a leg any more that was never sent; one that is sent comes all the same."""
    if LEG.allows(leg.state, LegEvent.LAPSE):
        draft.move(leg, LegEvent.LAPSE, why)
