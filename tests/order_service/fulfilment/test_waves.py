"""Waves and lists, on both databases."""

from functools import partial
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import Connection, update

from order_service.fulfilment.deadlines import look_at_deadlines
from order_service.fulfilment.holding import correct
from order_service.fulfilment.queries import (
    IncidentFilter,
    PickFilter,
    ShipmentFilter,
    list_incidents,
    list_picks,
    list_shipments,
    waiting_reviews,
)
from order_service.fulfilment.waves import create_wave
from order_service.order.contact import add_remark
from order_service.order.model import IncidentKind, Remark
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.states import ShipmentState
from order_service.storage.schema import waves
from tests.order_service.fulfilment.test_holding import SHANGHAI
from tests.order_service.fulfilment.world import HOUR_MS, World

DAY_MS = 24 * HOUR_MS


async def picks(world: World, **wanted: Any) -> list[tuple[str, str, int, str]]:
    """Zone, SKU, units and shipment of each pick."""
    found = await world.orders.read(
        lambda connection: list_picks(connection, world.tenant, PickFilter(**wanted))
    )
    return [(pick.zone, pick.sku, pick.quantity, pick.shipment_id) for pick in found]


async def two_reviewed_orders(world: World) -> None:
    for order_id in ("4330000000000000000", "4340000000000000000"):
        await world.place(order_id)
        await world.do("REVIEW", order_id=order_id)
        world.clock.advance(HOUR_MS)


async def test_a_wave_takes_the_oldest_shipments_of_its_zone_once(world: World) -> None:
    await two_reviewed_orders(world)
    wave, replayed = await create_wave(world.orders, world.tenant, "W1", "north", "A", 1, "test")
    assert (wave.shipment_ids, replayed) == (("4330000000000000000-s1",), False)
    again, replayed = await create_wave(world.orders, world.tenant, "W1", "north", "A", 1, "test")
    assert (again, replayed) == (wave, True)
    second, _ = await create_wave(world.orders, world.tenant, "W2", "north", "A", 1, "test")
    assert second.shipment_ids == ("4340000000000000000-s1",)
    rest, _ = await create_wave(world.orders, world.tenant, "W3", "north", "", 9, "test")
    assert set(rest.shipment_ids) == {"4330000000000000000-s2", "4340000000000000000-s2"}
    assert await picks(world, wave_id="W1") == [("A", "SKU-1", 3, "4330000000000000000-s1")]


async def test_a_wave_without_shipments_and_one_of_another_place_are_refused(world: World) -> None:
    with pytest.raises(Refused, match="waits in north A") as refused:
        await create_wave(world.orders, world.tenant, "W1", "north", "A", 1, "test")
    assert refused.value.reason is RefusalReason.NOT_FOUND
    await two_reviewed_orders(world)
    await create_wave(world.orders, world.tenant, "W1", "north", "A", 1, "test")
    for zone, size in (("COLD", 1), ("A", 2)):
        with pytest.raises(Refused) as refused:
            await create_wave(world.orders, world.tenant, "W1", "north", zone, size, "test")
        assert refused.value.reason is RefusalReason.KEY_REUSED


async def test_a_wave_of_an_older_version_is_of_any_size(world: World) -> None:
    await two_reviewed_orders(world)
    wave, _ = await create_wave(world.orders, world.tenant, "W1", "north", "A", 1, "test")

    def forget(connection: Connection) -> None:
        connection.execute(update(waves).values(shipments_max=0))

    await world.orders.write(forget)
    again, replayed = await create_wave(world.orders, world.tenant, "W1", "north", "A", 9, "test")
    assert (again.shipment_ids, replayed) == (wave.shipment_ids, True)


async def test_a_wave_whose_making_was_cut_short_is_finished_by_asking_again(world: World) -> None:
    await two_reviewed_orders(world)
    change = world.orders.change
    calls = 0

    async def cut_short(*about: object, **more: object) -> object:
        nonlocal calls
        calls += 1
        if calls > 2:  # both of 4330000000000000000 are in it
            raise ConnectionError
        return await change(*about, **more)  # type: ignore[arg-type]

    world.orders.change = cut_short  # type: ignore[assignment,method-assign]
    with pytest.raises(ConnectionError):
        await create_wave(world.orders, world.tenant, "W1", "north", "", 9, "test")
    world.orders.change = change  # type: ignore[method-assign]
    await world.orders.drain()
    (begun,) = {wave for *_, wave in await waves_of(world)} - {""}
    assert begun == "W1"
    other, _ = await create_wave(world.orders, world.tenant, "W2", "north", "A", 9, "test")
    assert len(other.shipment_ids) == 1
    wave, _ = await create_wave(world.orders, world.tenant, "W1", "north", "", 9, "test")
    assert len(wave.shipment_ids) == len(await picks(world, wave_id="W1")) == 3
    assert not set(other.shipment_ids) & set(wave.shipment_ids)


async def waves_of(world: World) -> list[tuple[str, str]]:
    """Each shipment and its wave."""
    orders = [
        await world.order(order_id) for order_id in ("4330000000000000000", "4340000000000000000")
    ]
    return [(each.shipment_id, each.wave_id) for order in orders for each in order.shipments]


