"""Stops parcels: in the warehouse, or on their way by asking their carrier. Pure decisions."""

from typing import NamedTuple

from order_service.fulfilment.cancelling_parcels import cancel_shipment
from order_service.fulfilment.coming_back import intercepts_of
from order_service.fulfilment.timers import UNDER_WAY
from order_service.fulfilment.warehouse import not_now, shipment_of
from order_service.order.bounds import check_room
from order_service.order.draft import Draft
from order_service.order.intercepts import (
    ASKED_FOR,
    INTERCEPT,
    Intercept,
    InterceptEvent,
    InterceptState,
)
from order_service.order.machines import SHIPMENT
from order_service.order.model import Order, Shipment
from order_service.order.refusals import RefusalReason, Refused, wrong_state
from order_service.order.states import ShipmentEvent
from order_service.order.tasks import AskToIntercept


class InterceptAnswer(NamedTuple):
    """The answer to a command on an intercept."""

    shipment: Shipment
    intercept: Intercept | None
    """None for a parcel that was stopped before it left."""
    replayed: bool


def intercept(draft: Draft, shipment_id: str, why: str) -> InterceptAnswer:
    """Stops a parcel: one that has not left is left out, for one on its way its carrier is asked.

    Raises Refused: NOT_FOUND; WRONG_STATE for one that came, turned back or was lost; TOO_MANY.
    """
    shipment = shipment_of(draft, shipment_id)
    before = intercepts_of(draft.order, shipment_id)
    if before and before[-1].state in (*ASKED_FOR, InterceptState.BACK):
        return InterceptAnswer(shipment, before[-1], replayed=True)
    if not shipment.shipped_at_ms:
        done = cancel_shipment(draft, shipment_id, why)
        return InterceptAnswer(done.shipment, None, done.replayed)
    if shipment.state not in UNDER_WAY or not SHIPMENT.allows(
        shipment.state, ShipmentEvent.TURN_BACK
    ):
        raise not_now(shipment, "INTERCEPT")
    check_room(draft.order, Intercept)
    asked = Intercept(
        intercept_id=draft.next_part_id(Intercept),
        order_id=shipment.order_id,
        state=InterceptState(INTERCEPT.first),
        shipment_id=shipment_id,
        created_at_ms=draft.now_ms,
        updated_at_ms=draft.now_ms,
    )
    draft.add(asked, why)
    draft.send(AskToIntercept(asked.intercept_id))
    return InterceptAnswer(shipment, asked, replayed=False)


def intercept_in(order: Order, intercept_id: str) -> Intercept:
    """An intercept of an order. Raises Refused: NOT_FOUND."""
    for each in order.parts_of(Intercept):
        if each.intercept_id == intercept_id:
            return each
    raise Refused(RefusalReason.NOT_FOUND, thing="intercept", name=intercept_id)


def answer(draft: Draft, intercept_id: str, accepts: bool, why: str) -> InterceptAnswer:
    """The carrier says whether it brings a parcel back, to us or to a person.

    Raises Refused: NOT_FOUND, WRONG_STATE once it has ended otherwise.
    """
    asked = intercept_in(draft.order, intercept_id)
    shipment = draft.order.shipment(asked.shipment_id)
    event = InterceptEvent.ACCEPT if accepts else InterceptEvent.REFUSE
    said = InterceptState.ACCEPTED if accepts else InterceptState.REFUSED
    if asked.state is said:
        return InterceptAnswer(shipment, asked, replayed=True)
    if not INTERCEPT.allows(asked.state, event):
        raise wrong_state("intercept", intercept_id, asked.state, event)
    draft.move(asked, event, why)
    return InterceptAnswer(shipment, asked, replayed=False)
