"""An order's whole way with a real carrier, a real engine and real callbacks."""

import json
from functools import partial

import pytest
from msgspec import structs

from holdfast.outcomes import Outcome
from holdfast.types import Reservation, State
from order_service.audit.case import Case, judge
from order_service.audit.shipments import RULES as PARCEL_RULES
from order_service.audit.stock import RULES as STOCK_RULES
from order_service.fulfilment.cancelling import cancel
from order_service.fulfilment.cancelling_parcels import cancel_shipment
from order_service.fulfilment.carrier_rules import CarrierRule
from order_service.fulfilment.carriers.port import (
    CarrierEvent,
    CarrierRefuses,
    CarrierShipment,
    Label,
)
from order_service.fulfilment.carriers.sandbox import SandboxCarrier
from order_service.fulfilment.incidents import report
from order_service.fulfilment.intake import TrackingIntake
from order_service.fulfilment.labels import get_label
from order_service.fulfilment.queries import reports_of
from order_service.fulfilment.resolving import resolve
from order_service.fulfilment.review import ReviewInput, approve
from order_service.fulfilment.tracking import read_temperature
from order_service.fulfilment.warehouse import confirm_packing, hand_over
from order_service.order.draft import Draft
from order_service.order.model import IncidentKind, Order
from order_service.order.placed import Amounts, SubOrder
from order_service.order.receipts import issue_receipt
from order_service.order.records import TrackingKind
from order_service.order.refusals import Refused
from order_service.order.states import (
    IncidentEvent,
    IncidentState,
    OrderState,
    PaymentState,
    ShipmentState,
)
from order_service.order.tasks import GetLabel, TaskKind
from order_service.placing.decisions import apply_stock_answer
from order_service.placing.reserving import Reserved
from order_service.placing.sourcing import Take
from order_service.placing.stock_tasks import StockTasks
from order_service.relay.attempt import Concluded, Failed
from order_service.relay.handler import GiveUp, TryLater, handlers_of
from tests.http import Http
from tests.order_service.fulfilment.parcels import ARTICLES, paid_order, units
from tests.order_service.fulfilment.world import API_KEY, HOUR_MS, SECRET, World
from tests.order_service.placing.wanted import METHODS
from tests.order_service.sound import assert_books_sound

FREE = Amounts(2_100, 200, 1_900, 0, 0, 0)
WEEK_MS = 7 * 24 * HOUR_MS


def free_order() -> Order:
    """An order of 3 + 2 units that a coupon pays for in full, to be paid with a card."""
    lines = [structs.replace(line, amount_minor=0) for line in paid_order().lines]
    shares = (SubOrder("4330000000000000000.1", "merchant-1", FREE),)
    return paid_order(
        amounts=FREE,
        lines=lines,
        sub_orders=shares,
        payments=[],
        payment_method="sandbox_card",
        state=OrderState.RESERVING,
        version=0,
    )


async def on_hand(world: World, sku: str) -> int:
    levels = await world.engine.get_stock(sku)
    return next(level.on_hand for level in levels if level.location == "north")


async def states(world: World) -> list[ShipmentState]:
    return [shipment.state for shipment in (await world.order()).shipments]


async def test_an_order_goes_from_its_review_to_the_door_and_completes(world: World) -> None:
    await world.place()
    order = await world.ship()
    assert order.state is OrderState.SHIPPED
    assert all(shipment.waybill.startswith("SB") for shipment in order.shipments)
    assert [await on_hand(world, sku) for sku in ("SKU-1", "SKU-2")] == [7, 8]
    assert (await world.engine.get_reservation("4330000000000000000")).state is State.FULFILLED
    await world.collect()
    assert await states(world) == [ShipmentState.IN_TRANSIT] * 2
    await world.advance(72 * HOUR_MS)
    order = await world.order()
    assert order.state is OrderState.DELIVERED
    assert not order.incidents
    await world.advance(WEEK_MS)
    assert await world.do("COMPLETE") == [Concluded(False)]
    assert (await world.order()).state is OrderState.COMPLETED


