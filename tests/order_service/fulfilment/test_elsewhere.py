"""Units that a warehouse does not have come from another one; what none has is refunded (A5)."""

from functools import partial

import pytest

from holdfast.types import State
from order_service.audit.case import Case, judge
from order_service.audit.motion import RULES as MOTION_RULES
from order_service.audit.shipments import RULES as PARCEL_RULES
from order_service.catalogue.catalogue import Catalogue
from order_service.catalogue.model import Warehouse
from order_service.engine_clock import EngineClock
from order_service.fulfilment.cancelling import cancel
from order_service.fulfilment.cancelling_parcels import cancel_shipment
from order_service.fulfilment.elsewhere import Found, places_tried, sourced
from order_service.fulfilment.incidents import open_incident
from order_service.fulfilment.planning import plan_like
from order_service.fulfilment.resolving import resolve
from order_service.fulfilment.shares import due_at_the_door_minor
from order_service.fulfilment.warehouse import confirm_pick, hand_over
from order_service.order.model import IncidentKind, Order, Shipment
from order_service.order.records import TrackingKind
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.states import IncidentEvent, IncidentState, OrderState, ShipmentState
from order_service.order.tasks import SourceElsewhere, TaskKind
from order_service.payment.refund_requests import Asked, AskedUnits, request_refund
from order_service.placing.elsewhere import Elsewhere
from order_service.placing.queue import StockDesk
from order_service.placing.reserving import Reserving
from order_service.placing.stock_tasks import StockTasks
from order_service.relay.handler import Learned, handlers_of
from tests.order_service.clock import START_MS
from tests.order_service.fulfilment.parcels import (
    ON_DELIVERY,
    carrier_reports,
    cash,
    decided,
    draft_of,
    labelled,
    planned_order,
    shipped_order,
    units,
)
from tests.order_service.fulfilment.world import World
from tests.order_service.placing.wanted import METHODS
from tests.order_service.sound import assert_books_sound

S, K = ShipmentState, TrackingKind
FIRST, SECOND, THIRD = (f"4330000000000000000-s{number}" for number in (1, 2, 3))


def not_there(order: Order, shipment_id: str = FIRST) -> Shipment:
    """Somebody says that the units of a parcel are not there; the parcel that is SOURCING."""
    leave = partial(cancel_shipment, why="not there", missing=True, elsewhere=True)
    answer = decided(order, partial(leave, shipment_id=shipment_id))
    return answer.rest or answer.shipment


def found(order: Order, shipment: Shipment, *takes: Found) -> None:
    """The other warehouses have served a parcel, as far as they could."""
    decided(order, partial(sourced, shipment_id=shipment.shipment_id, found=takes, reason="gone"))


def assert_sound(order: Order) -> None:
    """An audit has nothing to say of its parcels, and somebody moves it on."""
    case = Case(order, [], START_MS)
    assert [each.detail for each in judge(case, (*PARCEL_RULES, *MOTION_RULES))] == []


def test_a_parcel_that_is_not_there_waits_for_other_warehouses_and_nothing_goes_back_yet() -> None:
    order = planned_order()
    sourcing = not_there(order)
    assert (sourcing.shipment_id, sourcing.state) == (FIRST, S.SOURCING)
    assert [task.kind for task in order.tasks if task.lane == "stock"] == [
        TaskKind.CANCEL_PARCEL,
        TaskKind.SOURCE,
    ]
    assert (order.refunds, order.lines[0].cancelled) == ([], 0)
    again = partial(cancel_shipment, why="again", missing=True, elsewhere=True)
    assert decided(order, partial(again, shipment_id=FIRST)).replayed
    assert_sound(order)


