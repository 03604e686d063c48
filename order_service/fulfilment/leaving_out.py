"""Leaves a merchant's part of an order out, while the order goes on with the others (O14). Pure."""

from collections import defaultdict

from order_service.fulfilment.giving_back import give_back_parcels
from order_service.fulfilment.incidents import close_with_refund
from order_service.fulfilment.merchant_parts import held_parts, lines_of, put_on_hold
from order_service.fulfilment.planning import plan_alone
from order_service.fulfilment.stopping import leave_behind
from order_service.order.draft import Draft
from order_service.order.machines import SHIPMENT
from order_service.order.model import ShipmentLine
from order_service.order.states import OrderState, ShipmentEvent


def leave_out_part(draft: Draft, number: int, why: str) -> None:
    """Leaves a part out of which nothing has left: its units are on sale again, their money and
    freight go back.
    """
    order = draft.order
    if order.state is OrderState.CONFIRMED:
        _plan_to_leave_out(draft, number)
    parcels = [
        each
        for each in order.shipments
        if each.sub_order_no == number and SHIPMENT.allows(each.state, ShipmentEvent.CANCEL)
    ]
    for shipment in parcels:
        leave_behind(draft, shipment, why)
        close_with_refund(draft, shipment, why)
    give_back_parcels(draft, parcels, order.sub_orders[number].sub_order_id, why)
    if number in held_parts(order):
        put_on_hold(draft, held_parts(order) - {number}, order.held_at_ms)
    draft.note(f"the part of {order.sub_orders[number].merchant_id} is left out: {why}")


def _plan_to_leave_out(draft: Draft, number: int) -> None:
    """Plans parcels of a part that was not reviewed yet, so that the engine hears of its units."""
    by_location: dict[str, list[ShipmentLine]] = defaultdict(list)
    for line in lines_of(draft.order, number):
        units = line.quantity - line.cancelled - line.shipped
        if units:
            by_location[line.location].append(ShipmentLine(line.line_no, line.sku, units))
    for location, lines in sorted(by_location.items()):
        plan_alone(draft, number, location, tuple(lines))
