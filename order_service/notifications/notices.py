"""Notices to buyers and merchants, and the moves that cause them: one table (O4)."""

from enum import StrEnum
from typing import Final, NamedTuple

from order_service.order.model import HistoryEntry, IncidentKind, Order
from order_service.order.states import (
    INCIDENT,
    ORDER,
    PAYMENT,
    REFUND,
    SHIPMENT,
    IncidentState,
    OrderState,
    PaymentState,
    RefundState,
    ShipmentState,
)


class Notice(StrEnum):
    """The kinds of messages. `texts.py` has the words."""

    PAYMENT_AWAITED = "payment_awaited"
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
    opening: IncidentKind | None = None
    """Only where an incident of this kind is new; its later moves have notices of their own."""


_O = OrderState
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
    NoticeRow(INCIDENT.name, IncidentState.OPEN, Notice.PARCEL_DELAYED, opening=IncidentKind.DELAY),
    NoticeRow(INCIDENT.name, IncidentState.OPEN, Notice.PARCEL_LOST, opening=IncidentKind.LOSS),
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
        and (row.opening is None or _opens(entry, order, row.opening))
    ]


def _opens(entry: HistoryEntry, order: Order, kind: IncidentKind) -> bool:
    """Whether it is the beginning of an incident of this kind."""
    return entry.event is None and order.incident(entry.part_id).kind is kind
