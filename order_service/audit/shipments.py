"""Rules of an order's parcels: they carry its units, none twice and none left behind."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from order_service.audit.case import Case, Rule
from order_service.order.joint_rules import SOLD
from order_service.order.machines import GIVEN_UP
from order_service.order.model import Order, Shipment
from order_service.order.states import OrderState, ShipmentState

# Where a parcel may be in whose stead other goods, or the money, go.
_NOWHERE: Final = frozenset(
    {
        ShipmentState.LOST,
        ShipmentState.DAMAGED,
        ShipmentState.CANCELLED,
        ShipmentState.RETURNING,
        ShipmentState.RETURNED,
    }
)
_REVIEWED: Final = SOLD - {OrderState.CONFIRMED}


def has_left(shipment: Shipment) -> bool:
    """Whether a parcel's units are out of the warehouse."""
    return shipment.shipped_at_ms > 0


def units_by_line(shipments: Iterable[Shipment]) -> "Counter[int]":
    """The units in parcels, by the number of their order line."""
    units: Counter[int] = Counter()
    for shipment in shipments:
        for packed in shipment.lines:
            units[packed.line_no] += packed.quantity
    return units


def _shipments_carry_the_lines(case: Case) -> Iterator[str]:
    order = case.order
    planned = units_by_line(_of_lines(order))
    left = units_by_line(filter(has_left, _of_lines(order)))
    skus = {line.line_no: line.sku for line in order.lines}
    for line in order.lines:
        if left[line.line_no] != line.shipped:
            yield (
                f"line {line.line_no}: {line.shipped} units shipped, {left[line.line_no]} are in "
                "parcels that left"
            )
        to_ship = line.quantity - line.cancelled
        in_shipments = planned[line.line_no]
        if in_shipments > to_ship or (order.state in _REVIEWED and in_shipments < to_ship):
            yield f"line {line.line_no}: {to_ship} units to ship, {in_shipments} are in parcels"
    for shipment in order.shipments:
        for packed in shipment.lines:
            if skus.get(packed.line_no) != packed.sku:
                yield f"{shipment.shipment_id}: line {packed.line_no} is not of {packed.sku}"


def _of_lines(order: Order) -> list[Shipment]:
    """The parcels of an order but those of units sold once more, and those that never will go."""
    return [
        shipment
        for shipment in order.shipments
        if order.carries_lines(shipment) and shipment.state is not ShipmentState.CANCELLED
    ]


def _given_up_shipments_go_nowhere(case: Case) -> Iterator[str]:
    given_up = {
        incident.shipment_id: incident
        for incident in case.order.incidents
        if incident.state in GIVEN_UP and not incident.lines
    }
    for shipment in case.order.shipments:
        incident = given_up.get(shipment.shipment_id)
        if incident is not None and shipment.state not in _NOWHERE:
            about = f"{incident.incident_id} {incident.state}"
            yield f"{shipment.shipment_id} is {shipment.state}, {about}"


RULES: Final = (
    Rule(
        "parcels_carry_the_lines",
        "the units of each line that have left are those of its parcels that left, and once an "
        "order was reviewed all that are to be shipped are in parcels",
        "count what is in the parcels named by `holdfast orders shipments ORDER`, ship what was "
        "left behind, and bring back what went twice",
        _shipments_carry_the_lines,
    ),
    Rule(
        "given_up_parcel_goes_nowhere",
        "no parcel is under way, or to leave, in whose stead other goods or the money go",
        "`holdfast orders track SHIPMENT` tells where it is: stop it there, or have its carrier "
        "bring it back",
        _given_up_shipments_go_nowhere,
    ),
)
