"""Takes carriers' events into the books: each once, from callbacks or when they are asked."""

from collections.abc import Callable, Sequence
from functools import partial

import structlog
from starlette.routing import Route

from order_service.fulfilment.carriers.port import (
    CarrierEvent,
    Carriers,
    CarrierUnreachable,
)
from order_service.fulfilment.cash import cash_overdue
from order_service.fulfilment.deadlines import look_at_deadlines
from order_service.fulfilment.news_of_legs import hear, is_leg_id, news_key
from order_service.fulfilment.queries import carried_by, known_event, reports_of
from order_service.fulfilment.shares import cash_payment, unreported
from order_service.fulfilment.timers import UNDER_WAY
from order_service.fulfilment.tracking import (
    catch_up,
    is_repeated,
    once_key,
    track,
    with_own_id,
)
from order_service.fulfilment.warehouse import shipment_of
from order_service.http.callbacks import callback_route
from order_service.order.draft import Decide, Draft
from order_service.order.model import Order
from order_service.order.parts import order_id_of
from order_service.order.records import LegNews, TrackingEvent, TrackingKind
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.states import ShipmentState
from order_service.order.tasks import CashDue, CatchUpOnTracking, DeliveryDue, Todo
from order_service.relay.handler import NotHere, TryLater, handles
from order_service.storage.batch import AlreadySeen, OrderNotFound
from order_service.storage.orders import Orders

log = structlog.get_logger()


class TrackingIntake:
    """Gives carriers' events their effect, and does the tasks that carriers are asked for."""

    def __init__(self, orders: Orders, carriers: Carriers) -> None:
        self._orders = orders
        self._carriers = carriers

    async def take(self, carrier: str, news: CarrierEvent) -> None:
        """Writes an event to its order, once; drops it where the carrier does not have the parcel.

        Raises what `Orders.change` does.
        """
        shipment_id = news.shipment_id or await self._orders.read(
            partial(carried_by, carrier=carrier, waybill=news.waybill)
        )
        if is_leg_id(shipment_id):
            await self._take_of_leg(shipment_id, carrier, news)
            return
        event = TrackingEvent(
            carrier=carrier,
            event_id=news.event_id,
            order_id=order_id_of(shipment_id),
            shipment_id=shipment_id,
            kind=news.kind,
            happened_at_ms=news.happened_at_ms,
            received_at_ms=self._orders.clock_ms(),
            place=news.place,
            amount_minor=news.amount_minor,
            currency=news.currency,
        )
        try:
            if await self._had_effect(event) and not await self._is_repeated(event):
                log.warning("an event's id has another event", carrier=carrier, kind=news.kind)
                await self._had_effect(with_own_id(event))
        except (OrderNotFound, Refused):
            log.warning("an event of a parcel that is not known", carrier=carrier, kind=news.kind)

    async def _take_of_leg(self, leg_id: str, carrier: str, news: CarrierEvent) -> None:
        """Writes an event to the leg that a carrier brings us, once."""
        of_leg = LegNews(
            order_id=order_id_of(leg_id),
            leg_id=leg_id,
            carrier=carrier,
            waybill=news.waybill,
            event_id=news.event_id,
            kind=news.kind,
            happened_at_ms=news.happened_at_ms,
            received_at_ms=self._orders.clock_ms(),
            place=news.place,
        )
        decide, actor = partial(hear, news=of_leg), f"carrier:{carrier}"
        try:
            await self._orders.change(of_leg.order_id, decide, actor, news_key(of_leg))
        except AlreadySeen:
            pass
        except (OrderNotFound, Refused):
            log.warning("an event of a return that is not known", carrier=carrier, kind=news.kind)

    async def _had_effect(self, event: TrackingEvent) -> bool:
        """Whether an event of its id has had its effect before; if none has, this has it now."""
        decide = partial(_track_theirs, event=event)
        actor = f"carrier:{event.carrier}"
        try:
            await self._orders.change(event.order_id, decide, actor, once_key(event))
        except AlreadySeen:
            return True
        return False

    async def _is_repeated(self, event: TrackingEvent) -> bool:
        """Whether an event says again what its carrier has said under its id.

        Money is the same money, also where its report was put in other words.
        """
        known = await self._orders.read(partial(known_event, event=event))
        if known is None or is_repeated(known, event):
            return True
        money = (TrackingKind.CASH_COLLECTED, event.amount_minor, event.currency)
        return (known.kind, known.amount_minor, known.currency) == money

    async def ask(self, order: Order) -> bool:
        """Asks carriers about an order's late parcels, and those whose cash they have not reported.

        Their callbacks may have been lost. Returns whether all of them answered.
        """
        all_answered = True
        now_ms = self._orders.clock_ms()
        owing = unreported(order) if cash_payment(order) else ()
        for shipment in order.shipments:
            carrier = self._carriers.get(shipment.carrier)
            late = shipment.state in UNDER_WAY and shipment.promised_at_ms <= now_ms
            late |= shipment.state is ShipmentState.RETURNING
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

    @handles(CatchUpOnTracking)
    async def catch_up(self, _order: Order, todo: Todo[CatchUpOnTracking]) -> Decide | None:
        """Reads the events of a shipment that could have no effect when they came."""
        shipment_id = todo.payload.shipment_id
        events, _ = await self._orders.read(partial(reports_of, shipment_id=shipment_id))
        return partial(catch_up, shipment_id=shipment_id, events=events, task=todo.task)

    @handles(DeliveryDue)
    async def delivery_due(self, order: Order, _todo: Todo[DeliveryDue]) -> Decide | None:
        """Asks the carriers of late parcels, then sees to those that are late, and to deadlines."""
        await self.ask(order)
        return look_at_deadlines

    @handles(CashDue)
    async def cash_due(self, order: Order, todo: Todo[CashDue]) -> Decide | None:
        """Asks the carriers that still owe money, then sees to what none of them has reported."""
        for shipment in unreported(order) if cash_payment(order) else ():
            if shipment.carrier and shipment.carrier not in self._carriers:
                raise NotHere(f"carrier {shipment.carrier} is not set up here")
        if not await self.ask(order):
            raise TryLater("a carrier does not say what it collected")
        return partial(cash_overdue, currency=todo.payload.currency)


def carrier_callbacks(
    intake: TrackingIntake, carriers: Carriers, clock_s: Callable[[], float]
) -> Route:
    """The route of all carriers. `clock_s` is the time since the Unix epoch in seconds."""

    async def take(name: str, events: Sequence[CarrierEvent]) -> None:
        for event in events:
            await intake.take(name, event)

    return callback_route(
        "/callbacks/carrier/{name}", "carrier", carriers, lambda it: it.read_callback, take, clock_s
    )


def _track_theirs(draft: Draft, event: TrackingEvent) -> None:
    """`track`, for a parcel that this carrier has. Raises Refused: NOT_FOUND."""
    if shipment_of(draft, event.shipment_id).carrier != event.carrier:
        raise Refused(RefusalReason.NOT_FOUND, thing="shipment", name=event.shipment_id)
    track(draft, event)
