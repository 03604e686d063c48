"""The warehouse receives goods that come back. Pure decisions."""

from typing import Final

from order_service.aftersales.inspecting import LegAnswer
from order_service.aftersales.legs import leg_in
from order_service.fulfilment.tracking import STAFF, track
from order_service.order.draft import Draft
from order_service.order.model import Shipment
from order_service.order.records import TrackingEvent, TrackingKind
from order_service.order.refusals import wrong_state
from order_service.order.return_legs import LEG, NEVER_DELIVERED, LegEvent, LegState, ReturnLeg

_CAME: Final = frozenset({LegState.ARRIVED, LegState.INSPECTED, LegState.SENT_BACK})


def receive(draft: Draft, leg_id: str, location: str) -> LegAnswer:
    """The goods of a leg are here: EXPECTED, ON_ITS_WAY or LOST becomes ARRIVED.

    `location` is the warehouse that has them, "" for the one that they were sent to: goods also
    come to another. Raises Refused: NOT_FOUND, WRONG_STATE.
    """
    leg = leg_in(draft.order, leg_id)
    if leg.state in _CAME and location in ("", leg.location):
        return LegAnswer(leg, replayed=True)
    came_elsewhere = leg.state is LegState.ARRIVED
    if not came_elsewhere and not LEG.allows(leg.state, LegEvent.ARRIVE):
        raise wrong_state("return", leg_id, leg.state, LegEvent.ARRIVE)
    if location and location != leg.location:
        draft.note(f"it came to {location}, not to {leg.location}", leg)
        draft.update(leg, location=location)
    if not came_elsewhere:
        _arrive(draft, leg)
    return LegAnswer(leg, replayed=False)


def _arrive(draft: Draft, leg: ReturnLeg) -> None:
    if leg.kind in NEVER_DELIVERED:
        came_back_here(draft, draft.order.shipment(leg.shipment_id))
    else:
        draft.move(leg, LegEvent.ARRIVE, "received")
        draft.update(leg, arrived_at_ms=draft.now_ms)


def came_back_here(draft: Draft, shipment: Shipment) -> None:
    """A parcel is here again as it was sent, whatever its carrier says, or does not say."""
    event = TrackingEvent(
        carrier=STAFF,
        event_id=draft.new_id(),
        order_id=shipment.order_id,
        shipment_id=shipment.shipment_id,
        kind=TrackingKind.RETURNED,
        happened_at_ms=draft.now_ms,
        received_at_ms=draft.now_ms,
    )
    track(draft, event)
