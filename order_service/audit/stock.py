"""Rules across the engine: what an order has sold, reserved and shipped is what the engine has."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Any, Final

from holdfast.types import Reservation, ReservationLine, State
from order_service.audit.case import Case, Rule, Units, differences
from order_service.audit.shipments import has_left
from order_service.catalogue.model import DEFAULT_LOCATION
from order_service.order.ids import number_of
from order_service.order.joint_rules import SOLD
from order_service.order.model import Line, Order, Shipment
from order_service.order.refund_rows import RefundWhat
from order_service.order.reservations import taken_elsewhere
from order_service.order.return_legs import ReturnLeg
from order_service.order.states import OrderState, ShipmentState
from order_service.order.tasks import TaskKind

_O = OrderState
# In what state an order's reservation may be; None: the engine has none, or no longer.
_MAY_BE: Final[Mapping[OrderState, frozenset[State | None]]] = {
    _O.RESERVING: frozenset({None, State.RESERVED, State.EXPIRED}),
    _O.BACKORDERED: frozenset({None, State.RESERVED, State.EXPIRED}),
    _O.AWAITING_PAYMENT: frozenset({State.RESERVED, State.EXPIRED}),
    _O.CONFIRMING: frozenset({None, State.RESERVED, State.EXPIRED, State.CONFIRMED}),
    **dict.fromkeys(SOLD, frozenset({State.CONFIRMED, State.FULFILLED})),
    _O.REJECTED: frozenset({None, State.RELEASED, State.EXPIRED, State.CANCELLED}),
    _O.EXPIRED: frozenset({None, State.RESERVED, State.EXPIRED}),
    _O.CANCELLED: frozenset({None, State.RELEASED, State.EXPIRED, State.CANCELLED}),
}
# Their lines are not yet, or no longer, those of a reservation.
_HAS_OTHER_LINES: Final = frozenset({_O.RESERVING, _O.BACKORDERED, _O.REJECTED, _O.CANCELLED})
_WRITTEN_OFF: Final = frozenset(
    {ShipmentState.LOST, ShipmentState.DAMAGED, ShipmentState.RETURNING}
)
_NOT_WITH_BUYER: Final = _WRITTEN_OFF | {ShipmentState.RETURNED}
_HOLDS_UNITS: Final = frozenset({State.RESERVED, State.CONFIRMED, State.FULFILLED})
_STOCK_TASKS: Final = frozenset(
    {
        TaskKind.RESERVE,
        TaskKind.CONFIRM,
        TaskKind.RELEASE,
        TaskKind.CANCEL,
        TaskKind.CANCEL_PARCEL,
        TaskKind.SHIP,
        TaskKind.SOURCE,
    }
)
# `<order id>-x1` has the goods that go in stead of parcel `<order id>-s1`.
_REPLACEMENT: Final = re.compile(r"(.+)-x([0-9]+)")


def owner_of(reservation_id: str) -> str:
    """The order that a reservation belongs to, known by its id."""
    replacement = _REPLACEMENT.fullmatch(reservation_id)
    return replacement[1] if replacement else reservation_id


def is_ours(reservation_id: str) -> bool:
    """Whether a reservation was made by an order service: its orders' ids look like no others."""
    return number_of(owner_of(reservation_id)) >= 0


def units_of(reservation: Reservation) -> int:
    """The units of a reservation, cancelled ones taken off."""
    return sum(line.quantity - line.cancelled for line in reservation.lines)


def holds_units(reservation: Reservation) -> bool:
    """Whether units are kept from sale, or were sold, for a reservation."""
    return reservation.state in _HOLDS_UNITS


def is_gone(case: Case) -> bool:
    """Whether the engine no longer keeps an order's reservation, because its time is over: all its
    units have left, or its payment was due long ago.
    """
    if case.reservations is None or case.reservation is not None:
        return False
    if case.order.state is _O.AWAITING_PAYMENT:
        return 0 < case.order.payment_due_at_ms < case.now_ms
    return case.order.state in SOLD and not +_own_left(case.order)


def _state_agrees(case: Case) -> Iterator[str]:
    if case.reservations is None or is_gone(case):
        return
    order, reservation = case.order, case.reservation
    state = reservation.state if reservation else None
    # Its parcels left before they were lost.
    lost = order.state is _O.CANCELLED and order.all_left and state is State.FULFILLED
    # All of it came from other warehouses in the end.
    elsewhere = order.state in SOLD and state is State.CANCELLED and not +_own_left(order)
    if state not in _MAY_BE[order.state] and not lost and not elsewhere:
        yield f"it is {order.state}, its reservation {state.name if state else 'is not there'}"


