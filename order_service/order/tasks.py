"""What can be done for an order outside of its transaction: one table.

A message of the outbox is a task that is due at once, a timer one that is due later. Tasks of an
order and lane are done one after another, in the order in which they were made.
"""

from enum import StrEnum
from typing import Final, NamedTuple


class TaskKind(StrEnum):
    """What is to be done."""

    RESERVE = "RESERVE"
    CONFIRM = "CONFIRM"
    RELEASE = "RELEASE"
    CANCEL = "CANCEL"
    EXPIRE = "EXPIRE"
    CANCEL_PARCEL = "CANCEL_PARCEL"
    SHIP = "SHIP"
    START_PAYMENT = "START_PAYMENT"
    QUERY_PAYMENT = "QUERY_PAYMENT"
    CLOSE_PAYMENT = "CLOSE_PAYMENT"
    REFUND = "REFUND"
    PAYMENT_DUE = "PAYMENT_DUE"
    CANCEL_ORDER = "CANCEL_ORDER"
    REVIEW = "REVIEW"
    LABEL = "LABEL"
    VOID_LABEL = "VOID_LABEL"
    TRACK = "TRACK"
    PICK_DUE = "PICK_DUE"
    DELIVERY_DUE = "DELIVERY_DUE"
    RESHIP = "RESHIP"
    COMPLETE = "COMPLETE"
    CASH_DUE = "CASH_DUE"
    NOTIFY_BUYER = "NOTIFY_BUYER"
    NOTIFY_MERCHANT = "NOTIFY_MERCHANT"
    EVENT = "EVENT"


class TaskRow(NamedTuple):
    """How tasks of a kind are done."""

    lane: str
    """Those of one lane are done in order; a dead one stops its lane where `blocks`."""
    blocks: bool
    about: str
    """For people: `holdfast orders tasks`, the docs."""
    per: str = ""
    """A key of their payload: those of one value have a lane of their own, so that one payment or
    parcel never waits for another."""


TASKS: Final[dict[TaskKind, TaskRow]] = {
    TaskKind.RESERVE: TaskRow("stock", True, "reserve the order's stock, or try again to"),
    TaskKind.CONFIRM: TaskRow("stock", True, "confirm the reservation of a paid order"),
    TaskKind.RELEASE: TaskRow("stock", True, "release the reservation of a closed order"),
    TaskKind.CANCEL: TaskRow("stock", True, "cancel confirmed units of the order"),
    # It only hurries on what comes by itself: money that is late never waits for it.
    TaskKind.EXPIRE: TaskRow("stock", False, "have the reservation of an unpaid order expire now"),
    TaskKind.CANCEL_PARCEL: TaskRow(
        "stock", True, "cancel the units of a parcel that will not leave"
    ),
    TaskKind.SHIP: TaskRow("stock", True, "ship the units of a parcel"),
    TaskKind.START_PAYMENT: TaskRow(
        "payment", False, "tell the provider of a payment", "payment_id"
    ),
    TaskKind.QUERY_PAYMENT: TaskRow("query", False, "ask the provider what became of a payment"),
    TaskKind.CLOSE_PAYMENT: TaskRow(
        "payment", False, "have the provider close a payment", "payment_id"
    ),
    TaskKind.REFUND: TaskRow("refund", False, "have the provider send money back", "refund_id"),
    TaskKind.PAYMENT_DUE: TaskRow("due", False, "close the order if it is still not paid"),
    TaskKind.CANCEL_ORDER: TaskRow(
        "wish", False, "cancel the order once its provider says whether it was paid"
    ),
    TaskKind.REVIEW: TaskRow("review", False, "review the order before it is shipped"),
    TaskKind.LABEL: TaskRow("carrier", True, "get a waybill for a parcel", "shipment_id"),
    TaskKind.VOID_LABEL: TaskRow("carrier", True, "give a waybill back", "shipment_id"),
    TaskKind.TRACK: TaskRow(
        "tracking", False, "look at what was told of a parcel without a waybill", "shipment_id"
    ),
    TaskKind.PICK_DUE: TaskRow("pick", False, "report a pick that is overdue"),
    TaskKind.DELIVERY_DUE: TaskRow("delivery", False, "report a parcel that is late"),
    TaskKind.RESHIP: TaskRow("reship", False, "reserve the goods of a parcel again", "incident_id"),
    TaskKind.COMPLETE: TaskRow("complete", False, "complete the order by itself"),
    TaskKind.CASH_DUE: TaskRow("cash", False, "see to cash that no carrier has reported"),
    TaskKind.NOTIFY_BUYER: TaskRow("buyer", False, "write to the buyer", "channel"),
    TaskKind.NOTIFY_MERCHANT: TaskRow("merchant", False, "write to a merchant", "channel"),
    TaskKind.EVENT: TaskRow("event", False, "tell a subscriber what happened", "receiver"),
}