async def test_picks_are_sorted_as_one_walks(world: World) -> None:
    await two_reviewed_orders(world)
    assert await picks(world) == [
        ("A", "SKU-1", 3, "4330000000000000000-s1"),
        ("A", "SKU-1", 3, "4340000000000000000-s1"),
        ("COLD", "SKU-2", 2, "4330000000000000000-s2"),
        ("COLD", "SKU-2", 2, "4340000000000000000-s2"),
    ]
    assert await picks(world, zone="COLD", location="north") == [
        ("COLD", "SKU-2", 2, "4330000000000000000-s2"),
        ("COLD", "SKU-2", 2, "4340000000000000000-s2"),
    ]
    assert await picks(world, location="south") == []


async def test_overdue_picks_can_be_listed(world: World) -> None:
    await two_reviewed_orders(world)
    due_before_ms = world.clock() - 2 * HOUR_MS
    assert await picks(world, created_before_ms=due_before_ms) == [
        ("A", "SKU-1", 3, "4330000000000000000-s1"),
        ("COLD", "SKU-2", 2, "4330000000000000000-s2"),
    ]
    world.clock.advance(DAY_MS)
    await world.do("PICK_DUE")
    assert not [task for task in (await world.order()).tasks if task.kind == "PICK_DUE"]


async def test_shipments_are_listed_by_what_is_asked_for(world: World) -> None:
    await two_reviewed_orders(world)
    await world.pack((await world.order()).shipments[0])

    async def listed(size: int = 10, after: str = "", **wanted: Any) -> list[str]:
        found = await world.orders.read(
            lambda connection: list_shipments(
                connection,
                world.tenant,
                ShipmentFilter(**wanted),
                size,
                after,
            )
        )
        return [shipment.shipment_id for shipment in found]

    assert await listed() == [
        "4330000000000000000-s1",
        "4330000000000000000-s2",
        "4340000000000000000-s1",
        "4340000000000000000-s2",
    ]
    assert await listed(2, "4330000000000000000-s2") == [
        "4340000000000000000-s1",
        "4340000000000000000-s2",
    ]
    assert await listed(order_id="4340000000000000000") == [
        "4340000000000000000-s1",
        "4340000000000000000-s2",
    ]
    assert await listed(state=ShipmentState.PACKED) == ["4330000000000000000-s1"]
    assert await listed(location="south") == []
    assert await listed(waybill="none") == []


async def test_orders_with_remarks_are_listed_until_somebody_has_decided(world: World) -> None:
    await world.place()
    remark = Remark("4330000000000000000", "r-1", "buyer", "web", "Another address, please", 1)
    await world.change(lambda draft: draft.record(remark))
    await world.do("REVIEW")

    async def waiting(tenant: str, before_ms: int = 0) -> list[tuple[str, tuple[str, ...]]]:
        found = await world.orders.read(
            lambda connection: waiting_reviews(connection, tenant, 10, "", "", before_ms)
        )
        return [(review.order_id, review.findings) for review in found]

    listed = [("4330000000000000000", ("remarks to be read: 1",))]
    assert await waiting(world.tenant) == listed
    assert await waiting(world.tenant, world.clock()) == listed
    assert await waiting(world.tenant, world.clock() - 1) == []
    assert await waiting("another") == []


async def test_incidents_are_listed_by_their_deadline_a_page_at_a_time(world: World) -> None:
    await world.place()
    order = await world.ship()
    world.clock.advance(72 * HOUR_MS)
    await world.change(look_at_deadlines)
    order = await world.order()

    async def listed(size: int, after: tuple[int, str], **wanted: Any) -> list[str]:
        found = await world.orders.read(
            lambda connection: list_incidents(
                connection,
                world.tenant,
                IncidentFilter(**wanted),
                size,
                after,
            )
        )
        return [incident.incident_id for incident in found]

    first = order.incidents[0]
    assert await listed(9, (0, "")) == ["4330000000000000000-i1", "4330000000000000000-i2"]
    assert await listed(9, (first.due_at_ms, first.incident_id)) == ["4330000000000000000-i2"]
    assert await listed(9, (0, ""), owner="claims-desk") == []
    assert await listed(9, (0, ""), kind=IncidentKind.DELAY, owner="carrier-desk") == [
        "4330000000000000000-i1",
        "4330000000000000000-i2",
    ]
    assert await listed(9, (0, ""), due_before_ms=first.due_at_ms - 1) == []


async def test_a_pick_list_has_the_last_remarks_of_its_order_and_no_correction(
    world: World,
) -> None:
    await world.place(delivery=SHANGHAI)
    await world.do("REVIEW")
    for number, text in enumerate(("first", "gift wrap, please", "no plastic", "x" * 300)):
        remark = Remark("", f"remark-{number}", "buyer", "WEB", text, 0)
        await world.change(partial(add_remark, remark=remark))
        world.clock.advance(1)
    near = structs.replace(SHANGHAI, street="南京路2号")
    await world.change(lambda draft: correct(draft, near, "correction-1", "phone"))
    await world.place("4330000000000000001")
    await world.do("REVIEW", order_id="4330000000000000001")
    listed = await world.orders.read(
        lambda connection: list_picks(connection, world.tenant, PickFilter())
    )
    said = {pick.shipment_id: pick.remarks for pick in listed}
    assert said["4330000000000000000-s1"] == (
        "buyer: gift wrap, please",
        "buyer: no plastic",
        f"buyer: {'x' * 200}",
    )
    assert said["4330000000000000001-s1"] == ()