async def test_the_events_of_a_parcel_are_kept_each_once_by_their_own_time(world: World) -> None:
    await world.place()
    await world.misbehave(callbacks={"duplicate": 1.0, "reorder": 0.5})
    order = await world.ship()
    await world.collect()
    await world.advance(72 * HOUR_MS)
    name = order.shipments[0].shipment_id
    events, _ = await world.orders.read(lambda connection: reports_of(connection, name))
    kinds = [event.kind for event in events]
    assert kinds == [
        TrackingKind.COLLECTED,
        TrackingKind.IN_TRANSIT,
        TrackingKind.HUB,
        TrackingKind.IN_TRANSIT,
        TrackingKind.OUT_FOR_DELIVERY,
        TrackingKind.SIGNED,
    ]
    assert (await world.order()).state is OrderState.DELIVERED


async def test_a_carrier_whose_callbacks_are_lost_is_asked_before_a_parcel_counts_as_late(
    world: World,
) -> None:
    await world.place()
    await world.misbehave(callbacks={"lose": 1.0})
    await world.ship()
    await world.collect()
    await world.advance(72 * HOUR_MS)
    assert await states(world) == [ShipmentState.SHIPPED] * 2
    await world.do("DELIVERY_DUE")
    order = await world.order()
    assert (order.state, order.incidents) == (OrderState.DELIVERED, [])


async def test_a_parcel_that_is_late_becomes_an_incident_and_its_arrival_settles_it(
    world: World,
) -> None:
    await world.place()
    await world.misbehave(parcels={"late": 1.0, "late_ms": 24 * HOUR_MS})
    await world.ship()
    await world.collect()
    await world.advance(72 * HOUR_MS)
    await world.do("DELIVERY_DUE")
    order = await world.order()
    assert {incident.state for incident in order.incidents} == {IncidentState.OPEN}
    await world.advance(24 * HOUR_MS)
    order = await world.order()
    assert {incident.state for incident in order.incidents} == {IncidentState.ARRIVED}
    assert order.state is OrderState.DELIVERED


async def test_a_lost_parcel_is_shipped_again_from_stock_of_its_own(world: World) -> None:
    await world.place()
    await world.misbehave(parcels={"lose": 1.0})
    await world.ship()
    await world.collect(shipment_ids=["4330000000000000000-s1"])
    await world.misbehave()
    await world.collect(shipment_ids=["4330000000000000000-s2"])
    await world.advance(72 * HOUR_MS)
    assert await states(world) == [ShipmentState.LOST, ShipmentState.DELIVERED]
    # There is enough of it in the north for one attempt only; more would be in the south.
    await world.engine.set_stock("SKU-1", 5, location="north")
    await world.engine.set_stock("SKU-1", 10, location="south")
    await resolve_first(world, IncidentEvent.RESHIP)
    (task,) = [task for task in (await world.order()).tasks if task.kind == TaskKind.RESHIP]
    handler = world.handlers[TaskKind.RESHIP]
    await handler(await world.order(), task)  # its process dies before the decision is written
    await world.do("RESHIP")
    order = await world.order()
    replacement = order.shipments[2]
    assert (replacement.replaces, replacement.lines) == (
        "4330000000000000000-s1",
        order.shipments[0].lines,
    )
    assert order.incidents[0].state is IncidentState.RESHIPPED
    assert (await world.engine.get_reservation("4330000000000000000-x1")).state is State.CONFIRMED
    await world.pack(replacement)
    await world.do("LABEL", "LABEL")
    await world.leave()
    assert await on_hand(world, "SKU-1") == 5 - 3
    assert (await world.order()).lines[0].shipped == 3
    await world.collect()
    await world.advance(72 * HOUR_MS)
    assert (await world.order()).state is OrderState.DELIVERED


