"""When a parcel or an incident has to be looked at again: one reminder an order. Pure."""

from typing import Final

from order_service.draft import Draft
from order_service.model import IncidentKind
from order_service.states import IncidentState, ShipmentState
from order_service.tasks import TaskKind

UNDER_WAY: Final = frozenset(
    {ShipmentState.SHIPPED, ShipmentState.IN_TRANSIT, ShipmentState.OUT_FOR_DELIVERY}
)


def remind_of_deliveries(draft: Draft) -> None:
    """Has the next promise of a carrier, or the next end of a wait, looked at when it is due."""
    reported = {
        incident.shipment_id
        for incident in draft.order.incidents
        if incident.kind is IncidentKind.DELAY
    }
    due = [
        shipment.promised_at_ms
        for shipment in draft.order.shipments
        if shipment.state in UNDER_WAY
        and shipment.promised_at_ms
        and shipment.shipment_id not in reported
    ]
    due += [
        incident.due_at_ms
        for incident in draft.order.incidents
        if incident.state is IncidentState.WAITING
    ]
    if due:
        draft.remind(TaskKind.DELIVERY_DUE, min(due))
    else:
        draft.forget(TaskKind.DELIVERY_DUE)
