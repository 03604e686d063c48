"""Money that carriers collect for orders paid on delivery (货到付款, O3, O9). Pure."""

from order_service.draft import Draft
from order_service.fulfilment.records import TrackingEvent
from order_service.model import Shipment
from order_service.payment.cash import collected
from order_service.payment.facts import UnknownPayment


def collect(draft: Draft, shipment: Shipment, event: TrackingEvent) -> None:
    """A carrier has the money of a parcel: with that of the last one the order is paid."""
    draft.update(shipment, collected_minor=shipment.collected_minor + event.amount_minor)
    try:
        collected(draft, event.amount_minor, event.currency, shipment.waybill, event.happened_at_ms)
    except UnknownPayment:
        draft.note("money was collected, and the order is not paid at the door", shipment)
