"""Staff that leave nothing undone: what waits for a person is done, until nothing does."""

from typing import Any

from holdfast.order.v1 import fulfilment_pb2
from order_service.order.model import CASH_ON_DELIVERY, Order, Shipment
from order_service.order.states import IncidentState, OrderState, PaymentState, ShipmentState
from order_service.sandbox.carrier_journey import Mishaps
from tests.order_service.model import requests
from tests.order_service.model.world import World

ROUNDS_MAX = 40
_S = ShipmentState


async def finish(world: World) -> None:
    """Does all that waits for a person, and has the van come, until every order has ended."""
    for _ in range(ROUNDS_MAX):
        to_do = [request for order in await world.orders() for request in _to_do(order)]
        waiting = world.carrier_app.books.waiting()
        if not to_do and not waiting:
            return
        for request in to_do:
            await world.processes[0].ask(request)
        for shipment_id in waiting:
            await world.collect(shipment_id, Mishaps())
        await world.calm_down()
    raise AssertionError(f"staff never come to an end: {to_do} of {await world.orders()}")


def _to_do(order: Order) -> list[Any]:
    """The work on an order that waits for a person, as the requests that do it."""
    doing: list[Any] = []
    if order.state is OrderState.CONFIRMED:
        paid = order.together.kept_minor > 0 or order.payment_method == CASH_ON_DELIVERY
        doing.append(requests.review(order, approve=paid))
    doing += [
        requests.resolve_quarantined(payment, approve=False)
        for payment in order.payments
        if payment.state is PaymentState.QUARANTINED
        and payment.refunded_minor < payment.captured_minor
    ]
    doing += [
        requests.resolve(incident.incident_id, fulfilment_pb2.RESOLUTION_REFUND)
        for incident in order.incidents
        if incident.state is IncidentState.OPEN
    ]
    for parcel in order.shipments:
        doing += _to_do_with(parcel)
    return doing


def _to_do_with(parcel: Shipment) -> list[Any]:
    steps = {_S.PLANNED: requests.pick, _S.PICKED: requests.pack, _S.LABELLED: requests.ship}
    step = steps.get(parcel.state)
    return [step(parcel)] if step else []
