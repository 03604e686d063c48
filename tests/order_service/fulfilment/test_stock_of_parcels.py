"""The engine is told of a parcel's units, also where an earlier answer was lost for long."""

from unittest.mock import ANY

import pytest

from holdfast.client import Client
from order_service.fulfilment.cancelling_parcels import cancel_shipment
from order_service.fulfilment.handlers import FulfilmentTasks
from order_service.order.model import Order
from order_service.order.tasks import CancelShipmentStock, ShipStock, todos
from order_service.relay.handler import GiveUp
from tests.order_service.fulfilment.parcels import decided, planned_order
from tests.order_service.fulfilment.test_left_out import left
from tests.serving import Server


async def done(order: Order, engine: Server) -> None:
    """Has the stock tasks of an order carried out by an engine that does not know it."""
    async with Client(engine.target) as client:
        tasks = FulfilmentTasks(client, {}, [], ANY, pick_within_ms=0)
        for todo in todos(order, CancelShipmentStock):
            await tasks.cancel_shipment(order, todo.task)
        for shipped in todos(order, ShipStock):
            await tasks.ship(order, shipped.task)


async def test_a_reservation_that_the_engine_has_forgotten_holds_nothing_to_cancel(
    engine: Server,
) -> None:
    order = planned_order()
    decided(order, lambda draft: cancel_shipment(draft, order.shipments[0].shipment_id, "gone"))
    assert todos(order, CancelShipmentStock)
    await done(order, engine)


async def test_what_has_left_of_an_unknown_reservation_is_for_a_person(
    engine: Server,
) -> None:
    order = planned_order()
    left(order, order.shipments[0])
    with pytest.raises(GiveUp, match="NOT_FOUND"):
        await done(order, engine)
