"""Parcels that must not leave, because the money of what is in them went back. Pure."""

from order_service.order.lines import Line
from order_service.order.model import Order, Shipment
from order_service.order.refund_amounts import kept_units, left_minor
from order_service.order.refund_rows import RefundWhat
from order_service.order.refusals import wrong_state
from order_service.order.states import ShipmentState
from order_service.payment.refund_requests import packed_units, units_in


def money_is_back(order: Order, shipment: Shipment) -> bool:
    """Whether the money of units in a parcel went back, so that it must not leave.

    A parcel that an order has by `stop_refunded` is never such; one of older books may be. Nor is
    one that a person gives away.
    """
    if shipment.given_away:
        return False
    lines = {line.line_no: line for line in order.lines}
    return any(
        _is_back(lines[packed.line_no]) or named_units(order, shipment, packed.line_no)
        for packed in shipment.lines
    )


def is_refunded(order: Order, shipment: Shipment) -> bool:
    """Whether the money of units in a parcel went back, wherever it is: they are not sent again."""
    lines = {line.line_no: line for line in order.lines}
    packed = [lines[each.line_no] for each in shipment.lines]
    return any(
        not kept_units(line) or units_in(order, shipment, line) < packed_units(shipment, line)
        for line in packed
    )


def check_paid(order: Order, shipment: Shipment, event: str) -> None:
    """Refuses a step of a parcel whose money went back. Raises Refused: WRONG_STATE."""
    if money_is_back(order, shipment):
        state = f"{shipment.state}, and its money went back (leave it out, or give it away)"
        raise wrong_state("shipment", shipment.shipment_id, state, event)


def named_units(order: Order, shipment: Shipment, line_no: int) -> int:
    """Units of a parcel that is sold again whose money went back, and that were not taken out.

    A refund names the parcel, or one that it replaces.
    """
    if order.carries_lines(shipment):
        return 0
    line = next(line for line in order.lines if line.line_no == line_no)
    if not kept_units(line):
        return packed_units(shipment, line)
    names = {shipment.shipment_id}
    while shipment.replaces:
        names.add(shipment.replaces)
        shipment = order.shipment(shipment.replaces)
    refunded = sum(
        row.units
        for row in order.refund_rows
        if row.what is RefundWhat.UNITS and row.line_no == line_no and row.shipment_id in names
    )
    taken_out = sum(
        packed_units(other, line)
        for other in order.shipments
        if other.replaces in names
        and other.shipment_id not in names
        and other.state is ShipmentState.CANCELLED
    )
    return max(0, refunded - taken_out)


def _is_back(line: Line) -> bool:
    """Whether all money of a line went back, and units of it were not taken out."""
    stays = line.quantity > line.shipped + line.cancelled
    return stays and line.refunded_minor > 0 and left_minor(line) <= 0
