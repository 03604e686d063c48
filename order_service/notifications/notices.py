"""Notices to buyers and merchants, and the moves that cause them: one table (O4)."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple

from order_service.order.contact import tells_of_correction
from order_service.order.machines import INCIDENT, ORDER, PAYMENT, REFUND, SHIPMENT
from order_service.order.model import HistoryEntry, IncidentKind, Order, Remark
from order_service.order.records import Review, Verdict
from order_service.order.return_legs import LEG, LegState, ReturnLeg
from order_service.order.states import (
    IncidentState,
    OrderState,
    PaymentState,
    RefundState,
    ShipmentState,
)


class Notice(StrEnum):
    """The kinds of messages. `texts.py` has the words."""

    PAYMENT_AWAITED = "payment_awaited"
    PAYMENT_DUE_SOON = "payment_due_soon"
    STOCK_AWAITED = "stock_awaited"
    ORDER_CONFIRMED = "order_confirmed"
    ORDER_REJECTED = "order_rejected"
    ORDER_EXPIRED = "order_expired"
    ORDER_CANCELLED = "order_cancelled"
    PARCEL_SHIPPED = "parcel_shipped"
    PARCEL_DELIVERED = "parcel_delivered"
    PARCEL_DELAYED = "parcel_delayed"
    PARCEL_LOST = "parcel_lost"
    PAYMENT_HELD = "payment_held"
    PARCEL_DAMAGED = "parcel_damaged"
    PARCEL_NOT_TAKEN = "parcel_not_taken"
    PARCEL_SENT_BACK = "parcel_sent_back"
    PARCEL_INCOMPLETE = "parcel_incomplete"
    PARCEL_LEFT_OUT = "parcel_left_out"
    PARCEL_IN_TROUBLE = "parcel_in_trouble"
    ORDER_ON_HOLD = "order_on_hold"
    DELIVERY_CORRECTED = "delivery_corrected"
    RETURN_AWAITED = "return_awaited"
    RETURN_ARRIVED = "return_arrived"
    RETURN_INSPECTED = "return_inspected"
    MONEY_REFUNDED = "money_refunded"
    REFUND_CAME_BACK = "refund_came_back"
    NEW_ORDER = "new_order"
    ORDER_WITHDRAWN = "order_withdrawn"


class NoticeRow(NamedTuple):
    """A notice that is sent when a state is reached."""

    machine: str
    reached: StrEnum
    notice: Notice
    to_merchants: bool = False
    """To each merchant of the order; else to its buyer."""
    coming_from: frozenset[StrEnum] = frozenset()
    """Only from one of these states; none means from any."""
    only_if_it_stays: bool = False
    """Not where the same decision moves it on."""
    opening: tuple[IncidentKind, ...] = ()
    """Only where an incident of one of these kinds is new: its later moves are not told."""
    left_out: bool = False
    """Only for a parcel that does not come at all, of an order that goes on."""
    sent_by_buyer: bool = False
    """Only for a return that the buyer sends: of another parcel its incident is told."""


_O, _K = OrderState, IncidentKind
# In these a merchant has been asked to deliver.
_EFFECTIVE: Final = frozenset[StrEnum]({_O.CONFIRMED, _O.IN_FULFILMENT})

NOTICES: Final = (
    # Who has just placed an order has the answer already.
    NoticeRow(
        ORDER.name,
        _O.AWAITING_PAYMENT,
        Notice.PAYMENT_AWAITED,
        coming_from=frozenset({_O.BACKORDERED}),
        only_if_it_stays=True,
    ),
    NoticeRow(ORDER.name, _O.BACKORDERED, Notice.STOCK_AWAITED),
    NoticeRow(ORDER.name, _O.CONFIRMED, Notice.ORDER_CONFIRMED),
    NoticeRow(ORDER.name, _O.CONFIRMED, Notice.NEW_ORDER, to_merchants=True),
    NoticeRow(ORDER.name, _O.REJECTED, Notice.ORDER_REJECTED),
    NoticeRow(ORDER.name, _O.EXPIRED, Notice.ORDER_EXPIRED),
    NoticeRow(ORDER.name, _O.CANCELLED, Notice.ORDER_CANCELLED),
    NoticeRow(
        ORDER.name,
        _O.CANCELLED,
        Notice.ORDER_WITHDRAWN,
        to_merchants=True,
        coming_from=_EFFECTIVE,
    ),
    NoticeRow(SHIPMENT.name, ShipmentState.SHIPPED, Notice.PARCEL_SHIPPED),
    NoticeRow(SHIPMENT.name, ShipmentState.DELIVERED, Notice.PARCEL_DELIVERED),
    NoticeRow(SHIPMENT.name, ShipmentState.CANCELLED, Notice.PARCEL_LEFT_OUT, left_out=True),
    *(
        NoticeRow(INCIDENT.name, IncidentState.OPEN, notice, opening=kinds)
        for notice, kinds in (
            (Notice.PARCEL_DELAYED, (_K.DELAY,)),
            (Notice.PARCEL_LOST, (_K.LOSS,)),
            (Notice.PARCEL_DAMAGED, (_K.DAMAGE, _K.TEMPERATURE)),
            (Notice.PARCEL_NOT_TAKEN, (_K.UNDELIVERED,)),
            (Notice.PARCEL_SENT_BACK, (_K.RETURN,)),
            (Notice.PARCEL_INCOMPLETE, (_K.WRONG_ITEM, _K.MISSING_ITEM)),
        )
    ),
    # What its own buyer is told of, and a pick that is late.
    NoticeRow(
        INCIDENT.name,
        IncidentState.OPEN,
        Notice.PARCEL_IN_TROUBLE,
        to_merchants=True,
        opening=tuple(_K),
    ),
    *(
        NoticeRow(LEG.name, reached, notice, sent_by_buyer=True)
        for reached, notice in (
            (LegState.EXPECTED, Notice.RETURN_AWAITED),
            (LegState.ARRIVED, Notice.RETURN_ARRIVED),
            (LegState.INSPECTED, Notice.RETURN_INSPECTED),
        )
    ),
    NoticeRow(PAYMENT.name, PaymentState.QUARANTINED, Notice.PAYMENT_HELD),
    NoticeRow(REFUND.name, RefundState.DONE, Notice.MONEY_REFUNDED),
    NoticeRow(
        REFUND.name,
        RefundState.FAILED,
        Notice.REFUND_CAME_BACK,
        coming_from=frozenset({RefundState.DONE}),
    ),
)


def notices_of(entry: HistoryEntry, order: Order) -> list[NoticeRow]:
    """The notices that follow from an entry of an order's history. `order` is as it is after."""
    return [
        row
        for row in NOTICES
        if (row.machine, row.reached) == (entry.machine, entry.to_state)
        and (not row.coming_from or entry.from_state in row.coming_from)
        and (not row.only_if_it_stays or order.state == row.reached)
        and (not row.opening or _opens(entry, order, row.opening))
        and (not row.left_out or _is_left_out(entry, order))
        and (not row.sent_by_buyer or _is_sent_by_buyer(entry, order))
    ]


