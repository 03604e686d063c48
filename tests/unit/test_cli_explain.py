"""`holdfast explain`: one timeline of what order, payment, stock and parcel tell."""

from holdfast.cli.explain import Told, happenings
from holdfast.order.v1 import fulfilment_pb2, order_pb2
from holdfast.types import Reservation, ReservationLine, State

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
    found = happenings(Told(ORDER, entries, [parcel]), reservation(State.FULFILLED))
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
    found = happenings(Told(ORDER, [], []), reservation(State.RESERVED))
    assert [(each.subject, each.what) for each in found] == [("stock", "RESERVED")]


def test_what_moved_nothing_was_noted() -> None:
    noted = order_pb2.TimelineEntry(at_ms=5, subject="order", actor="relay", why="late")
    (found,) = happenings(Told(ORDER, [noted], []), None)
    assert (found.subject, found.what, found.by, found.why) == ("order", "noted", "relay", "late")