async def test_a_lost_parcel_of_all_that_a_buyer_may_have_is_shipped_again(world: World) -> None:
    await world.engine.set_stock("SKU-1", 10, location="north", limit_per_buyer=3)
    await world.place()
    await world.misbehave(parcels={"lose": 1.0})
    await world.ship()
    await world.collect()
    await world.advance(72 * HOUR_MS)
    await resolve_first(world, IncidentEvent.RESHIP)
    (task,) = [task for task in (await world.order()).tasks if task.kind == TaskKind.RESHIP]
    await world.handlers[TaskKind.RESHIP](await world.order(), task)  # its process dies then
    await world.do("RESHIP")
    order = await world.order()
    assert order.incidents[0].state is IncidentState.RESHIPPED
    reservations = {
        name: await world.engine.get_reservation(name)
        for name in (order.order_id, f"{order.order_id}-x1")
    }
    case = Case(order, [], order.updated_at_ms, reservations=reservations)
    assert [each.detail for each in judge(case, (*STOCK_RULES, *PARCEL_RULES))] == []
    (level,) = await world.engine.get_stock("SKU-1")
    assert (level.on_hand, level.confirmed, level.damaged) == (7, 3, 0)
    # The units sent again count for their buyer in place of the lost ones.
    more = await world.engine.reserve("more", [("SKU-1", 1, "north")], buyer_id=order.buyer_id)
    assert more.outcome is Outcome.LIMIT_EXCEEDED


async def test_goods_are_got_again_only_after_the_engine_has_heard_that_they_left(
    world: World,
) -> None:
    await world.place()
    await world.do("REVIEW")
    parcel = (await world.order()).shipments[0]
    await world.pack(parcel)
    await world.do("LABEL", "LABEL")
    await world.change(lambda draft: hand_over(draft, parcel.shipment_id))
    lose = partial(report, shipment_id=parcel.shipment_id, kind=IncidentKind.LOSS, why="")
    await world.change(lose)
    await resolve_first(world, IncidentEvent.RESHIP)
    (early,) = await world.do("RESHIP")
    assert isinstance(early, Failed)
    assert not early.final
    await world.do("SHIP", "RESHIP")
    assert (await world.order()).incidents[0].state is IncidentState.RESHIPPED


async def test_what_no_warehouse_has_cannot_be_shipped_again(world: World) -> None:
    await world.place()
    await world.misbehave(parcels={"lose": 1.0})
    await world.ship()
    await world.collect()
    await world.advance(72 * HOUR_MS)
    await world.engine.set_stock("SKU-1", 2, location="north")
    await resolve_first(world, IncidentEvent.RESHIP)
    await world.do("RESHIP")
    assert (await world.order()).incidents[0].state is IncidentState.OPEN
    await resolve_first(world, IncidentEvent.REFUND)
    assert (await world.order()).refunded_minor == 1_357


async def warm(world: World) -> None:
    """The first parcel has become too warm, before it left."""

    def decide(draft: Draft) -> None:
        parcel = draft.order.shipments[0]
        draft.update(parcel, temperature_max_millicelsius=8_000)
        read_temperature(draft, parcel.shipment_id, "t-1", 1, 9_000)

    await world.change(decide)


async def labelled(world: World) -> None:
    """An order whose first parcel has its waybill."""
    await world.place()
    await world.do("REVIEW")
    await world.pack((await world.order()).shipments[0])
    await world.do("LABEL", "LABEL")


async def test_a_parcel_that_is_given_up_before_it_left_gives_units_waybill_and_money_back(
    world: World,
) -> None:
    await labelled(world)
    await warm(world)
    await resolve_first(world, IncidentEvent.REFUND)
    assert await world.do("CANCEL_PARCEL", "CANCEL_PARCEL", "VOID_LABEL") == [Concluded(False)] * 2
    order = await world.order()
    assert (order.refunded_minor, order.lines[0].cancelled) == (1_357, 3)
    reservation = await world.engine.get_reservation("4330000000000000000")
    assert [line.cancelled for line in reservation.lines] == [3, 0]
    levels = await world.engine.get_stock("SKU-1")
    assert next(level.available for level in levels if level.location == "north") == 10
    assert (await world.control.get("/control/books")).json()["parcels_void"] == 1
    assert_engine_agrees(order, reservation)


