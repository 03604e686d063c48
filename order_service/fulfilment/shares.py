"""What of an order's money falls to one parcel: for refunds, and for cash on delivery.

Shares are integer minor units, and those of all parcels add up to the order's amounts to the unit.
"""

from order_service.draft import Draft
from order_service.model import Order, Payment, Shipment
from order_service.payment.attempts import open_payments
from order_service.payment.methods import CASH
from order_service.payment.refunds import request_refund
from order_service.states import PaymentState


def goods_minor(order: Order, shipment: Shipment) -> int:
    """What the buyer pays for the units of a parcel."""
    lines = {line.line_no: line for line in order.lines}
    share_minor = 0
    for packed in shipment.lines:
        line = lines[packed.line_no]
        # The units of a line are counted through its parcels, so that no fraction falls between.
        before = _units_before(order, shipment, packed.line_no)
        upto_minor = line.amount_minor * (before + packed.quantity) // line.quantity
        share_minor += upto_minor - line.amount_minor * before // line.quantity
    return share_minor


def due_at_the_door_minor(order: Order, shipment: Shipment) -> int:
    """What the carrier has to collect for a parcel: 0 unless it is paid on delivery.

    The freight is collected with the order's first parcel, or what goes in its stead; nothing is,
    where it was for the parcel in whose stead this one goes.
    """
    if cash_payment(order) is None or _was_collected(order, shipment):
        return 0
    freight_minor = order.amounts.total_minor - sum(line.amount_minor for line in order.lines)
    return goods_minor(order, shipment) + (freight_minor if _is_first(order, shipment) else 0)


def cash_payment(order: Order) -> Payment | None:
    """The payment that waits for the carrier's report, if there is one."""
    waiting = [payment for payment in open_payments(order) if payment.provider == CASH]
    return waiting[0] if waiting else None


def send_back(draft: Draft, refund_key: str, amount_minor: int, reason: str) -> None:
    """Sends money back, at most what is left of what was captured. Once per key.

    Of what is still to be paid at the door nothing goes back.
    """
    left_minor = sum(
        payment.captured_minor - payment.refunded_minor
        for payment in draft.order.payments
        if payment.state is PaymentState.CAPTURED
    )
    if min(amount_minor, left_minor):
        request_refund(draft, refund_key, min(amount_minor, left_minor), reason)


def _units_before(order: Order, shipment: Shipment, line_no: int) -> int:
    """How many units of a line are in parcels before this one, or before what it goes in stead of.

    What goes in stead of a parcel has the same units, in one parcel or in several.
    """
    units = 0
    if shipment.replaces:
        units = _units_before(order, order.shipment(shipment.replaces), line_no)
    for other in _before_it(order, shipment):
        units += sum(line.quantity for line in other.lines if line.line_no == line_no)
    return units


def _was_collected(order: Order, shipment: Shipment) -> bool:
    if not shipment.replaces:
        return False
    replaced = order.shipment(shipment.replaces)
    return replaced.collected_minor > 0 or _was_collected(order, replaced)


def _is_first(order: Order, shipment: Shipment) -> bool:
    if _before_it(order, shipment):
        return False
    return not shipment.replaces or _is_first(order, order.shipment(shipment.replaces))


def _before_it(order: Order, shipment: Shipment) -> list[Shipment]:
    position = order.shipments.index(shipment)
    return [other for other in order.shipments[:position] if other.replaces == shipment.replaces]