def test_what_other_warehouses_have_goes_in_parcels_of_theirs_and_counts_as_the_orders() -> None:
    order = planned_order()
    found(order, not_there(order), Found("SKU-1", 2, "east"), Found("SKU-1", 1, "south"))
    first, cold, *made = order.shipments
    assert first.state is S.CANCELLED
    assert [(each.location, units(each), each.replaces) for each in made] == [
        ("east", [("SKU-1", 2)], FIRST),
        ("south", [("SKU-1", 1)], FIRST),
    ]
    assert not order.refunds
    assert_sound(order)
    for parcel in (cold, *made):
        labelled(order, parcel)
        decided(order, partial(hand_over, shipment_id=parcel.shipment_id))
    assert order.state is OrderState.SHIPPED
    assert [line.shipped for line in order.lines] == [3, 2]
    assert_sound(order)


def test_for_what_no_warehouse_has_the_money_goes_back_by_unit() -> None:
    order = planned_order()
    found(order, not_there(order), Found("SKU-1", 2, "east"))
    first, _, made, left_out = order.shipments
    assert [each.state for each in (first, made, left_out)] == [S.CANCELLED, S.PLANNED, S.CANCELLED]
    assert (units(left_out), left_out.location) == ([("SKU-1", 1)], "north")
    assert [refund.amount_minor for refund in order.refunds] == [452]
    assert (order.lines[0].cancelled, order.lines[0].refunded_unshipped) == (1, 1)
    assert_sound(order)


def test_where_no_warehouse_has_any_the_parcel_is_left_out_as_ever() -> None:
    order = planned_order()
    found(order, not_there(order))
    assert order.shipments[0].state is S.CANCELLED
    assert [(each.amount_minor, each.reason) for each in order.refunds] == [(1_357, "gone")]
    assert order.lines[0].cancelled == 3
    assert_sound(order)


def test_with_its_only_parcel_the_order_is_cancelled_where_no_warehouse_has_it() -> None:
    order = planned_order()
    found(order, not_there(order, SECOND))
    found(order, not_there(order))
    assert (order.state, order.refunded_minor) == (OrderState.CANCELLED, 2_000)
    assert_sound(order)


def test_what_is_not_there_either_is_looked_for_where_it_was_not_missed_yet() -> None:
    order = planned_order()
    found(order, not_there(order), Found("SKU-1", 3, "east"))
    pick = partial(confirm_pick, shipment_id=THIRD, taken=[("SKU-1", 1)])
    rest = decided(order, pick).rest
    assert rest is not None
    assert places_tried(order, not_there(order, rest.shipment_id)) == {"north", "east"}
    found(order, rest, Found("SKU-1", 2, "south"))
    assert order.shipments[-1].location == "south"
    assert order.sold_again_for(order.shipments[-1]) == rest.shipment_id
    assert_sound(order)


def test_a_checked_parcel_gives_its_waybill_back_first() -> None:
    order = planned_order()
    labelled(order, order.shipments[0])
    sourcing = not_there(order)
    assert (order.shipments[0].state, sourcing.shipment_id) == (S.CANCELLED, THIRD)
    assert TaskKind.VOID_LABEL in {task.kind for task in order.tasks}
    found(order, sourcing, Found("SKU-1", 3, "east"))
    assert_sound(order)


@pytest.mark.parametrize("asked", [Asked(lines=(AskedUnits(1, 1),)), Asked()])
def test_who_asks_for_the_money_of_units_that_are_looked_for_is_told_to_ask_again(
    asked: Asked,
) -> None:
    order = planned_order()
    not_there(order)
    with pytest.raises(Refused) as refused:
        decided(order, lambda draft: request_refund(draft, "key", 0, "", asked))
    assert refused.value.reason is RefusalReason.UNDER_WAY


def test_units_that_were_found_elsewhere_can_be_refunded_before_they_leave() -> None:
    order = planned_order()
    sourcing = not_there(order)
    found(order, sourcing, Found("SKU-1", 2, "east"))
    decided(order, lambda draft: request_refund(draft, "key", 0, "", Asked((AskedUnits(1, 1),))))
    line = order.lines[0]
    assert (line.cancelled, line.refunded_unshipped) == (2, 2)
    assert_sound(order)