async def test_the_engine_and_the_carrier_hear_of_what_is_left_out(world: World) -> None:
    await labelled(world)
    await world.leave()
    second = (await world.order()).shipments[1]
    await world.change(lambda draft: cancel_shipment(draft, second.shipment_id, "gone"))
    assert await world.do("CANCEL_PARCEL") == [Concluded(False)]
    order = await world.order()
    reservation = await world.engine.get_reservation("4330000000000000000")
    assert (order.state, reservation.state) == (OrderState.SHIPPED, State.FULFILLED)
    assert_engine_agrees(order, reservation)
    await world.collect()
    await world.advance(72 * HOUR_MS)
    assert (await world.order()).state is OrderState.DELIVERED


async def test_goods_that_were_to_go_again_and_cannot_be_found_are_on_sale_again(
    world: World,
) -> None:
    await world.place()
    await world.misbehave(parcels={"lose": 1.0})
    await world.ship()
    await world.collect()
    await world.advance(72 * HOUR_MS)
    await resolve_first(world, IncidentEvent.RESHIP)
    await world.do("RESHIP")
    again = (await world.order()).shipments[2].shipment_id
    await world.change(lambda draft: cancel_shipment(draft, again, "gone"))
    assert await world.do("CANCEL_PARCEL") == [Concluded(False)]
    reservation = await world.engine.get_reservation("4330000000000000000-x1")
    assert reservation.state is State.CANCELLED
    assert (await world.order()).refunded_minor == 1_357


async def test_goods_that_are_picked_again_before_they_left_are_sold_once(world: World) -> None:
    await labelled(world)
    await warm(world)
    await resolve_first(world, IncidentEvent.RESHIP)
    again = (await world.order()).shipments[2]
    await world.pack(again)
    await world.do("LABEL", "LABEL", "VOID_LABEL")
    await world.change(lambda draft: hand_over(draft, again.shipment_id))
    await world.do("SHIP")
    order = await world.order()
    assert [each.state for each in order.shipments] == [
        ShipmentState.CANCELLED,
        ShipmentState.PLANNED,
        ShipmentState.SHIPPED,
    ]
    assert (order.state, order.lines[0].shipped) == (OrderState.PARTLY_SHIPPED, 3)
    assert await on_hand(world, "SKU-1") == 7
    assert_engine_agrees(order, await world.engine.get_reservation("4330000000000000000"))


def assert_engine_agrees(order: Order, reservation: Reservation) -> None:
    """Checks that an audit finds nothing wrong with an order's stock and parcels."""
    case = Case(order, [], order.updated_at_ms, reservations={order.order_id: reservation})
    assert [each.detail for each in judge(case, (*STOCK_RULES, *PARCEL_RULES))] == []


async def test_cash_is_collected_parcel_by_parcel(world: World) -> None:
    await world.place(on_delivery=True)
    await world.ship()
    await world.collect()
    await world.advance(72 * HOUR_MS)
    order = await world.order()
    assert [shipment.collected_minor for shipment in order.shipments] == [1_428, 572]
    assert order.payments[0].state is PaymentState.CAPTURED


async def test_cash_is_due_for_what_came_when_a_parcel_is_lost(world: World) -> None:
    await world.place(on_delivery=True)
    await world.misbehave(parcels={"lose": 1.0})
    order = await world.ship()
    await world.collect(shipment_ids=[order.shipments[0].shipment_id])
    await world.misbehave()
    await world.collect()
    await world.advance(72 * HOUR_MS)
    assert (await world.order()).payments[0].state is PaymentState.PENDING
    await resolve_first(world, IncidentEvent.REFUND)
    (payment,) = (await world.order()).payments
    assert (payment.state, payment.captured_minor) == (PaymentState.CAPTURED, 572)


