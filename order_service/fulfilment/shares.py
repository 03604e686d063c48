"""The share of an order's money that falls to one parcel, for refunds and cash on delivery.

Shares are integer minor units, and those of all parcels add up to the order's amounts to the unit.
"""

from order_service.order.model import Incident, Order, Payment, Shipment
from order_service.order.refund_amounts import spread
from order_service.order.states import IncidentState, OrderState, ShipmentState
from order_service.payment.attempts import open_payments
from order_service.payment.methods import CASH


def goods_minor(order: Order, shipment: Shipment, line_no: int = 0) -> int:
    """The price of a shipment's units, or of those of one line."""
    lines = {line.line_no: line for line in order.lines}
    share_minor = 0
    for packed in shipment.lines:
        line = lines[packed.line_no]
        if line_no not in (0, packed.line_no):
            continue
        # The units of a line are counted through its parcels, so that no fraction falls between.
        before = _units_before(order, shipment, packed.line_no)
        upto_minor = line.amount_minor * (before + packed.quantity) // line.quantity
        share_minor += upto_minor - line.amount_minor * before // line.quantity
    return share_minor


def due_at_the_door_minor(order: Order, shipment: Shipment) -> int:
    """The money that the carrier has to collect for a shipment: 0 unless it is paid on delivery.

    Each shipment has its share of the freight. Nothing is collected for a replacement of a shipment
    that was paid.
    """
    if cash_payment(order) is None or paid_minor(order, shipment):
        return 0
    return _at_the_door_minor(order, shipment)


def due_for_delivered_minor(order: Order) -> int:
    """The money due for all delivered shipments; 0 for a cancelled order."""
    if order.state is OrderState.CANCELLED:
        return 0
    return sum(_due_minor(order, shipment) for shipment in _not_replaced(order))


def unreported(order: Order) -> list[Shipment]:
    """The delivered shipments for which no carrier has reported money yet."""
    return [
        shipment
        for shipment in _not_replaced(order)
        if _due_minor(order, shipment) and not paid_minor(order, shipment)
    ]


def paid_minor(order: Order, shipment: Shipment) -> int:
    """The money collected for a shipment, and for those that it replaces."""
    before_minor = paid_minor(order, order.shipment(shipment.replaces)) if shipment.replaces else 0
    return before_minor + shipment.collected_minor


def refunded_incidents(order: Order, shipment: Shipment) -> list[Incident]:
    """The incidents of a parcel that ended with the money for its goods going back."""
    incidents = order.incidents_of(shipment.shipment_id)
    return [
        incident
        for incident in incidents
        if incident.state is IncidentState.REFUNDED and not incident.lines
    ]


def cash_payment(order: Order) -> Payment | None:
    """The payment that waits for the carrier's report, if there is one."""
    waiting = [payment for payment in open_payments(order) if payment.provider == CASH]
    return waiting[0] if waiting else None


def _units_before(order: Order, shipment: Shipment, line_no: int) -> int:
    """The units of a line in earlier shipments than this one, or than the one it replaces.

    The replacements of a shipment have the same units as it, in one shipment or in several.
    """
    units = 0
    if shipment.replaces:
        units = _units_before(order, order.shipment(shipment.replaces), line_no)
    for other in _before_it(order, shipment):
        units += sum(line.quantity for line in other.lines if line.line_no == line_no)
    return units


def _not_replaced(order: Order) -> list[Shipment]:
    """The shipments that no other replaces: the goods of the order, each once."""
    replaced = {shipment.replaces for shipment in order.shipments}
    return [shipment for shipment in order.shipments if shipment.shipment_id not in replaced]


def _due_minor(order: Order, shipment: Shipment) -> int:
    """The money due for a shipment: its share if it came and is not refunded.

    Nothing is due for the others, but money that was paid for them counts as due, so that it is not
    too much.
    """
    share_minor = _at_the_door_minor(order, shipment)
    if _came(order, shipment) and not refunded_incidents(order, shipment):
        return share_minor
    return min(share_minor, paid_minor(order, shipment))


def _came(order: Order, shipment: Shipment) -> bool:
    """Whether a shipment was signed for, or one that it replaces."""
    if not shipment.replaces:
        return shipment.delivered_at_ms > 0
    return shipment.delivered_at_ms > 0 or _came(order, order.shipment(shipment.replaces))


def _at_the_door_minor(order: Order, shipment: Shipment) -> int:
    """The money for a shipment: what its carrier was asked to collect, once it was asked."""
    if shipment.collect_minor:
        return shipment.collect_minor
    return goods_minor(order, shipment) + _freight_minor(order, shipment)


def _freight_minor(order: Order, shipment: Shipment) -> int:
    """A shipment's share of its merchant's freight, by the price of its goods.

    What carriers were asked to collect stays as it is; the rest of the freight is with those
    shipments that will come and of which no carrier was asked yet.
    """
    if shipment.waybill:  # of a version that had the freight collected with the first shipment
        part_minor = order.amounts.total_minor - sum(line.amount_minor for line in order.lines)
        return part_minor if _is_first(order, shipment) else 0
    coming = [
        each
        for each in _not_replaced(order)
        if each.sub_order_no == shipment.sub_order_no
        and each.state is not ShipmentState.CANCELLED
        and not refunded_incidents(order, each)
    ]
    if shipment not in coming:
        return 0
    asked = [each for each in coming if each.waybill]
    open_minor = order.sub_orders[shipment.sub_order_no].amounts.freight_minor - sum(
        _at_the_door_minor(order, each) - goods_minor(order, each) for each in asked
    )
    unasked = [each for each in coming if not each.waybill]
    # Where the goods cost nothing, the freight is with the first of them.
    weights = [goods_minor(order, each) for each in unasked]
    weights = weights if any(weights) else [1, *[0] * (len(unasked) - 1)]
    return spread(max(0, open_minor), weights)[unasked.index(shipment)]


def _is_first(order: Order, shipment: Shipment) -> bool:
    if _before_it(order, shipment):
        return False
    return not shipment.replaces or _is_first(order, order.shipment(shipment.replaces))


def _before_it(order: Order, shipment: Shipment) -> list[Shipment]:
    position = order.shipments.index(shipment)
    return [other for other in order.shipments[:position] if other.replaces == shipment.replaces]
