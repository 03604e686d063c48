"""Carries out what the owner of an incident decides: wait, ship again, or refund. Pure."""

from order_service.fulfilment.cancelling import leave_out
from order_service.fulfilment.giving_back import give_back, give_back_units
from order_service.fulfilment.incidents import INCIDENTS, SAID, allowed_now, close, not_closed
from order_service.fulfilment.planning import plan_like
from order_service.fulfilment.warehouse import ShipmentAnswer, not_now, withdraw
from order_service.fulfilment.withheld import is_refunded
from order_service.order.draft import Draft
from order_service.order.machines import SHIPMENT
from order_service.order.model import Incident, Shipment
from order_service.order.refusals import RefusalReason, Refused, wrong_state
from order_service.order.states import (
    IncidentEvent,
    IncidentState,
    ShipmentEvent,
    ShipmentState,
)
from order_service.order.tasks import Reship
from order_service.payment.undisputed import check_undisputed

_S, _E = IncidentState, IncidentEvent


def resolve(draft: Draft, incident_id: str, said: IncidentEvent, why: str) -> ShipmentAnswer:
    """Carries out the decision of an incident's owner: WAIT, RESHIP or REFUND.

    Raises Refused: NOT_FOUND; UNDER_DISPUTE; WRONG_STATE also for what its kind does not allow.
    """
    try:
        incident = draft.order.incident(incident_id)
    except KeyError:
        raise Refused(RefusalReason.NOT_FOUND, thing="incident", name=incident_id) from None
    shipment = draft.order.shipment(incident.shipment_id)
    if incident.state in SAID[said]:
        return ShipmentAnswer(shipment, replayed=True)
    if said not in allowed_now(incident):
        raise wrong_state(f"{incident.kind} incident", incident_id, incident.state, said)
    if said is _E.REFUND:
        check_undisputed(draft.order)
    if said is _E.RESHIP and shipment.state is ShipmentState.SOURCING:
        raise not_now(shipment, said)  # its units are not where they could be picked again
    has_left = not SHIPMENT.allows(shipment.state, ShipmentEvent.CANCEL)
    if said is _E.RESHIP and has_left and is_refunded(draft.order, shipment):
        state = f"{incident.state}, and its money went back"
        raise wrong_state(f"{incident.kind} incident", incident_id, state, said)
    why_back = f"{incident.kind} of {shipment.shipment_id}"
    if incident.lines:
        give_back_units(draft, shipment, incident, why or why_back)
        close(draft, incident, said, why)
    elif said is _E.WAIT:
        draft.move(incident, said, why)
        draft.update(incident, due_at_ms=draft.now_ms + INCIDENTS[incident.kind].wait_ms)
    elif has_left:
        _give_up(draft, shipment, incident, said, why)
        if said is _E.REFUND:
            give_back(draft, shipment, incident_id, why_back)
        else:
            draft.send(Reship(incident_id))
    elif said is _E.REFUND:
        leave_out(draft, shipment, incident_id, why or why_back)
    else:
        _pick_again(draft, shipment, why)
    return ShipmentAnswer(shipment, replayed=False)


def _give_up(
    draft: Draft, shipment: Shipment, incident: Incident, said: IncidentEvent, why: str
) -> None:
    """Gives a shipment up for other goods or the money, which ends its other incidents too."""
    if SHIPMENT.allows(shipment.state, INCIDENTS[incident.kind].gives_up):
        draft.move(shipment, INCIDENTS[incident.kind].gives_up, why)
    for other in not_closed(draft, shipment):
        if said is _E.REFUND:
            close(draft, other, said, why)
        else:
            draft.move(other, said, why)


def _pick_again(draft: Draft, shipment: Shipment, why: str) -> None:
    """Has the goods of a shipment that has not left picked again, as another shipment.

    Its units are still the order's, so nothing has to be reserved.
    """
    withdraw(draft, shipment, why)
    again = plan_like(draft, shipment, shipment.lines, replaces=shipment.shipment_id)
    for incident in not_closed(draft, shipment):
        draft.move(incident, _E.RESHIP, why)
        close(draft, incident, _E.STOCK_CONFIRMED, f"goes again as {again.shipment_id}")
