"""Parcels that nobody announced: known by a number on them, or matched by a person."""

from functools import partial

import pytest

from order_service.aftersales.arrivals import (
    Arrival,
    list_arrivals,
    match_arrival,
    record_arrival,
)
from order_service.aftersales.inspecting import inspect
from order_service.order.refusals import Refused
from order_service.order.return_legs import LegKind, LegState
from order_service.order.states import OrderState
from tests.order_service.aftersales.example import all_alike, leg_of
from tests.order_service.aftersales.test_sending import delivered, sent
from tests.order_service.fulfilment.world import HOUR_MS, World

ID = "4330000000000000000"


def scanned(world: World, name: str = "a-1", old: str = "", waybill: str = "R9") -> Arrival:
    """A parcel as it is scanned in the north."""
    now_ms = world.clock()
    return Arrival(world.tenant, name, "north", "sf", waybill, old, now_ms, now_ms + HOUR_MS)


async def came(world: World) -> None:
    """An order came, whole."""
    await world.place()
    await world.ship()
    await world.collect()
    await world.advance(72 * HOUR_MS)
    assert (await world.order()).state is OrderState.DELIVERED


async def test_example_52_what_comes_under_an_unknown_waybill_is_matched_by_the_old(
    world: World,
) -> None:
    await came(world)
    first = (await world.order()).shipments[0]
    parcel = scanned(world, old=first.waybill)
    arrival, replayed = await record_arrival(world.orders, parcel, "test")
    assert (arrival.leg_id, replayed) == (f"{ID}-b1", False)
    again, replayed = await record_arrival(world.orders, parcel, "test")
    assert (again, replayed) == (arrival, True)
    leg = leg_of(await world.order())
    assert (leg.kind, leg.state, leg.location) == (LegKind.UNANNOUNCED, LegState.ARRIVED, "north")
    assert [(line.sku, line.quantity) for line in leg.lines] == [("SKU-1", 3)]
    await world.change(partial(inspect, leg_id=leg.leg_id, groups=all_alike(leg)))
    await world.do("TAKE_IN")
    assert (await world.order()).refunds == []
    # All of that parcel is back: another one cannot have brought it.
    with pytest.raises(Refused, match="all of it is back"):
        await record_arrival(world.orders, scanned(world, "a-2", first.waybill, "R10"), "test")


async def test_what_nobody_knows_waits_for_a_person_who_matches_it_once(world: World) -> None:
    await came(world)
    arrival, _ = await record_arrival(world.orders, scanned(world), "test")
    assert arrival.leg_id == ""
    waiting = partial(list_arrivals, tenant=world.tenant, matched_too=False, size=10, after=(0, ""))
    assert await world.orders.read(waiting) == [arrival]
    match = partial(match_arrival, world.orders, world.tenant, "a-1")
    matched, replayed = await match(f"{ID}-s2", "test")
    assert (matched.leg_id, replayed) == (f"{ID}-b1", False)
    assert await match(f"{ID}-s2", "test") == (matched, True)
    assert await world.orders.read(waiting) == []
    with pytest.raises(Refused, match="matched with"):
        await match("4440000000000000000-s1", "test")
    with pytest.raises(Refused, match="there is no arrival"):
        await match_arrival(world.orders, "another", "a-1", f"{ID}-s2", "test")
    with pytest.raises(Refused, match="used before"):
        await record_arrival(world.orders, scanned(world, waybill="R10"), "test")


async def test_an_awaited_return_that_comes_under_another_waybill_is_received(
    world: World,
) -> None:
    await delivered(world, ID)
    await world.change(partial(sent, leg_id=f"{ID}-b1", carrier="sf", waybill="R1"))
    first = (await world.order()).shipments[0]
    arrival, _ = await record_arrival(world.orders, scanned(world, old=first.waybill), "test")
    leg = leg_of(await world.order())
    assert (arrival.leg_id, leg.kind, leg.state) == (leg.leg_id, LegKind.BUYER, LegState.ARRIVED)
