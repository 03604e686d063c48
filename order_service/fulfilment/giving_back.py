"""Money for a parcel that does not come: it goes back once, whoever asks for it. Pure."""

from collections import Counter
from collections.abc import Sequence

from order_service.fulfilment.shares import goods_minor, paid_minor, refunded_incidents
from order_service.order.draft import Draft
from order_service.order.model import CASH_ON_DELIVERY, Incident, Order, Refund, Shipment
from order_service.order.refund_amounts import kept_units, left_minor, owed_units
from order_service.order.refund_rows import RefundWhat
from order_service.order.refusals import wrong_state
from order_service.order.states import IncidentState
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
    give_back_parcels(draft, [shipment], part_id, why)


def give_back_parcels(draft: Draft, shipments: Sequence[Shipment], part_id: str, why: str) -> None:
    """`give_back` for some parcels of a merchant's part, whose money goes back together."""
    order = draft.order
    lines = {line.line_no: line for line in order.lines}
    on_delivery = order.payment_method == CASH_ON_DELIVERY
    paid = [each for each in shipments if not on_delivery or _is_here(order, each)]
    for shipment in shipments:
        if shipment not in paid:
            _never_paid(draft, shipment)
    if not paid:
        return
    back = PayBack(draft)
    for shipment in paid:
        for line_no in {packed.line_no: None for packed in shipment.lines}:
            line = lines[line_no]
            units = min(units_in(order, shipment, line), kept_units(line))
            if not order.carries_lines(shipment) or shipment.shipped_at_ms:
                units = min(units, line.shipped - line.refunded_shipped)
            else:  # another of the line's units may have been refunded in its stead
                units = min(units, line.cancelled - line.refunded_unshipped)
            if units > 0:
                back.units(line, units, shipment)
        _freight_with_the_last(order, back, shipment.sub_order_no)
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
        units = packed.quantity - _asked_meanwhile(order, incident, packed.line_no)
        units = min(units, kept_units(line), line.shipped - line.refunded_shipped)
        if units > 0:
            back.units(line, units, shipment)
    _freight_with_the_last(order, back, shipment.sub_order_no)
    back.send(own_key(incident.incident_id), why)


def _asked_meanwhile(order: Order, incident: Incident, line_no: int) -> int:
    """Units of an incident's parcel for which somebody asked the money back since it was opened.

    They are the incident's, unless they were those of another one that ended before.
    """
    refunds = {refund.refund_id: refund for refund in order.refunds}
    asked = 0
    own: Counter[str] = Counter()
    for row in order.refund_rows:
        refund = refunds.get(row.refund_id)
        if not refund or (row.shipment_id, row.line_no) != (incident.shipment_id, line_no):
            continue
        if _part_of(refund):
            own[_part_of(refund)] += row.units
        elif refund.created_at_ms >= incident.opened_at_ms:
            asked += row.units
    for other in order.incidents_of(incident.shipment_id):
        if other.state is IncidentState.REFUNDED and other.lines and other is not incident:
            units = sum(each.quantity for each in other.lines if each.line_no == line_no)
            asked -= max(0, units - own[other.incident_id])
    return max(0, asked)


def _freight_with_the_last(order: Order, back: PayBack, sub_order_no: int) -> None:
    """Adds the freight of a merchant's part of which the buyer has nothing, nor is to get it.

    It stays where a parcel was refused, or could not be delivered.
    """
    if sub_order_no in order.parts_sent_in_vain:
        return
    if not any(owed_units(line) for line in order.lines if line.sub_order_no == sub_order_no):
        back.freight(sub_order_no)


def send_refunded_back(draft: Draft) -> None:
    """Sends back money that carriers bring for a parcel after it was decided that none is due.

    They may bring it bit by bit.
    """
    order = draft.order
    for shipment in order.shipments:
        refunded = {incident.incident_id for incident in refunded_incidents(order, shipment)}
        if not (refunded and shipment.collected_minor):
            continue
        sent = [refund for refund in order.refunds if _part_of(refund) in refunded]
        came_minor = min(goods_minor(order, shipment), paid_minor(order, shipment))
        back_minor = min(
            came_minor - sum(each.amount_minor for each in sent), refundable_minor(order)
        )
        if back_minor > 0:
            back = PayBack(draft)
            back.other(RefundWhat.EXCESS, back_minor)
            key = own_key(min(refunded))
            back.send(
                f"{key}/{len(sent) + 1}" if sent else key, f"{shipment.shipment_id} is not due"
            )


def _part_of(refund: Refund) -> str:
    """The parcel or incident that a refund of the service's own is of; "" for a caller's."""
    key = refund.refund_key
    return key.removeprefix(OWN).partition("/")[0] if key.startswith(OWN) else ""


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