def _lines_agree(case: Case) -> Iterator[str]:
    reservation = case.reservation
    if reservation is None or case.order.state in _HAS_OTHER_LINES:
        return
    expected = _summed(case.order.lines, attrgetter("quantity"))
    found = _summed(reservation.lines, attrgetter("quantity"))
    yield from differences(expected, found)


def _moved_units_agree(case: Case) -> Iterator[str]:
    reservation = case.reservation
    if reservation is None:
        return
    yield from _returned_units_agree(case, reservation)
    if case.order.state not in SOLD:
        return
    for name in ("shipped", "cancelled"):
        expected = _own_units(case.order, name)
        found = _summed(reservation.lines, attrgetter(name))
        yield from (f"{name}, {each}" for each in differences(expected, found))


def _returned_units_agree(case: Case, reservation: Reservation) -> Iterator[str]:
    """Units that came back. Those of a lost parcel are returned, too, when its goods go again.

    Units of a parcel that came may be taken back by the engine's own command, once their money is.
    """
    came_back = _own_units(case.order, "returned")
    found = _summed(reservation.lines, attrgetter("returned"))
    written_off = _in_shipments(
        shipment
        for shipment in case.order.shipments
        if not case.order.sold_again_for(shipment) and shipment.state in _WRITTEN_OFF
    )
    refunded = _refunded_units(case.order)
    for sku, location in sorted(came_back.keys() | found.keys()):
        least, got = came_back[sku, location], found[sku, location]
        most = least + written_off[sku, location] + refunded[sku, location]
        if not least <= got <= most:
            yield f"returned, {sku} @ {location}: {least} expected, {got} found"


def _own_units(order: Order, counter: str) -> Units:
    """The units of an order's lines that have moved in its own reservation, by a counter.

    The lines count what left from other warehouses, too; here it was cancelled.
    """
    units = _summed(order.lines, attrgetter(counter))
    for shipment in order.shipments:
        from_elsewhere = order.carries_lines(shipment) and order.sold_again_for(shipment)
        if from_elsewhere and counter == "returned":
            units.subtract(_taken_in(order, shipment))
        elif from_elsewhere and _is_counted(order, shipment, counter):
            units.subtract(_of_lines(order, shipment))
    if counter == "cancelled":
        for shipment in taken_elsewhere(order):
            if not order.sold_again_for(order.shipment(shipment.replaces)):
                units.update(_of_lines(order, shipment))
    return units


def _is_counted(order: Order, shipment: Shipment, counter: str) -> bool:
    """Whether a parcel's units are among those of its lines that a counter counts."""
    if counter == "shipped":
        return has_left(shipment)
    goes_on = any(each.replaces == shipment.shipment_id for each in order.shipments)
    return shipment.state is ShipmentState.CANCELLED and not goes_on


def _taken_in(order: Order, shipment: Shipment) -> Units:
    """The units of a parcel that were taken into stock again, where its lines were reserved at.

    Before there were return legs, that was all of a parcel that came back.
    """
    legs = order.parts_of(ReturnLeg)
    if shipment.state is ShipmentState.RETURNED and not any(
        leg.shipment_id == shipment.shipment_id for leg in legs
    ):
        return _of_lines(order, shipment)
    locations = {line.line_no: line.location for line in order.lines}
    units = Units()
    for group in (group for leg in legs for group in leg.ours):
        if group.shipment_id == shipment.shipment_id:
            at = locations[group.line_no] or DEFAULT_LOCATION
            units[group.sku, at] += group.quantity
    return units


def _own_left(order: Order) -> Units:
    """The units of an order that its own reservation still has to ship."""
    units = _summed(order.lines, attrgetter("quantity"))
    units.subtract(_own_units(order, "shipped"))
    units.subtract(_own_units(order, "cancelled"))
    return units


def _of_lines(order: Order, shipment: Shipment) -> Units:
    """The units in a parcel, at the warehouses that its lines were reserved at."""
    locations = {line.line_no: line.location for line in order.lines}
    units = Units()
    for packed in shipment.lines:
        units[packed.sku, locations[packed.line_no] or DEFAULT_LOCATION] += packed.quantity
    return units


