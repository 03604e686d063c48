"""When a parcel or an incident has to be looked at again. Pure."""

from typing import Final

from order_service.fulfilment.payloads import word_of
from order_service.fulfilment.settings import DAY_MS
from order_service.order.draft import Draft
from order_service.order.model import IncidentKind, Task
from order_service.order.states import IncidentState, ShipmentState
from order_service.order.tasks import TaskKind

UNDER_WAY: Final = frozenset(
    {ShipmentState.SHIPPED, ShipmentState.IN_TRANSIT, ShipmentState.OUT_FOR_DELIVERY}
)

TOLD_AGAIN_AFTER_MS: Final = DAY_MS
"""What was told of a parcel without a waybill is looked at when it has one, or after so long."""


def remind_of_deliveries(draft: Draft) -> None:
    """Has the next promise of a carrier, or the next end of a wait, looked at when it is due.

    One reminder an order.
    """
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


def keep_for_later(draft: Draft, shipment_id: str) -> None:
    """Has what was told of a parcel looked at again: it has no waybill yet, so it cannot travel.

    One reminder a parcel. That it has one says that something was told.
    """
    due_at_ms = draft.now_ms + TOLD_AGAIN_AFTER_MS
    if not tasks_about(draft, shipment_id, TaskKind.TRACK):
        draft.send(TaskKind.TRACK, due_at_ms, shipment_id=shipment_id)


def look_at_what_was_told(draft: Draft, shipment_id: str) -> None:
    """Has it looked at now, if anything was told."""
    kept = tasks_about(draft, shipment_id, TaskKind.TRACK)
    for task in kept:
        draft.done(task)
    if kept:
        draft.send(TaskKind.TRACK, shipment_id=shipment_id)


def tasks_about(draft: Draft, shipment_id: str, kind: TaskKind) -> list[Task]:
    """What of a kind is still to be done for one parcel."""
    return [
        task
        for task in draft.order.tasks
        if task.kind == kind and word_of(task, "shipment_id") == shipment_id
    ]