def test_who_wants_the_money_back_need_not_wait_and_what_is_found_is_given_back() -> None:
    order = planned_order()
    sourcing = not_there(order)
    leave = partial(cancel_shipment, shipment_id=FIRST, why="no more")
    assert not decided(order, leave).replayed
    assert (sourcing.state, order.refunded_minor) == (S.CANCELLED, 1_357)
    found(order, sourcing, Found("SKU-1", 3, "east"))
    assert len(order.shipments) == 2
    again = [task for task in order.tasks if task.kind == TaskKind.SOURCE]
    assert SourceElsewhere.of(again[-1]) == SourceElsewhere(FIRST)


def test_a_parcel_that_is_being_sourced_is_neither_picked_nor_picked_again() -> None:
    order = planned_order()
    parcel = order.shipments[0]
    decided(order, lambda draft: open_incident(draft, parcel, IncidentKind.LATE_PICK, "late"))
    not_there(order)
    (incident,) = order.incidents
    for decide in (
        partial(confirm_pick, shipment_id=FIRST, taken=()),
        partial(resolve, incident_id=incident.incident_id, said=IncidentEvent.RESHIP, why=""),
    ):
        with pytest.raises(Refused, match="is SOURCING"):
            decide(draft_of(order))
    found(order, parcel, Found("SKU-1", 3, "east"))
    assert incident.state is IncidentState.RESHIPPED


def test_what_is_paid_at_the_door_is_paid_for_what_comes() -> None:
    order = planned_order(**ON_DELIVERY, payments=[cash(2_000)])
    found(order, not_there(order), Found("SKU-1", 2, "east"))
    _, cold, made, _ = order.shipments
    due = [due_at_the_door_minor(order, parcel) for parcel in (cold, made)]
    assert sum(due) == 2_000 - order.lines[0].unpaid_minor
    assert order.lines[0].unpaid_units == 1


def test_goods_for_a_lost_parcel_that_are_not_there_come_from_elsewhere_too() -> None:
    order = shipped_order()
    lost, _ = order.shipments
    carrier_reports(order, lost, K.LOST)
    incident = order.incidents[0]
    again = partial(resolve, incident_id=incident.incident_id, said=IncidentEvent.RESHIP, why="")
    decided(order, again)
    decided(order, lambda draft: plan_like(draft, lost, lost.lines, replaces=lost.shipment_id))
    found(order, not_there(order, THIRD), Found("SKU-1", 3, "east"))
    made = order.shipments[-1]
    assert (made.location, order.sold_again_for(made)) == ("east", THIRD)
    assert not order.carries_lines(made)
    assert_sound(order)


@pytest.fixture
async def shop(world: World) -> World:
    """A shop with three warehouses; the north has its goods only in its books."""
    catalogue = Catalogue(world.orders)
    places = ("north", "east", "south")
    put = [Warehouse(each, "CN", priority=number) for number, each in enumerate(places)]
    await catalogue.put(world.tenant, put)
    reserving = Reserving(world.engine, catalogue, METHODS, EngineClock(world.clock))
    stock = StockTasks(world.engine, StockDesk(world.orders, reserving), METHODS)
    world.handlers |= handlers_of(Elsewhere(world.engine, catalogue), stock)
    return world


async def missing(shop: World, shipment_id: str = FIRST) -> None:
    """A parcel's units are not there; the engine has heard of it."""
    leave = partial(cancel_shipment, why="not there", missing=True, elsewhere=True)
    await shop.change(partial(leave, shipment_id=shipment_id))
    await shop.do("CANCEL_PARCEL")


async def on_hand(shop: World, sku: str = "SKU-1") -> dict[str, tuple[int, int]]:
    """Units on hand and sold, by warehouse."""
    levels = await shop.engine.get_stock(sku)
    return {level.location: (level.on_hand, level.confirmed) for level in levels}


