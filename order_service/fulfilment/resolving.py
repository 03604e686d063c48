"""What is done about an incident: its owner says wait, ship again, or send the money back. Pure."""

from order_service.fulfilment.cancel_parcel import leave_out
from order_service.fulfilment.incidents import INCIDENTS, SAID, allowed_now, settle, unsettled
from order_service.fulfilment.planning import plan_like
from order_service.fulfilment.shares import goods_minor, send_back
from order_service.fulfilment.warehouse import Done
from order_service.fulfilment.withdrawing import withdraw
from order_service.order.draft import Draft
from order_service.order.model import Incident, Shipment
from order_service.order.refusals import RefusalReason, Refused, wrong_state
from order_service.order.states import SHIPMENT, IncidentEvent, IncidentState, ShipmentEvent
from order_service.order.tasks import Reship

_S, _E = IncidentState, IncidentEvent


def resolve(draft: Draft, incident_id: str, said: IncidentEvent, why: str) -> Done:
    """Its owner says what is done about an incident: WAIT, RESHIP or REFUND.

    Raises Refused: NOT_FOUND; WRONG_STATE also for what its kind does not allow.
    """
    try:
        incident = draft.order.incident(incident_id)
    except KeyError:
        raise Refused(RefusalReason.NOT_FOUND, thing="incident", name=incident_id) from None
    shipment = draft.order.shipment(incident.shipment_id)
    if incident.state in SAID[said]:
        return Done(shipment, replayed=True)
    if said not in allowed_now(incident):
        raise wrong_state(f"{incident.kind} incident", incident_id, incident.state, said)
    why_back = f"{incident.kind} of {shipment.shipment_id}"
    if said is _E.WAIT:
        draft.move(incident, said, why)
        draft.update(incident, due_at_ms=draft.now_ms + INCIDENTS[incident.kind].wait_ms)
    elif not SHIPMENT.allows(shipment.state, ShipmentEvent.CANCEL):
        _give_up(draft, shipment, incident, said, why)
        if said is _E.REFUND:
            send_back(draft, incident_id, goods_minor(draft.order, shipment), why_back)
        else:
            draft.send(Reship(incident_id))
    elif said is _E.REFUND:
        leave_out(draft, shipment, incident_id, why or why_back)
    else:
        _pick_again(draft, shipment, why)
    return Done(shipment, replayed=False)


def _give_up(
    draft: Draft, shipment: Shipment, incident: Incident, said: IncidentEvent, why: str
) -> None:
    """Other goods or the money go in the parcel's stead: what else was wrong with it is settled."""
    if SHIPMENT.allows(shipment.state, INCIDENTS[incident.kind].gives_up):
        draft.move(shipment, INCIDENTS[incident.kind].gives_up, why)
    for other in unsettled(draft, shipment):
        if said is _E.REFUND:
            settle(draft, other, said, why)
        else:
            draft.move(other, said, why)


def _pick_again(draft: Draft, shipment: Shipment, why: str) -> None:
    """The same goods are picked once more: of a parcel that has not left, the units are still the
    order's, and nothing has to be reserved.
    """
    withdraw(draft, shipment, why)
    parcel = plan_like(
        draft,
        shipment,
        shipment.lines,
        location=shipment.location,
        replaces=shipment.shipment_id,
    )
    for incident in unsettled(draft, shipment):
        draft.move(incident, _E.RESHIP, why)
        settle(draft, incident, _E.STOCK_CONFIRMED, f"goes again as {parcel.shipment_id}")
