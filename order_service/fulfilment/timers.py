"""Durations, and the news of a shipment that is kept until it can have its effect. Pure."""

from typing import Final

from order_service.order.draft import Draft
from order_service.order.model import Task
from order_service.order.states import ShipmentState
from order_service.order.tasks import CatchUpOnTracking, GetLabel, todos

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS

UNDER_WAY: Final = frozenset(
    {ShipmentState.SHIPPED, ShipmentState.IN_TRANSIT, ShipmentState.OUT_FOR_DELIVERY}
)

KEPT_EVENTS_AFTER_MS: Final = DAY_MS
"""The time after which a shipment is looked at whose carrier speaks of it before it has a waybill.
"""
KEPT_EVENTS_TIMES_MAX: Final = 7
"""After so many looks a person finds out why there is no waybill."""


def keep_event(draft: Draft, shipment_id: str) -> None:
    """Has the events of a shipment looked at later: without a waybill they can have no effect.

    A shipment has one such reminder, which also says that there are events to look at.
    """
    due_at_ms = draft.now_ms + KEPT_EVENTS_AFTER_MS
    if not tasks_about(draft, shipment_id, CatchUpOnTracking):
        draft.send(CatchUpOnTracking(shipment_id), due_at_ms)


def look_again(draft: Draft, task: Task) -> None:
    """Keeps the events of a shipment that still has no waybill for another while."""
    is_last = task.attempts + 1 >= KEPT_EVENTS_TIMES_MAX
    why = "its carrier speaks of it, and it has no waybill"
    draft.again(task, draft.now_ms + KEPT_EVENTS_AFTER_MS, why, last=is_last)


def look_at_kept_events(draft: Draft, shipment_id: str) -> None:
    """Has the events of a shipment looked at now, if any were kept."""
    kept = tasks_about(draft, shipment_id, CatchUpOnTracking)
    for task in kept:
        draft.done(task)
    if kept:
        draft.send(CatchUpOnTracking(shipment_id))


def tasks_about(
    draft: Draft, shipment_id: str, payload: type[CatchUpOnTracking] | type[GetLabel]
) -> list[Task]:
    """The tasks of a kind that are still to be done for one shipment."""
    return [
        todo.task for todo in todos(draft.order, payload) if todo.payload.shipment_id == shipment_id
    ]
