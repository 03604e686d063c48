"""Withdraws shipments that have not left. Pure."""

from order_service.fulfilment.incidents import close, not_closed
from order_service.fulfilment.timers import tasks_about
from order_service.order.draft import Draft
from order_service.order.model import Shipment
from order_service.order.states import SHIPMENT, IncidentEvent, ShipmentEvent
from order_service.order.tasks import CatchUpOnTracking, GetLabel, TaskKind, VoidLabel


def cancel_unshipped(draft: Draft, why: str) -> None:
    """Cancels every shipment of an order that has not left, and closes its incidents."""
    for shipment in draft.order.shipments:
        if SHIPMENT.allows(shipment.state, ShipmentEvent.CANCEL):
            withdraw(draft, shipment, why)
            close_with_refund(draft, shipment, why)
    draft.forget(TaskKind.REVIEW)


def withdraw(draft: Draft, shipment: Shipment, why: str) -> None:
    """Cancels a shipment that has not left, and has its waybill given back."""
    draft.move(shipment, ShipmentEvent.CANCEL, why)
    for task in tasks_about(draft, shipment.shipment_id, CatchUpOnTracking):
        draft.done(task)
    for task in tasks_about(draft, shipment.shipment_id, GetLabel):
        if task.dead:  # it would be in the way of the next
            draft.done(task)
    if shipment.carrier:
        # Perhaps its waybill is just being made: this is done after that.
        draft.send(VoidLabel(shipment.shipment_id))


def close_with_refund(draft: Draft, shipment: Shipment, why: str) -> None:
    """Closes the incidents of a shipment whose money goes back."""
    for incident in not_closed(draft, shipment):
        close(draft, incident, IncidentEvent.REFUND, why)