async def test_a_carrier_whose_callbacks_are_lost_is_asked_what_it_collected(world: World) -> None:
    await world.place(on_delivery=True)
    await world.misbehave(callbacks={"lose": 1.0})
    await world.ship()
    await world.collect()
    await world.advance(72 * HOUR_MS)
    for parcel in (await world.order()).shipments:
        signed = CarrierEvent("e", TrackingKind.SIGNED, 1, parcel.shipment_id)
        await world.intake.take("sandbox", structs.replace(signed, event_id=parcel.shipment_id))
    assert (await world.order()).state is OrderState.DELIVERED
    await world.advance(WEEK_MS)
    assert await world.do("CASH_DUE") == [Concluded(False)]
    (payment,) = (await world.order()).payments
    assert (payment.state, payment.captured_minor) == (PaymentState.CAPTURED, 2_000)


async def test_a_carrier_that_is_silent_on_its_money_is_asked_again(world: World) -> None:
    await world.place(on_delivery=True)
    await world.misbehave(callbacks={"lose": 1.0})
    await world.ship()
    await world.collect()
    await world.advance(72 * HOUR_MS)
    silent = SandboxCarrier("http://127.0.0.1:9", API_KEY, [SECRET])
    order = await world.order()
    assert not await TrackingIntake(world.orders, {"sandbox": silent}).ask(order)
    assert await world.intake.ask(order)
    await silent.aclose()


async def test_cash_that_no_carrier_reports_is_a_dead_task(world: World) -> None:
    await world.place(on_delivery=True)
    await world.ship()
    for parcel in (await world.order()).shipments:
        signed = CarrierEvent("e", TrackingKind.SIGNED, 1, parcel.shipment_id)
        await world.intake.take("sandbox", structs.replace(signed, event_id=parcel.shipment_id))
    await world.advance(WEEK_MS)
    (failed,) = await world.do("CASH_DUE")
    assert isinstance(failed, Failed)
    assert (failed.final, failed.reason) == (True, "no carrier says that it collected the 2000 CNY")


async def test_a_waybill_is_one_however_often_it_is_asked_for(world: World) -> None:
    await world.place()
    await world.do("REVIEW")
    order = await world.order()
    await world.pack(order.shipments[0])
    await world.do("LABEL")  # chooses
    order = await world.order()
    (task,) = [task for task in order.tasks if task.kind == TaskKind.LABEL]
    handler = world.handlers[TaskKind.LABEL]
    await handler(order, task)  # its process dies before the decision is written
    await world.do("LABEL")
    assert (await world.order()).shipments[0].state is ShipmentState.LABELLED
    books = (await world.control.get("/control/books")).json()
    assert books["parcels_labelled"] == 1


async def test_a_van_that_is_faster_than_the_answer_to_our_call_is_heard(world: World) -> None:
    await world.place()
    await world.do("REVIEW")
    await world.pack((await world.order()).shipments[0])
    await world.do("LABEL")  # chooses
    order = await world.order()
    (task,) = [task for task in order.tasks if task.kind == TaskKind.LABEL]
    await world.handlers[TaskKind.LABEL](order, task)  # its answer is slow
    await world.collect()
    await world.advance(72 * HOUR_MS)
    assert (await states(world))[0] is ShipmentState.PACKED
    assert await world.do("LABEL", "TRACK") == [Concluded(False)] * 2
    order = await world.order()
    assert order.shipments[0].state is ShipmentState.DELIVERED
    assert order.state is OrderState.PARTLY_SHIPPED
    assert TaskKind.TRACK not in {task.kind for task in order.tasks}


async def test_a_parcel_that_no_carrier_takes_waits_for_a_person(world: World) -> None:
    await world.place()
    await world.do("REVIEW")
    order = await world.order()
    await world.pack(order.shipments[0], weight_g=40_000)
    (failed,) = await world.do("LABEL")
    assert isinstance(failed, Failed)
    assert failed.final
    assert "4330000000000000000-s1" in failed.reason