def _refunded_units(order: Order) -> Units:
    """Units whose money went back after they had left in a parcel that came."""
    elsewhere = {
        shipment.shipment_id
        for shipment in order.shipments
        if order.sold_again_for(shipment)
        or (shipment.shipped_at_ms and shipment.state in _NOT_WITH_BUYER)
    }
    back = Counter({line.line_no: line.refunded_shipped + line.given_units for line in order.lines})
    for row in order.refund_rows:
        if row.what is RefundWhat.UNITS and row.shipment_id in elsewhere:
            back[row.line_no] -= row.units
    return _summed(order.lines, lambda line: max(0, back[line.line_no]))


def _replacements_go_in_shipments(case: Case) -> Iterator[str]:
    for reservation, lost_id, shipments in _replacements(case):
        reservation_id = reservation.reservation_id
        if reservation.state not in (State.CONFIRMED, State.FULFILLED):
            continue
        if not shipments:
            yield f"{reservation_id} is {reservation.state.name}, and no parcel goes for {lost_id}"
            continue
        planned = _in_shipments(
            shipment for shipment in shipments if shipment.state is not ShipmentState.CANCELLED
        )
        sold = _summed(reservation.lines, lambda line: line.quantity - line.cancelled)
        yield from (f"{reservation_id}: {each}" for each in differences(planned, sold))


def _replacements_ship(case: Case) -> Iterator[str]:
    for reservation, _, shipments in _replacements(case):
        left = _in_shipments(filter(has_left, shipments))
        shipped = _summed(reservation.lines, attrgetter("shipped"))
        yield from (f"{reservation.reservation_id}: {each}" for each in differences(left, shipped))


def _replacements(case: Case) -> Iterator[tuple[Reservation, str, list[Shipment]]]:
    """Reservations of goods sold again, the id of the shipment they go for, and what goes."""
    order = case.order
    for reservation in (case.reservations or {}).values():
        replacement = _REPLACEMENT.fullmatch(reservation.reservation_id)
        if replacement:
            lost_id = f"{order.order_id}-s{replacement[2]}"
            again = [each for each in order.shipments if order.sold_again_for(each) == lost_id]
            yield reservation, lost_id, again


def _summed(
    lines: Iterable[Line] | Iterable[ReservationLine], units_of: Callable[[Any], int]
) -> Units:
    units = Units()
    for line in lines:
        units[line.sku, line.location or DEFAULT_LOCATION] += units_of(line)
    return units


def _in_shipments(shipments: Iterable[Shipment]) -> Units:
    units = Units()
    for shipment in shipments:
        for packed in shipment.lines:
            units[packed.sku, shipment.location or DEFAULT_LOCATION] += packed.quantity
    return units


_MEND: Final = (
    "compare `holdfast explain ORDER` with `holdfast reservation get ORDER`: one of the two lost "
    "what it had written. Restore it from its backup, or bring the reservation to where the order "
    "is with the engine's commands"
)
RULES: Final = (
    Rule(
        "reservation_agrees_with_order",
        "what is sold has a confirmed reservation, what awaits payment has reserved or expired "
        "stock, and a closed order has none that is held",
        _MEND,
        _state_agrees,
        _STOCK_TASKS,
    ),
    Rule(
        "reservation_has_the_lines",
        "a reservation has the units of its order's lines: SKU, location and quantity",
        _MEND,
        _lines_agree,
    ),
    Rule(
        "moved_units_agree",
        "of each SKU and location the engine has shipped, cancelled and taken back what the "
        "order's lines say, and no more beside it than was lost, damaged or refunded",
        _MEND,
        _moved_units_agree,
        frozenset(
            {
                TaskKind.SHIP,
                TaskKind.CANCEL,
                TaskKind.CANCEL_PARCEL,
                TaskKind.RETURN,
                TaskKind.TAKE_IN,
                TaskKind.SOURCE,
            }
        ),
    ),
    Rule(
        "replacement_goes_in_a_parcel",
        "units that were sold again for a parcel that was lost, or that its warehouse could not "
        "serve, are in a parcel that goes in its stead",
        "`holdfast orders incidents list` tells whose it is: resolve the incident again, or cancel "
        "the reservation in the engine",
        _replacements_go_in_shipments,
        frozenset({TaskKind.RESHIP, TaskKind.SOURCE, TaskKind.CANCEL_PARCEL}),
    ),
    Rule(
        "replacement_ships_with_its_parcel",
        "the units of such a reservation have left with its parcel, and not before",
        _MEND,
        _replacements_ship,
        frozenset({TaskKind.SHIP}),
    ),
)
