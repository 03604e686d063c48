"""The contact log of an order, and corrections that its buyer has confirmed (O16).

What is written there is personal. The order's history tells that something was written or
corrected, by whom and when, and never what.
"""

from typing import Final

from msgspec import structs

from order_service.order.draft import Draft
from order_service.order.fields import check_id, checked_lines_of_text
from order_service.order.model import Order, Remark
from order_service.order.placed import Delivery
from order_service.order.refusals import InvalidField, wrong_state
from order_service.order.states import OrderState, ShipmentState

TEXT_LENGTH_MAX: Final = 2_000

CORRECTED: Final = "Delivery corrected, confirmed by the buyer."
"""The first line of an entry of the log that a correction has made."""
# In these a parcel may still be made out to another place.
_CORRECTABLE: Final = frozenset(
    {
        OrderState.RESERVING,
        OrderState.BACKORDERED,
        OrderState.AWAITING_PAYMENT,
        OrderState.CONFIRMING,
        OrderState.CONFIRMED,
        OrderState.IN_FULFILMENT,
    }
)
# A packed parcel's waybill is being made, from the address as it was then.
_WITHOUT_WAYBILL: Final = frozenset(
    {
        ShipmentState.PLANNED,
        ShipmentState.PICKED,
        ShipmentState.SOURCING,
        ShipmentState.CANCELLED,
    }
)


def checked_remark(remark: Remark) -> Remark:
    """A remark that can be kept. Raises InvalidField."""
    check_id("remark_id", remark.remark_id)
    check_id("author", remark.author, personal=True)
    check_id("channel", remark.channel)
    text = checked_lines_of_text("text", remark.text, TEXT_LENGTH_MAX)
    if not text:
        raise InvalidField("text", f"must be 1 to {TEXT_LENGTH_MAX:,} characters", "none")
    return structs.replace(remark, text=text)


def add_remark(draft: Draft, remark: Remark) -> Remark:
    """Writes a remark into the log, with the time of now, and returns it as it is kept."""
    kept = structs.replace(remark, order_id=draft.order.order_id, at_ms=draft.now_ms)
    draft.record(kept)
    return kept


def correct_delivery(
    draft: Draft, delivery: Delivery, correction_id: str, confirmed_via: str
) -> Order:
    """Replaces the delivery by one that the buyer confirmed, and writes that into the log.

    `delivery` has been checked. Raises Refused(WRONG_STATE) once a parcel is packed or the order is
    closed, and InvalidField for one in another country.
    """
    order = draft.order
    _check_correctable(order)
    if delivery.country != order.delivery.country:
        # Prices, freight and tax were made for it.
        problem = f"must stay {order.delivery.country}; place a new order for another country"
        raise InvalidField("delivery.country", problem, delivery.country)
    changed = changes(order.delivery, delivery)
    draft.update(order, delivery=delivery)
    names = ", ".join(changed) or "nothing"
    draft.note(f"delivery corrected ({names}), confirmed by the buyer via {confirmed_via}")
    lines = [f"{name}: {old or '-'} -> {new or '-'}" for name, (old, new) in changed.items()]
    text = "\n".join([CORRECTED, *lines])
    draft.record(
        Remark(order.order_id, correction_id, draft.actor, confirmed_via, text, draft.now_ms)
    )
    return order


def tells_of_correction(entry: Remark) -> bool:
    """Whether an entry of the log was made by a correction, and not written by a person."""
    return entry.text.partition("\n")[0] == CORRECTED


def is_correction(entry: Remark, delivery: Delivery, confirmed_via: str) -> bool:
    """Whether an entry of the log is of this correction, as far as the log tells."""
    first, *lines = entry.text.splitlines()
    return (first, entry.channel) == (CORRECTED, confirmed_via) and all(
        _leads_to(delivery, line) for line in lines
    )


def is_about_correction(text: str) -> bool:
    """Whether an entry of the log was written by a correction."""
    return text.partition("\n")[0] == CORRECTED


def _leads_to(delivery: Delivery, line: str) -> bool:
    """Whether a line of a correction ends with what a delivery has; what people wrote is none."""
    name = line.partition(":")[0]
    known = name in Delivery.__struct_fields__
    return known and line.endswith(f" -> {getattr(delivery, name) or '-'}")


def changes(before: Delivery, after: Delivery) -> dict[str, tuple[str, str]]:
    """The fields in which two deliveries differ, with what they were and are."""
    return {
        name: (str(getattr(before, name)), str(getattr(after, name)))
        for name in Delivery.__struct_fields__
        if getattr(before, name) != getattr(after, name)
    }


def _check_correctable(order: Order) -> None:
    event = "a correction of the delivery"
    for shipment in order.shipments:
        if shipment.state not in _WITHOUT_WAYBILL:
            raise wrong_state("shipment", shipment.shipment_id, shipment.state, event)
    if order.state not in _CORRECTABLE:
        raise wrong_state("order", order.order_id, order.state, event)
