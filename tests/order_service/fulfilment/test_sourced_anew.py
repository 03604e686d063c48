"""A corrected delivery has its warehouses chosen anew, as long as nothing is packed (B18)."""

from functools import partial

import pytest
from msgspec import structs

from order_service.catalogue.catalogue import Catalogue
from order_service.catalogue.model import Place, Warehouse
from order_service.fulfilment.elsewhere import Found, look_elsewhere, source_anew, sourced
from order_service.fulfilment.holding import correct
from order_service.fulfilment.warehouse import confirm_pick
from order_service.order.model import Order
from order_service.order.placed import Amounts, Delivery
from order_service.order.states import OrderState, ShipmentState
from order_service.order.tasks import SourceAnew, TaskKind, todos
from order_service.placing.elsewhere import Elsewhere
from order_service.relay.handler import handlers_of
from tests.order_service.clock import START_MS
from tests.order_service.fulfilment.parcels import decided, paid_order, planned_order
from tests.order_service.fulfilment.test_holding import GUANGZHOU, SHANGHAI
from tests.order_service.fulfilment.world import World
from tests.order_service.sound import assert_books_sound

S = ShipmentState
FREE = Amounts(2_100, 200, 1_900, 0, 0, 0)


def corrected(order: Order, delivery: Delivery = GUANGZHOU, key: str = "c-1") -> None:
    """The buyer confirms another delivery."""
    decided(order, lambda draft: correct(draft, delivery, key, "phone"))


def due(order: Order) -> list[int]:
    """When the warehouses are chosen again, from now."""
    return [todo.task.due_at_ms - START_MS for todo in todos(order, SourceAnew)]


def test_a_correction_in_the_same_place_changes_no_warehouse() -> None:
    order = planned_order(delivery=SHANGHAI)
    corrected(order, structs.replace(SHANGHAI, street="南京路2号"))
    assert (due(order), order.held_at_ms) == ([], 0)


def test_an_order_is_held_only_for_freight_or_tax_of_another_region() -> None:
    order, free = planned_order(delivery=SHANGHAI), planned_order(delivery=SHANGHAI, amounts=FREE)
    for each in (order, free):
        corrected(each)
        assert due(each) == [0]
    assert bool(order.held_at_ms)
    assert not free.held_at_ms


def test_before_its_review_an_order_is_sourced_anew_once_its_parcels_are_planned() -> None:
    order = paid_order(delivery=SHANGHAI)
    corrected(order)
    assert due(order)[0] > 0
    decided(order, partial(source_anew, shipment_ids=[]))
    assert len(due(order)) == 1
    planned = planned_order(delivery=SHANGHAI, tasks=order.tasks)
    assert due(planned) == [0]


def test_a_parcel_that_nobody_else_can_serve_stays_and_the_order_is_held() -> None:
    order = planned_order(delivery=SHANGHAI)
    parcel = order.shipments[0]
    decided(order, lambda draft: look_elsewhere(draft, parcel, "corrected"))
    decided(order, partial(sourced, shipment_id=parcel.shipment_id, found=[], reason=""))
    again = order.shipments[-1]
    assert (parcel.state, again.state, again.lines) == (S.CANCELLED, S.PLANNED, parcel.lines)
    assert (again.location, bool(order.held_at_ms)) == ("north", True)
    assert not order.refunds
    assert not order.sold_again_for(again)


def test_other_warehouses_serve_first_and_then_the_old_one_gets_its_units_back() -> None:
    order = planned_order(delivery=SHANGHAI)
    parcel = order.shipments[0]
    decided(order, partial(confirm_pick, shipment_id=parcel.shipment_id, taken=()))
    decided(order, partial(source_anew, shipment_ids=[parcel.shipment_id, parcel.shipment_id]))
    assert parcel.state is S.SOURCING
    assert TaskKind.CANCEL_PARCEL not in {task.kind for task in order.tasks}
    there = [Found("SKU-1", 3, "south")]
    decided(order, partial(sourced, shipment_id=parcel.shipment_id, found=there, reason=""))
    assert (order.shipments[-1].location, order.shipments[-1].state) == ("south", S.PLANNED)
    assert TaskKind.CANCEL_PARCEL in {task.kind for task in order.tasks}


@pytest.fixture
async def shop(world: World) -> World:
    """A shop with a warehouse in the north, and one near Guangzhou."""
    catalogue = Catalogue(world.orders)
    await catalogue.put(
        world.tenant,
        [
            Warehouse("north", "CN", latitude=39.9, longitude=116.4),
            Warehouse("south", "CN", latitude=23.0, longitude=113.1),
        ],
    )
    places = [Place("CN", "20", "", 31.2, 121.5), Place("CN", "51", "", 23.1, 113.3)]
    await catalogue.put(world.tenant, places)
    world.handlers |= handlers_of(Elsewhere(world.engine, catalogue))
    return world


async def where(shop: World) -> list[tuple[str, str]]:
    """The parcels of an order that leave, and where from."""
    shipments = (await shop.order()).shipments
    return [
        (each.location, line.sku)
        for each in shipments
        if each.state is not S.CANCELLED
        for line in each.lines
    ]


async def test_a_corrected_order_leaves_from_the_nearest_warehouse_that_has_it(
    shop: World,
) -> None:
    await shop.engine.set_stock("SKU-1", 3, location="south")
    await shop.place(delivery=SHANGHAI)
    await shop.do("REVIEW")
    await shop.change(lambda draft: correct(draft, GUANGZHOU, "c-1", "phone"))
    await shop.do("SOURCE_ANEW", "SOURCE", "CANCEL_PARCEL")
    assert await where(shop) == [("north", "SKU-2"), ("south", "SKU-1")]
    levels = await shop.engine.get_stock("SKU-1")
    assert {level.location: level.confirmed for level in levels} == {"north": 0, "south": 3}
    await shop.change(lambda draft: correct(draft, SHANGHAI, "c-2", "phone"))
    await shop.do("SOURCE_ANEW", "SOURCE", "CANCEL_PARCEL")
    assert await where(shop) == [("north", "SKU-2"), ("north", "SKU-1")]
    await assert_books_sound(shop.orders, shop.engine, tenant=shop.tenant, all_is_done=True)


async def test_the_limit_of_its_buyer_keeps_a_parcel_where_it_is_for_a_person_to_see(
    shop: World,
) -> None:
    await shop.engine.set_stock("SKU-1", 3, location="south", limit_per_buyer=3)
    await shop.place(delivery=SHANGHAI)
    await shop.do("REVIEW")
    await shop.change(lambda draft: correct(draft, GUANGZHOU, "c-1", "phone"))
    await shop.do("SOURCE_ANEW")
    await shop.do("SOURCE")
    assert ("north", "SKU-1") in await where(shop)
    order = await shop.order()
    assert (order.state, bool(order.held_at_ms)) == (OrderState.IN_FULFILMENT, True)
    await assert_books_sound(shop.orders, shop.engine, tenant=shop.tenant, all_is_done=True)