async def test_another_warehouse_serves_what_is_not_there(shop: World) -> None:
    await shop.engine.set_stock("SKU-1", 5, location="east", limit_per_buyer=3)
    await shop.place()
    await shop.do("REVIEW")
    await missing(shop)
    await shop.do("SOURCE")
    order = await shop.order()
    assert [(each.state, each.location) for each in order.shipments] == [
        (S.CANCELLED, "north"),
        (S.PLANNED, "north"),
        (S.PLANNED, "east"),
    ]
    assert await on_hand(shop) == {"north": (7, 0), "east": (5, 3)}
    await assert_books_sound(shop.orders, shop.engine, tenant=shop.tenant, all_is_done=True)
    for parcel in order.shipments[1:]:
        await shop.pack(parcel)
    await shop.do("LABEL", "LABEL")
    await shop.leave()
    assert await on_hand(shop) == {"north": (7, 0), "east": (2, 0)}
    assert (await shop.order()).state is OrderState.SHIPPED
    await assert_books_sound(shop.orders, shop.engine, tenant=shop.tenant, all_is_done=True)


async def test_units_come_from_several_warehouses_and_the_rest_is_refunded(shop: World) -> None:
    await shop.engine.set_stock("SKU-1", 1, location="east")
    await shop.engine.set_stock("SKU-1", 1, location="south")
    await shop.place()
    await shop.do("REVIEW")
    await missing(shop)
    await shop.do("SOURCE")
    order = await shop.order()
    assert {each.location: units(each) for each in order.shipments[2:4]} == {
        "east": [("SKU-1", 1)],
        "south": [("SKU-1", 1)],
    }
    assert order.refunded_minor == 452
    await assert_books_sound(shop.orders, shop.engine, tenant=shop.tenant)


async def test_a_second_attempt_finds_what_the_first_has_sold_and_takes_no_more(
    shop: World,
) -> None:
    await shop.engine.set_stock("SKU-1", 9, location="east")
    await shop.place()
    await shop.do("REVIEW")
    await missing(shop)
    order = await shop.order()
    (task,) = [each for each in order.tasks if each.kind == TaskKind.SOURCE]
    for _ in range(2):  # killed before its decision was written
        assert isinstance(await shop.handlers[TaskKind.SOURCE](order, task), Learned)
    await shop.do("SOURCE")
    assert (await on_hand(shop))["east"] == (9, 3)
    await assert_books_sound(shop.orders, shop.engine, tenant=shop.tenant, all_is_done=True)


async def test_where_nothing_was_found_no_late_attempt_sells_any_more(shop: World) -> None:
    await shop.place()
    await shop.do("REVIEW")
    await missing(shop)
    await shop.do("SOURCE")
    assert (await shop.order()).refunded_minor == 1_357
    await shop.engine.set_stock("SKU-1", 9, location="east")
    late = await shop.engine.reserve("4330000000000000000-x1", [("SKU-1", 3, "east")])
    assert not late.applied
    await assert_books_sound(shop.orders, shop.engine, tenant=shop.tenant)


async def test_an_order_that_is_cancelled_gives_back_what_it_has_anywhere(shop: World) -> None:
    await shop.engine.set_stock("SKU-1", 5, location="east")
    await shop.engine.set_stock("SKU-2", 5, location="south")
    await shop.place()
    await shop.do("REVIEW")
    await missing(shop)
    await shop.do("SOURCE")
    await missing(shop, SECOND)
    order = await shop.order()
    (task,) = [each for each in order.tasks if each.kind == TaskKind.SOURCE]
    decide = await shop.handlers[TaskKind.SOURCE](order, task)
    assert decide is not None
    await shop.change(lambda draft: cancel(draft, (), "no more"))  # while another process is at it
    await shop.change(decide)
    await shop.do("CANCEL_PARCEL", "CANCEL", "SOURCE")
    assert await on_hand(shop) == {"north": (7, 0), "east": (5, 0)}
    assert await on_hand(shop, "SKU-2") == {"north": (8, 0), "south": (5, 0)}
    reservation = await shop.engine.get_reservation("4330000000000000000-x2")
    assert reservation.state is State.CANCELLED
    await assert_books_sound(shop.orders, shop.engine, tenant=shop.tenant, all_is_done=True)
