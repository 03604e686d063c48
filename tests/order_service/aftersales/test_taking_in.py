"""Inspected units become stock in the engine: where they are, as what, and once."""

from functools import partial

import pytest

from holdfast.types import StockLevel
from order_service.aftersales.inspecting import inspect
from order_service.aftersales.receiving import came_back_here, receive
from order_service.fulfilment.resolving import resolve
from order_service.order.return_legs import Condition, Fate, Judged, LegState, ReturnLeg
from order_service.order.states import IncidentEvent, OrderState, ShipmentState
from order_service.order.tasks import TaskKind
from order_service.relay.attempt import Failed
from tests.order_service.aftersales.example import all_alike, leg_of
from tests.order_service.fulfilment.world import HOUR_MS, World


async def came_back(world: World, fate: str = "refuse") -> None:
    """Both parcels of an order turned at the door, and came back."""
    await world.place()
    await world.ship()
    for shipment in (await world.order()).shipments:
        about = {"shipment_id": shipment.shipment_id, "fate": fate}
        (await world.control.post("/control/parcel", json=about)).raise_for_status()
    await world.collect()
    await world.advance(300 * HOUR_MS)
    await world.do("TRACK")


async def level(world: World, sku: str, location: str) -> StockLevel:
    """The stock of an article at a warehouse."""
    levels = await world.engine.get_stock(sku)
    return next(each for each in levels if each.location == location)


async def test_example_18_a_unit_of_one_warehouse_that_another_one_has_is_stock_there(
    world: World,
) -> None:
    await world.engine.set_stock("SKU-1", 0, location="bj")
    await came_back(world)
    order = await world.order()
    assert [each.state for each in order.shipments] == [ShipmentState.RETURNED] * 2
    assert (await level(world, "SKU-1", "north")).on_hand == 7
    first = order.shipments[0].shipment_id
    leg = next(leg for leg in order.parts_of(ReturnLeg) if leg.shipment_id == first)
    assert leg.state is LegState.ARRIVED
    await world.change(partial(receive, leg_id=leg.leg_id, location="bj"))
    groups = [
        Judged(1, "", 1, "", Condition.AS_SENT, True, Fate.RESELLABLE),
        Judged(1, "", 1, "", Condition.DAMAGED, True, Fate.REFURBISH),
        Judged(1, "", 1, "", Condition.MISSING, False),
    ]
    await world.change(partial(inspect, leg_id=leg.leg_id, groups=groups))
    (task,) = [task for task in (await world.order()).tasks if task.kind == TaskKind.TAKE_IN]
    await world.handlers[TaskKind.TAKE_IN](await world.order(), task)  # its process dies then
    await world.do("TAKE_IN")
    there, here = await level(world, "SKU-1", "bj"), await level(world, "SKU-1", "north")
    assert (there.on_hand, there.damaged, here.on_hand) == (1, 1, 7)
    assert (await world.order()).lines[0].returned == 3


async def test_a_warehouse_without_a_level_of_the_article_waits_for_a_person(world: World) -> None:
    await came_back(world)
    leg = leg_of(await world.order())
    await world.change(partial(receive, leg_id=leg.leg_id, location="bj"))
    await world.change(partial(inspect, leg_id=leg.leg_id, groups=all_alike(leg)))
    (failed,) = await world.do("TAKE_IN")
    assert isinstance(failed, Failed)
    assert failed.final


@pytest.mark.parametrize("fate", ["refuse", "return"])
async def test_all_parcels_that_came_back_and_were_inspected_end_their_order(
    world: World, fate: str
) -> None:
    await came_back(world, fate)
    for leg in (await world.order()).parts_of(ReturnLeg):
        await world.change(partial(inspect, leg_id=leg.leg_id, groups=all_alike(leg)))
        await world.change(partial(inspect, leg_id=leg.leg_id, groups=all_alike(leg)))  # again
    await world.do("TAKE_IN", "TAKE_IN")
    order = await world.order()
    assert (order.state, order.refunded_minor) == (OrderState.CANCELLED, 1_900)
    assert [line.returned for line in order.lines] == [3, 2]
    assert (await level(world, "SKU-1", "north")).on_hand == 10


async def test_a_lost_parcel_that_was_sent_again_and_turns_up_is_stock_of_no_money(
    world: World,
) -> None:
    await world.place()
    await world.misbehave(parcels={"lose": 1.0})
    await world.ship()
    await world.collect()
    await world.advance(72 * HOUR_MS)
    await world.misbehave()
    first = (await world.order()).shipments[0]
    incident = (await world.order()).incidents_of(first.shipment_id)[0]
    again = partial(resolve, said=IncidentEvent.RESHIP, why="")
    await world.change(partial(again, incident_id=incident.incident_id))
    await world.do("RESHIP")
    assert (await level(world, "SKU-1", "north")).on_hand == 7
    await world.change(lambda draft: came_back_here(draft, draft.order.shipment(first.shipment_id)))
    leg = leg_of(await world.order())
    await world.change(partial(inspect, leg_id=leg.leg_id, groups=all_alike(leg)))
    (task,) = [task for task in (await world.order()).tasks if task.kind == TaskKind.TAKE_IN]
    await world.handlers[TaskKind.TAKE_IN](await world.order(), task)  # its process dies then
    await world.do("TAKE_IN")
    stock = await level(world, "SKU-1", "north")
    assert (stock.on_hand, stock.damaged) == (10, 0)
    assert (await world.order()).refunded_minor == 0
