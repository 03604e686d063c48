"""Writes messages: a notice about an order, in the words of `texts.py`."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from msgspec import Struct

from holdfast.money import amount_text, money_text
from order_service.notifications.merchants import Merchant
from order_service.notifications.notices import Notice
from order_service.notifications.port import Message, Recipient
from order_service.notifications.texts import (
    GOODS,
    MONEY,
    TEXTS,
    TROUBLES,
    Goods,
    Language,
    language_of,
)
from order_service.order.model import Order, Refund, Shipment
from order_service.order.refund_rows import RefundWhat
from order_service.order.return_legs import ReturnLeg
from order_service.order.states import OrderState

HOUR_MS = 3_600_000


class Composing(Struct, frozen=True):
    """Settings of messages: facts that no order holds."""

    ships_within_ms: int = 48 * HOUR_MS
    """An effective order is expected to be shipped so soon."""
    zone: tzinfo = UTC
    """The time zone of the times in messages."""


class About(Struct, frozen=True):
    """The subject of a message: an order, or one part of it."""

    message_id: str
    notice: Notice
    order: Order
    part_id: str
    at_ms: int


def for_buyer(about: About, composing: Composing) -> Message:
    """The message to the buyer. Raises KeyError if the order has no such part."""
    delivery = about.order.delivery
    recipient = Recipient(
        party="buyer",
        party_id=about.order.buyer_id,
        name=delivery.name,
        email=delivery.email,
        phone=delivery.phone,
    )
    language = language_of(delivery.country)
    values = _values(about, composing, language)
    values["name"] = delivery.name
    values["items"] = _items(about.order, _units(about))
    values["total"] = _amount(about.order.amounts.total_minor, about.order)
    return _message(about, recipient, language, values)


def for_merchant(about: About, merchant: Merchant, composing: Composing) -> Message:
    """The message to one of the order's merchants, with that merchant's lines. Raises KeyError."""
    order = about.order
    numbers = {part.merchant_id: number for number, part in enumerate(order.sub_orders)}
    number = numbers[merchant.merchant_id]
    recipient = Recipient("merchant", merchant.merchant_id, merchant.name, merchant.email)
    own = [(line.line_no, line.quantity) for line in order.lines if line.sub_order_no == number]
    own = _units(about) if about.part_id else own
    values = _values(about, composing, merchant.language)
    values["items"] = _items(order, own)
    values["total"] = _amount(order.sub_orders[number].amounts.total_minor, order)
    return _message(about, recipient, merchant.language, values)


def _message(
    about: About, recipient: Recipient, language: Language, values: dict[str, str]
) -> Message:
    words = TEXTS[about.notice][language]
    return Message(
        message_id=about.message_id,
        notice=about.notice,
        order_id=about.order.order_id,
        tenant=about.order.tenant,
        recipient=recipient,
        language=language,
        subject=words.subject.format(**values),
        text=words.text.format(**values),
        at_ms=about.at_ms,
    )


def _values(about: About, composing: Composing, language: Language) -> dict[str, str]:
    order = about.order
    values = {
        "money": MONEY[bool(order.captured_minor)][language],
        "order_id": order.order_id,
        "pay_by": _time(order.payment_due_at_ms, composing.zone),
        "waits_until": _time(order.waits_until_at_ms, composing.zone),
        "ships_by": _time(about.at_ms + composing.ships_within_ms, composing.zone),
    }
    part = _part(about)
    if isinstance(part, Shipment):
        values |= {"carrier": part.carrier or "-", "waybill": part.waybill or "-"}
        if about.notice is Notice.PARCEL_IN_TROUBLE:
            values["trouble"] = TROUBLES[order.incident(about.part_id).kind][language]
    elif isinstance(part, ReturnLeg):
        values["warehouse"] = part.location
        values["accepted"] = str(sum(each.quantity for each in part.judged if each.accepted))
        values["units"] = str(sum(each.quantity for each in part.lines))
    elif isinstance(part, Refund):
        values["reason"] = part.reason or "-"
        values["goods"] = GOODS[_goods_of(order, part)][language]
        values["refunded"] = money_text(part.amount_minor, part.currency or order.currency)
    return values


def _goods_of(order: Order, refund: Refund) -> Goods:
    """The end of the goods that a refund is for."""
    if order.state is OrderState.CANCELLED:
        return Goods.NOTHING_SENT
    rows = [row for row in order.refund_rows if row.refund_id == refund.refund_id and row.units]
    lines = {line.line_no: line for line in order.lines}
    whole = [row for row in rows if row.what is RefundWhat.UNITS]
    if not whole:
        return Goods.UNCHANGED
    shipments = [order.shipment(row.shipment_id) for row in whole if row.shipment_id]
    if any(shipment.given_away for shipment in shipments):
        return Goods.GIVEN
    unknown = [lines[row.line_no] for row in whole if not row.shipment_id]
    is_sent = any(shipment.shipped_at_ms for shipment in shipments)
    is_sent |= any(line.refunded_shipped for line in unknown)
    return Goods.SENT if is_sent else Goods.NOT_SENT


def _parcel_of_incident(order: Order, incident_id: str) -> Shipment:
    return order.shipment(order.incident(incident_id).shipment_id)


def _return(order: Order, leg_id: str) -> ReturnLeg:
    return next(leg for leg in order.parts_of(ReturnLeg) if leg.leg_id == leg_id)


# The part that a notice lists, by the id of the part that moved.
_PARTS: Final[dict[Notice, Callable[[Order, str], Shipment | Refund | ReturnLeg]]] = {
    Notice.PARCEL_SHIPPED: Order.shipment,
    Notice.PARCEL_DELIVERED: Order.shipment,
    Notice.PARCEL_LEFT_OUT: Order.shipment,
    **dict.fromkeys(
        (
            Notice.PARCEL_DELAYED,
            Notice.PARCEL_LOST,
            Notice.PARCEL_DAMAGED,
            Notice.PARCEL_NOT_TAKEN,
            Notice.PARCEL_SENT_BACK,
            Notice.PARCEL_INCOMPLETE,
            Notice.PARCEL_IN_TROUBLE,
        ),
        _parcel_of_incident,
    ),
    **dict.fromkeys(
        (Notice.RETURN_AWAITED, Notice.RETURN_ARRIVED, Notice.RETURN_INSPECTED), _return
    ),
    Notice.MONEY_REFUNDED: Order.refund,
}


def _part(about: About) -> Shipment | Refund | ReturnLeg | None:
    part = _PARTS.get(about.notice)
    return part(about.order, about.part_id) if part else None


def _units(about: About) -> list[tuple[int, int]]:
    """Numbers of the lines that a message lists, each with its units."""
    part = _part(about)
    if isinstance(part, Shipment):
        named = [each.lines for each in about.order.incidents if each.incident_id == about.part_id]
        lines = named[0] if named and named[0] else part.lines
        return [(line.line_no, line.quantity) for line in lines]
    if isinstance(part, ReturnLeg):
        return [(line.line_no, line.quantity) for line in part.lines]
    return [(line.line_no, line.quantity) for line in about.order.lines]


def _items(order: Order, units: Iterable[tuple[int, int]]) -> str:
    lines = {line.line_no: line for line in order.lines}
    return "\n".join(
        f"{lines[number].title} × {quantity}  "
        f"{_amount(lines[number].unit_price_minor * quantity, order)}"
        for number, quantity in units
    )


def _amount(amount_minor: int, order: Order) -> str:
    return f"{amount_text(amount_minor, order.currency)} {order.currency}"


def _time(at_ms: int, zone: tzinfo) -> str:
    at = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=at_ms)
    return at.astimezone(zone).isoformat(sep=" ", timespec="minutes")