OF_RECORDS: Final = {
    Notice.ORDER_ON_HOLD: "the review leaves the order to a person",
    Notice.DELIVERY_CORRECTED: "the delivery is corrected",
}
"""The notices to the buyer that follow from records, and when each is sent."""


OF_TIMERS: Final = {
    Notice.PAYMENT_DUE_SOON: "the order is still not paid, and nobody is paying it",
}
"""The notices to the buyer that follow from time, and when each is sent."""


def notices_of_records(records: Iterable[object]) -> list[Notice]:
    """The notices to the buyer that follow from records that move nothing."""
    found = []
    for record in records:
        if isinstance(record, Review) and record.verdict is Verdict.WAITS:
            found.append(Notice.ORDER_ON_HOLD)
        elif isinstance(record, Remark) and tells_of_correction(record):
            found.append(Notice.DELIVERY_CORRECTED)
    return found


def _opens(entry: HistoryEntry, order: Order, kinds: tuple[IncidentKind, ...]) -> bool:
    """Whether it is the beginning of an incident of one of these kinds."""
    return entry.event is None and order.incident(entry.part_id).kind in kinds


def _is_sent_by_buyer(entry: HistoryEntry, order: Order) -> bool:
    """Whether a return is one that the buyer sends, or has sent, and stays where it got."""
    return any(
        leg.leg_id == entry.part_id and not leg.shipment_id and leg.state == entry.to_state
        for leg in order.parts_of(ReturnLeg)
    )


def _is_left_out(entry: HistoryEntry, order: Order) -> bool:
    """Whether a parcel of an order that goes on does not come, and no other in its stead."""
    if order.state is OrderState.CANCELLED or not order.shipment(entry.part_id).lines:
        return False  # its units go in another parcel
    return entry.part_id not in {shipment.replaces for shipment in order.shipments}
