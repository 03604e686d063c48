"""`holdfast explain`: one timeline of what order, payment, stock and parcel tell."""

from collections.abc import Iterator

import pytest

from holdfast.cli.explain import KnownOrder, happenings
from holdfast.errors import HoldfastError, Reason
from holdfast.inventory.v1 import inventory_pb2
from holdfast.order.v1 import fulfilment_pb2, order_pb2, settlement_pb2
from holdfast.types import Reservation, ReservationLine, State
from tests.unit.scripted_engine import ScriptedEngine
from tests.unit.scripted_orders import Commands

ID = "3766223186315821678"
NOWHERE = "127.0.0.1:1"

ORDER = order_pb2.Order(order_id="O")


def entry(at_ms: int, to_state: str, part_id: str = "") -> order_pb2.TimelineEntry:
    """A move of an order or a part of it."""
    subject = "payment" if part_id else "order"
    return order_pb2.TimelineEntry(
        at_ms=at_ms, to_state=to_state, part_id=part_id, subject=subject, actor="api"
    )


def reservation(state: State) -> Reservation:
    """The order's, made at 15 and last changed at 35."""
    line = ReservationLine("MUG", "default", 3, 0, 0, 0)
    return Reservation("default", "O", state, (line,), "b", 15, 0, 35)


def test_everything_stands_in_the_order_in_which_it_happened() -> None:
    parcel = fulfilment_pb2.GetShipmentResponse(shipment=order_pb2.Shipment(shipment_id="O-s1"))
    parcel.events.add(
        kind=fulfilment_pb2.TrackingEvent.SIGNED,
        happened_at_ms=40,
        carrier="sandbox",
        place="Leeds",
    )
    entries = [entry(10, "RESERVING"), entry(20, "AWAITING_PAYMENT"), entry(30, "CAPTURED", "O-p1")]
    found = happenings(KnownOrder(ORDER, entries, [parcel]), [reservation(State.FULFILLED)])
    assert [(each.at_ms, each.subject, each.what) for each in found] == [
        (10, "order", "RESERVING"),
        (15, "stock", "RESERVED"),
        (20, "order", "AWAITING_PAYMENT"),
        (30, "O-p1", "CAPTURED"),
        (35, "stock", "FULFILLED"),
        (40, "O-s1", "SIGNED"),
    ]
    assert found[1].why == "3 units"
    assert (found[5].by, found[5].why) == ("sandbox", "Leeds")


def test_a_live_reservation_has_happened_once() -> None:
    found = happenings(KnownOrder(ORDER, [], []), [reservation(State.RESERVED)])
    assert [(each.subject, each.what) for each in found] == [("stock", "RESERVED")]


def test_what_moved_nothing_was_noted() -> None:
    noted = order_pb2.TimelineEntry(at_ms=5, subject="order", actor="relay", why="late")
    (found,) = happenings(KnownOrder(ORDER, [noted], []), [])
    assert (found.subject, found.what, found.by, found.why) == ("order", "noted", "relay", "late")


@pytest.fixture
def shop(orders: Commands) -> Commands:
    """Commands for a service with one order, whose parcel was lost."""
    shipment = order_pb2.Shipment(shipment_id=f"{ID}-s1")
    order = order_pb2.Order(order_id=ID, state=order_pb2.Order.SHIPPED, shipments=[shipment])
    lost = fulfilment_pb2.Incident(incident_id=f"{ID}-i1", shipment_id=f"{ID}-s1")
    entries = [order_pb2.TimelineEntry(at_ms=10, subject="order", to_state="RESERVING")]

    def get(request: order_pb2.GetOrderRequest) -> object:
        unknown = HoldfastError.of(Reason.ORDER_NOT_FOUND, order_id=request.order_id)
        return order if request.order_id == ID else unknown

    orders.service.answers |= {
        "GetOrder": get,
        "GetTimeline": order_pb2.GetTimelineResponse(entries=entries),
        "ListJournals": settlement_pb2.ListJournalsResponse(),
        "GetShipment": fulfilment_pb2.GetShipmentResponse(shipment=shipment, incidents=[lost]),
    }
    return orders


