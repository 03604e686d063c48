"""Money for a parcel that does not come: it goes back once, whoever asks for it. Pure."""

from order_service.fulfilment.shares import goods_minor, paid_minor, refunded_incidents
from order_service.order.draft import Draft
from order_service.order.model import CASH_ON_DELIVERY, Incident, Order, Shipment
from order_service.order.refund_amounts import kept_units, left_minor
from order_service.order.refund_rows import RefundWhat
from order_service.order.refusals import wrong_state
from order_service.payment.paying_back import OWN, PayBack, refundable_minor
from order_service.payment.refund_requests import units_in


def own_key(part_id: str) -> str:
    """The key of the refund for a parcel or an incident, which no caller can write."""
    return f"{OWN}{part_id}"


def give_back(draft: Draft, shipment: Shipment, part_id: str, why: str) -> None:
    """Sends the money for a parcel's units back, as far as it is here and did not go back before.

    What was to be paid at the door, and is not here, is never paid. The freight goes back with the
    last unit of a merchant's part.
    """
    order = draft.order
    lines = {line.line_no: line for line in order.lines}
    if order.payment_method == CASH_ON_DELIVERY and not _is_here(order, shipment):
        _never_paid(draft, shipment)
        return
    back = PayBack(draft)
    for line_no in {packed.line_no: None for packed in shipment.lines}:
        line = lines[line_no]
        units = min(units_in(order, shipment, line), kept_units(line))
        if not order.carries_lines(shipment) or shipment.shipped_at_ms:
            units = min(units, line.shipped - line.refunded_shipped)
        if units > 0:
            back.units(line, units, shipment)
    if not any(
        kept_units(line) for line in order.lines if line.sub_order_no == shipment.sub_order_no
    ):
        back.freight(shipment.sub_order_no)
    if back.total_minor and refundable_minor(order):
        back.send(own_key(part_id), why)


def give_back_units(draft: Draft, shipment: Shipment, incident: Incident, why: str) -> None:
    """Sends the money for the units of an incident back, as far as it did not go back before.

    Raises Refused: WRONG_STATE while no money of the order is here.
    """
    order = draft.order
    if not refundable_minor(order) and order.payment_method == CASH_ON_DELIVERY:
        state = f"{incident.state}, and no money of its order is here"
        raise wrong_state("incident", incident.incident_id, state, "REFUND")
    lines = {line.line_no: line for line in order.lines}
    back = PayBack(draft)
    for packed in incident.lines:
        line = lines[packed.line_no]
        units = min(packed.quantity, kept_units(line), line.shipped - line.refunded_shipped)
        if units > 0:
            back.units(line, units, shipment)
    if not any(
        kept_units(line) for line in order.lines if line.sub_order_no == shipment.sub_order_no
    ):
        back.freight(shipment.sub_order_no)
    if back.total_minor and refundable_minor(order):
        back.send(own_key(incident.incident_id), why)


def send_refunded_back(draft: Draft) -> None:
    """Sends back money that carriers bring for a parcel after it was decided that none is due."""
    sent = {refund.refund_key.removeprefix(OWN).partition("/")[0] for refund in draft.order.refunds}
    for shipment in draft.order.shipments:
        refunded = refunded_incidents(draft.order, shipment)
        if refunded and shipment.collected_minor and sent.isdisjoint(_ids(refunded)):
            back_minor = min(goods_minor(draft.order, shipment), paid_minor(draft.order, shipment))
            back_minor = min(back_minor, refundable_minor(draft.order))
            back = PayBack(draft)
            back.other(RefundWhat.EXCESS, back_minor)
            if back_minor:
                why = f"{refunded[0].kind} of {shipment.shipment_id}"
                back.send(own_key(refunded[0].incident_id), why)


def _ids(incidents: list[Incident]) -> list[str]:
    return [incident.incident_id for incident in incidents]


def _is_here(order: Order, shipment: Shipment) -> bool:
    """Whether the money that carriers collected for a parcel can be sent back now."""
    return 0 < paid_minor(order, shipment) <= refundable_minor(order)


def _never_paid(draft: Draft, shipment: Shipment) -> None:
    """Counts units as never to be paid, each once."""
    order = draft.order
    lines = {line.line_no: line for line in order.lines}
    for line_no in {packed.line_no: None for packed in shipment.lines}:
        line = lines[line_no]
        units = min(units_in(order, shipment, line), kept_units(line))
        is_last = units == kept_units(line)
        share_minor = min(goods_minor(order, shipment, line_no), left_minor(line))
        draft.update(
            line,
            unpaid_units=line.unpaid_units + units,
            unpaid_minor=line.unpaid_minor + (left_minor(line) if is_last else share_minor),
        )
