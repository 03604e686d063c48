"""Parcels that have not left and never will. Pure."""

from order_service.fulfilment.incidents import settle, unsettled
from order_service.fulfilment.timers import tasks_about
from order_service.order.draft import Draft
from order_service.order.model import Shipment
from order_service.order.states import SHIPMENT, IncidentEvent, ShipmentEvent
from order_service.order.tasks import CatchUpOnTracking, GetLabel, TaskKind, VoidLabel


def cancel_unshipped(draft: Draft, why: str) -> None:
    """Cancels every parcel that has not left, with what was wrong with it. For whole orders."""
    for shipment in draft.order.shipments:
        if SHIPMENT.allows(shipment.state, ShipmentEvent.CANCEL):
            withdraw(draft, shipment, why)
            settle_with_money(draft, shipment, why)
    draft.forget(TaskKind.REVIEW)


def withdraw(draft: Draft, shipment: Shipment, why: str) -> None:
    """Takes a parcel back that has not left; its waybill is given back."""
    draft.move(shipment, ShipmentEvent.CANCEL, why)
    for task in tasks_about(draft, shipment.shipment_id, CatchUpOnTracking):
        draft.done(task)
    for task in tasks_about(draft, shipment.shipment_id, GetLabel):
        if task.dead:  # it would be in the way of the next
            draft.done(task)
    if shipment.carrier:
        # Perhaps its waybill is just being made: this is done after that.
        draft.send(VoidLabel(shipment.shipment_id))


def settle_with_money(draft: Draft, shipment: Shipment, why: str) -> None:
    """Ends what was wrong with a parcel whose money goes back."""
    for incident in unsettled(draft, shipment):
        settle(draft, incident, IncidentEvent.REFUND, why)
