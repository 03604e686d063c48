"""Does what is to happen when a deadline of a parcel passes: promises, waits, decisions. Pure.

A deadline that nobody keeps goes to the lead of all desks, with a day. If that passes, too, an
incident's money goes back to the buyer. What cannot end so stays with the lead and overdue, which
is how a person finds it (`storage/needs.py`): no timer reminds of it again.
"""

from typing import Final

from order_service.fulfilment.incidents import INCIDENTS, is_open, open_again, open_incident
from order_service.fulfilment.resolving import resolve
from order_service.fulfilment.timers import DAY_MS, UNDER_WAY
from order_service.order.draft import Draft
from order_service.order.model import Incident, IncidentKind
from order_service.order.refusals import Refused
from order_service.order.states import IncidentEvent, IncidentState, ShipmentState

LEAD: Final = "desk-lead"
"""The owner of what its first owner has not decided in time."""
LEAD_DECIDES_WITHIN_MS: Final = DAY_MS
REFUND_TRIED_DAYS_MAX: Final = 7
"""The days on which money is looked for that is not here yet: what carriers collect is late."""


def looked_at_ms(incident: Incident, now_ms: int) -> int:
    """When an open incident's deadline is looked at next; 0: never again, a person sees to it."""
    overdue_ms = now_ms - incident.due_at_ms
    if incident.owner != LEAD or incident.state is IncidentState.WAITING or overdue_ms < 0:
        return incident.due_at_ms
    days = overdue_ms // DAY_MS + 1
    if _ends_by_itself(incident) and days <= REFUND_TRIED_DAYS_MAX:
        return incident.due_at_ms + days * DAY_MS
    return 0


def look_at_deadlines(draft: Draft) -> None:
    """Opens an incident for each late parcel, and does what each passed deadline of one does."""
    for shipment in draft.order.shipments:
        if shipment.state in UNDER_WAY and 0 < shipment.promised_at_ms <= draft.now_ms:
            why = "not delivered when it was promised"
            open_incident(draft, shipment, IncidentKind.DELAY, why)
    for incident in list(draft.order.incidents):
        if is_open(incident) and incident.due_at_ms <= draft.now_ms:
            _lapse(draft, incident)


def look_at_picks(draft: Draft, pick_within_ms: int) -> None:
    """Opens an incident for each shipment that should have been picked by now (O6)."""
    for shipment in draft.order.shipments:
        due_at_ms = shipment.created_at_ms + pick_within_ms
        if shipment.state is ShipmentState.PLANNED and due_at_ms <= draft.now_ms:
            open_incident(draft, shipment, IncidentKind.LATE_PICK, "its pick is overdue")


def _lapse(draft: Draft, incident: Incident) -> None:
    """Does what happens to an incident that nobody has decided in time."""
    if incident.state is IncidentState.WAITING:
        open_again(draft, incident, IncidentEvent.WAITED_ENOUGH, "waited for in vain")
    elif incident.owner != LEAD:
        why = f"{incident.owner} has not decided in time"
        draft.move(incident, IncidentEvent.ESCALATE, why)
        draft.update(incident, owner=LEAD, due_at_ms=draft.now_ms + LEAD_DECIDES_WITHIN_MS)
    elif _ends_by_itself(incident):
        try:
            resolve(draft, incident.incident_id, IncidentEvent.REFUND, "nobody decided in time")
        except Refused:
            draft.note("its money cannot go back yet", incident)


def _ends_by_itself(incident: Incident) -> bool:
    """Whether its money goes back where nobody decides."""
    return incident.state is IncidentState.OPEN and INCIDENTS[incident.kind].ends_in_refund
