"""What carriers tell, on its way into the books: each event once, however it came."""

from functools import partial

import structlog

from order_service.fulfilment.carriers.port import (
    CarrierEvent,
    Carriers,
    CarrierUnreachable,
)
from order_service.fulfilment.queries import shipment_id_of, told_of
from order_service.fulfilment.shares import cash_payment, unreported
from order_service.fulfilment.timers import UNDER_WAY
from order_service.fulfilment.tracking import catch_up, once_key, track
from order_service.fulfilment.warehouse import shipment_of
from order_service.order.draft import Decide, Draft, order_id_of
from order_service.order.model import Order
from order_service.order.records import TrackingEvent
from order_service.order.refusals import RefusalReason, Refused
from order_service.storage.batch import AlreadySeen, OrderNotFound
from order_service.storage.orders import Orders

log = structlog.get_logger()


class TrackingIntake:
    """Gives what carriers tell its effect."""

    def __init__(self, orders: Orders, carriers: Carriers) -> None:
        self._orders = orders
        self._carriers = carriers

    async def take(self, carrier: str, told: CarrierEvent) -> None:
        """Writes an event to its order, once. An event of a parcel that is not theirs is dropped.

        Raises what `Orders.change` does.
        """
        shipment_id = told.shipment_id or await self._orders.read(
            partial(shipment_id_of, carrier=carrier, waybill=told.waybill)
        )
        order_id = order_id_of(shipment_id)
        event = TrackingEvent(
            carrier=carrier,
            event_id=told.event_id,
            order_id=order_id,
            shipment_id=shipment_id,
            kind=told.kind,
            happened_at_ms=told.happened_at_ms,
            received_at_ms=self._orders.clock_ms(),
            place=told.place,
            amount_minor=told.amount_minor,
            currency=told.currency,
        )
        decide = partial(_track_theirs, event=event)
        try:
            await self._orders.change(
                order_id, decide, actor=f"carrier:{carrier}", once=once_key(event)
            )
        except AlreadySeen:
            return
        except (OrderNotFound, Refused):
            log.warning("an event of a parcel that is not known", carrier=carrier, kind=told.kind)

    async def ask(self, order: Order) -> bool:
        """Asks the carriers of an order's late parcels, and of those whose money they still owe:
        perhaps their callbacks were lost. Whether all of them answered.
        """
        all_answered = True
        now_ms = self._orders.clock_ms()
        owing = unreported(order) if cash_payment(order) else ()
        for shipment in order.shipments:
            carrier = self._carriers.get(shipment.carrier)
            late = shipment.state in UNDER_WAY and shipment.promised_at_ms <= now_ms
            if carrier is None or not (late or shipment in owing):
                continue
            try:
                events = await carrier.track(shipment.shipment_id)
            except CarrierUnreachable:
                log.warning("a carrier is silent on a parcel", carrier=shipment.carrier)
                all_answered = False
                continue
            for event in events:
                await self.take(shipment.carrier, event)
        return all_answered

    async def catch_up(self, shipment_id: str) -> Decide:
        """Reads what was told of a parcel while it could have no effect."""
        told = await self._orders.read(partial(told_of, shipment_id=shipment_id))
        return partial(catch_up, shipment_id=shipment_id, told=told.events)


def _track_theirs(draft: Draft, event: TrackingEvent) -> None:
    """`track`, for a parcel that this carrier has. Raises Refused: NOT_FOUND."""
    if shipment_of(draft, event.shipment_id).carrier != event.carrier:
        raise Refused(RefusalReason.NOT_FOUND, thing="shipment", name=event.shipment_id)
    track(draft, event)