async def test_a_parcel_that_was_weighed_too_heavy_is_weighed_again_and_goes(world: World) -> None:
    await world.place()
    await world.do("REVIEW")
    parcel = (await world.order()).shipments[0]
    await world.pack(parcel, weight_g=40_000)
    (failed,) = await world.do("LABEL")
    assert isinstance(failed, Failed)
    again = partial(confirm_packing, shipment_id=parcel.shipment_id, scanned=units(parcel))
    await world.change(partial(again, weight_g=400))
    assert await world.do("LABEL", "LABEL") == [Concluded(False)] * 2
    assert (await world.order()).shipments[0].state is ShipmentState.LABELLED


async def test_a_waybill_that_is_made_while_its_order_is_cancelled_is_given_back(
    world: World,
) -> None:
    await world.place()
    await world.do("REVIEW")
    await world.pack((await world.order()).shipments[0])
    await world.do("LABEL")
    order = await world.order()
    (task,) = [task for task in order.tasks if task.kind == TaskKind.LABEL]
    decide = await world.handlers[TaskKind.LABEL](order, task)
    await world.change(lambda draft: cancel(draft, (), "changed my mind"))
    assert decide is not None
    await world.change(decide)
    await world.do("LABEL", "VOID_LABEL")
    assert set(await states(world)) == {ShipmentState.CANCELLED}
    books = (await world.control.get("/control/books")).json()
    assert books == {"parcels_void": 1, "callbacks_sent": 0, "callbacks_lost": 0}


async def test_the_waybill_of_a_parcel_under_way_cannot_be_given_back(world: World) -> None:
    await world.place()
    await world.ship()
    await world.carrier.void("NEVER-s1")
    await world.collect(shipment_ids=["4330000000000000000-s1"])
    with pytest.raises(CarrierRefuses, match="collected"):
        await world.carrier.void("4330000000000000000-s1")


@pytest.mark.parametrize("change", ["body", "signature", "time"])
async def test_a_forged_callback_changes_nothing(world: World, change: str) -> None:
    await world.place()
    await world.ship()
    fields = {
        "event_id": "e-1",
        "shipment_id": "4330000000000000000-s1",
        "kind": "SIGNED",
        "happened_at_ms": 1,
    }
    body = json.dumps(fields).encode()
    headers = world.outside.callbacks.headers("evt_1", body)
    if change == "body":
        body = body.replace(b"s1", b"s2")
    elif change == "signature":
        headers["webhook-signature"] = headers["webhook-signature"][:-2] + "x="
    else:
        world.clock.advance(HOUR_MS)
    async with Http() as stranger:
        answer = await stranger.post(world.callbacks_url, content=body, headers=headers)
    assert answer.status_code == 400
    assert await states(world) == [ShipmentState.SHIPPED] * 2


async def test_an_event_of_a_parcel_that_nobody_knows_is_taken_and_dropped(world: World) -> None:
    for name in ("NOBODY-s1", "4330000000000000000-s9"):
        await world.place("4330000000000000000") if name == "4330000000000000000-s9" else None
        fields = {"event_id": f"e-{name}", "shipment_id": name, "kind": "LOST", "happened_at_ms": 1}
        body = json.dumps(fields).encode()
        headers = world.outside.callbacks.headers("evt_1", body)
        async with Http() as carrier:
            answer = await carrier.post(world.callbacks_url, content=body, headers=headers)
        assert answer.status_code == 200
    assert not (await world.order()).incidents


async def test_a_carrier_speaks_only_of_its_own_parcels(world: World) -> None:
    await world.place()
    await world.ship()
    foreign = CarrierEvent("e-1", TrackingKind.LOST, 1, "4330000000000000000-s1")
    await world.intake.take("another", foreign)
    assert await states(world) == [ShipmentState.SHIPPED] * 2
    by_its_own_number = CarrierEvent("e-2", TrackingKind.LOST, 1, waybill=await waybill(world))
    await world.intake.take("sandbox", by_its_own_number)
    assert await states(world) == [ShipmentState.LOST, ShipmentState.SHIPPED]


