"""Rules of goods that come back: what lines count as returned is what return legs brought."""

from collections import Counter
from collections.abc import Iterator

from order_service.audit.case import Case, Rule
from order_service.order.model import Order
from order_service.order.return_legs import ReturnLeg
from order_service.order.states import ShipmentState


def _returned_units_came_back(case: Case) -> Iterator[str]:
    order = case.order
    brought = _brought(order)
    for line in order.lines:
        if line.returned != brought[line.line_no]:
            yield (
                f"line {line.line_no}: {line.returned} units returned, its returns brought "
                f"{brought[line.line_no]}"
            )


def _brought(order: Order) -> "Counter[int]":
    """The units that came back, by line; sent in another's stead they count once.

    Before there were return legs, a parcel that came back was returned whole.
    """
    legs = order.parts_of(ReturnLeg)
    have_legs = {leg.shipment_id for leg in legs}
    units: Counter[int] = Counter()
    for group in (group for leg in legs for group in leg.ours):
        if order.carries_lines(order.shipment(group.shipment_id)):
            units[group.line_no] += group.quantity
    for shipment in order.shipments:
        came = shipment.state is ShipmentState.RETURNED and order.carries_lines(shipment)
        for packed in shipment.lines if came and shipment.shipment_id not in have_legs else ():
            units[packed.line_no] += packed.quantity
    return units


RULES = (
    Rule(
        "returned_units_came_back",
        "the units of each line that are returned are those that its returns brought, or that were "
        "in a parcel that came back",
        "`holdfast aftersales returns list ORDER` tells what was judged: one of the two lost what "
        "it had written. Restore the database from its backup",
        _returned_units_came_back,
    ),
)
