"""What of an order's money falls to one parcel: for refunds, and for cash on delivery.

Shares are integer minor units, and those of all parcels add up to the order's amounts to the unit.
"""

from order_service.order.draft import Draft
from order_service.order.model import Incident, Order, Payment, Shipment
from order_service.order.states import IncidentState, OrderState, PaymentState
from order_service.payment.attempts import open_payments
from order_service.payment.methods import CASH
from order_service.payment.refunds import request_refund


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
    if cash_payment(order) is None or paid_minor(order, shipment):
        return 0
    return _at_the_door_minor(order, shipment)


def due_for_delivered_minor(order: Order) -> int:
    """What carriers had to collect for what was delivered; nothing for an order that was closed."""
    if order.state is OrderState.CANCELLED:
        return 0
    return sum(_due_minor(order, parcel) for parcel in _not_replaced(order))


def unreported(order: Order) -> list[Shipment]:
    """The parcels that were delivered, and for which no carrier has said yet what it collected."""
    return [
        parcel
        for parcel in _not_replaced(order)
        if _due_minor(order, parcel) and not paid_minor(order, parcel)
    ]


def paid_minor(order: Order, shipment: Shipment) -> int:
    """What was collected for a parcel, and for those in whose stead it goes."""
    before_minor = paid_minor(order, order.shipment(shipment.replaces)) if shipment.replaces else 0
    return before_minor + shipment.collected_minor


def refunded_incidents(order: Order, shipment: Shipment) -> list[Incident]:
    """The incidents of a parcel that ended with the money for its goods going back."""
    return [
        incident
        for incident in order.incidents
        if incident.shipment_id == shipment.shipment_id and incident.state is IncidentState.REFUNDED
    ]


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


def _not_replaced(order: Order) -> list[Shipment]:
    """The parcels in whose stead no other goes: the goods of the order, each once."""
    replaced = {shipment.replaces for shipment in order.shipments}
    return [shipment for shipment in order.shipments if shipment.shipment_id not in replaced]


def _due_minor(order: Order, shipment: Shipment) -> int:
    """What had to be paid for a parcel: its share if it came, and its money does not go back.

    For others nothing has to be paid; what was paid all the same is not too much.
    """
    share_minor = _at_the_door_minor(order, shipment)
    if _came(order, shipment) and not refunded_incidents(order, shipment):
        return share_minor
    return min(share_minor, paid_minor(order, shipment))


def _came(order: Order, shipment: Shipment) -> bool:
    """Whether a parcel was signed for, or one in whose stead it goes."""
    if not shipment.replaces:
        return shipment.delivered_at_ms > 0
    return shipment.delivered_at_ms > 0 or _came(order, order.shipment(shipment.replaces))


def _at_the_door_minor(order: Order, shipment: Shipment) -> int:
    freight_minor = order.amounts.total_minor - sum(line.amount_minor for line in order.lines)
    return goods_minor(order, shipment) + (freight_minor if _is_first(order, shipment) else 0)


def _is_first(order: Order, shipment: Shipment) -> bool:
    if _before_it(order, shipment):
        return False
    return not shipment.replaces or _is_first(order, order.shipment(shipment.replaces))


def _before_it(order: Order, shipment: Shipment) -> list[Shipment]:
    position = order.shipments.index(shipment)
    return [other for other in order.shipments[:position] if other.replaces == shipment.replaces]