@pytest.fixture
def engine() -> Iterator[ScriptedEngine]:
    """An engine that answers as the test says."""
    engine = ScriptedEngine()
    yield engine
    engine.stop()


def held(
    reservation_id: str, at_ms: int, state: int = inventory_pb2.Reservation.RESERVED
) -> inventory_pb2.Reservation:
    """A reservation of two mugs, made at a time and last changed 5 ms after it."""
    line = inventory_pb2.ReservationLine(sku="MUG", quantity=2)
    return inventory_pb2.Reservation(
        reservation_id=reservation_id,
        state=state,  # type: ignore[arg-type]  # a number
        lines=[line, inventory_pb2.ReservationLine(sku="TEA", quantity=7)],
        created_at_ms=at_ms,
        updated_at_ms=at_ms + 5,
    )


def test_an_order_is_explained_also_while_the_engine_does_not_answer(shop: Commands) -> None:
    ran = shop(f"explain {ID} --target {NOWHERE}")
    assert ran.exit_status == 0
    assert "RESERVING" in ran.out
    assert f"is not shown: no answer from a server at {NOWHERE}" in ran.err
    document = shop(f"explain {ID} --target {NOWHERE} -o json").json()
    assert [entry["what"] for entry in document["timeline"]] == ["RESERVING"]
    assert (document["reservation"], NOWHERE in document["engine_silent"]) == (None, True)


@pytest.mark.parametrize("part", ["s1", "p2", "r1", "i1", "x1"])
def test_a_part_of_an_order_is_explained_by_its_order(shop: Commands, part: str) -> None:
    document = shop(f"explain {ID}-{part} --target {NOWHERE} -o json").json()
    assert (document["kind"], document["order"]["order_id"]) == ("order", ID)


def test_what_goes_in_a_parcel_s_stead_belongs_to_its_order(
    shop: Commands, engine: ScriptedEngine
) -> None:
    engine.answers = [held(ID, 15), held(f"{ID}-x1", 25)]
    document = shop(f"explain {ID} --target {engine.target} -o json").json()
    assert [request.reservation_id for request in engine.requests] == [ID, f"{ID}-x1"]
    assert [found["reservation_id"] for found in document["replacements"]] == [f"{ID}-x1"]
    assert [(entry["at_ms"], entry["subject"]) for entry in document["timeline"]] == [
        (10, "order"),
        (15, "stock"),
        (25, f"{ID}-x1"),
    ]


def test_a_sku_is_one_timeline_of_who_holds_and_held_it(
    shop: Commands, engine: ScriptedEngine
) -> None:
    answers = [
        HoldfastError.of(Reason.RESERVATION_NOT_FOUND, reservation_id="MUG", tenant="default"),
        inventory_pb2.GetStockResponse(levels=[inventory_pb2.StockLevel(sku="MUG", on_hand=9)]),
        inventory_pb2.ListReservationsResponse(
            reservations=[
                held(f"{ID}-x1", 25),
                held("theirs", 20, inventory_pb2.Reservation.RELEASED),
                held(ID, 15, inventory_pb2.Reservation.FULFILLED),
            ]
        ),
    ]
    engine.answers = list(answers)
    document = shop(f"explain MUG --target {engine.target} -o json").json()
    assert document["orders"] == {ID: "SHIPPED"}
    assert [found["reservation_id"] for found in document["holders"]] == [f"{ID}-x1"]
    assert [found["reservation_id"] for found in document["held_before"]] == ["theirs", ID]
    assert [tuple(entry.values())[:3] for entry in document["timeline"]] == [
        (15, ID, "RESERVED"),
        (20, "theirs", "RESERVED"),
        (20, ID, "FULFILLED"),
        (25, f"{ID}-x1", "RESERVED"),
        (25, "theirs", "RELEASED"),
    ]
    assert document["timeline"][0]["why"] == "2 units, the order is SHIPPED"
    engine.answers = list(answers)
    shown = shop(f"explain MUG --target {engine.target}").out
    for word in ("FULFILLED", "2 units, the order is SHIPPED", "theirs"):
        assert word in shown