class Refusing(SandboxCarrier):
    """A carrier that offers and then will not."""

    async def label(self, parcel: CarrierShipment, service: str) -> Label:
        raise CarrierRefuses("full")


async def test_a_carrier_that_refuses_is_left_out_of_the_next_choice(world: World) -> None:
    await world.place()
    await world.do("REVIEW")
    await world.pack((await world.order()).shipments[0])
    carriers = {"sandbox": Refusing(world.carrier_url, API_KEY, [SECRET])}
    rules = [CarrierRule("sandbox")]

    async def label() -> object:
        order = await world.order()
        (task,) = [task for task in order.tasks if task.kind == TaskKind.LABEL]
        decide = await get_label(order, GetLabel.of(task), carriers, rules)
        assert decide is not None

        def conclude(draft: Draft) -> None:
            draft.done(task)
            decide(draft)

        return await world.change(conclude)

    await label()
    assert (await world.order()).shipments[0].carrier == "sandbox"
    await label()
    assert (await world.order()).shipments[0].carrier == ""
    with pytest.raises(GiveUp, match="refused by: sandbox"):
        await label()
    await carriers["sandbox"].aclose()


async def test_a_silent_carrier_is_asked_again_later(world: World) -> None:
    await world.place()
    await world.do("REVIEW")
    await world.pack((await world.order()).shipments[0])
    silent = SandboxCarrier("http://127.0.0.1:9", API_KEY, [SECRET])
    order = await world.order()
    (task,) = [task for task in order.tasks if task.kind == TaskKind.LABEL]
    with pytest.raises(TryLater, match="sandbox did not answer"):
        await get_label(order, GetLabel.of(task), {"sandbox": silent}, [CarrierRule("sandbox")])
    await world.do("LABEL")
    order = await world.order()
    (task,) = [task for task in order.tasks if task.kind == TaskKind.LABEL]
    with pytest.raises(TryLater, match="sandbox does not answer"):
        await get_label(order, GetLabel.of(task), {"sandbox": silent}, [CarrierRule("sandbox")])
    await silent.aclose()


async def waybill(world: World) -> str:
    return (await world.order()).shipments[0].waybill


async def resolve_first(world: World, said: IncidentEvent) -> None:
    await world.change(lambda draft: resolve(draft, "4330000000000000000-i1", said, ""))


async def test_an_order_that_costs_nothing_goes_the_same_way_and_has_a_receipt(
    world: World,
) -> None:
    order = structs.replace(free_order(), tenant=world.tenant)
    takes = [Take(line.sku, line.quantity, line.location) for line in order.lines]
    held = await world.engine.reserve(order.order_id, takes)
    reserved = Reserved(takes, held.expires_at_ms)
    world.handlers |= handlers_of(StockTasks(world.engine, None, METHODS))  # type: ignore[arg-type]
    await world.orders.place(
        order, lambda draft: apply_stock_answer(draft, reserved, METHODS), "test"
    )
    with pytest.raises(Refused, match="CONFIRMING"):
        await world.change(issue_receipt)
    assert await world.do("CONFIRM") == [Concluded(False)]
    receipt = await world.change(issue_receipt)
    assert receipt.payments == ()
    assert "TOTAL CNY                             0.00\n" in receipt.text
    # All of its price was taken off, so a person is asked.
    await world.do("REVIEW")
    known = ReviewInput(0, ARTICLES)
    await world.change(partial(approve, known=known, reason="a gift of the house"))
    assert (await world.ship()).state is OrderState.SHIPPED
    await world.collect()
    await world.advance(72 * HOUR_MS)
    assert (await world.order()).state is OrderState.DELIVERED
    await world.advance(WEEK_MS)
    assert await world.do("COMPLETE") == [Concluded(False)]
    assert (await world.order()).state is OrderState.COMPLETED
    await assert_books_sound(world.orders, world.engine, tenant=world.tenant)
