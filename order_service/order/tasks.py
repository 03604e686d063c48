"""Declares what can be done for an order outside of its transaction: one class a kind of task.

A message of the outbox is a task that is due at once, a timer one that is due later. A decision
sends a payload, such as `draft.send(StartPayment(payment_id))`; the handler stands in the room that
does it, under `@handles(StartPayment)`. Kinds, lanes and the names of fields are stored: they stay.
"""

import json
from collections.abc import Callable
from enum import StrEnum
from typing import ClassVar, Final, Generic, NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from order_service.order.model import Order, Task

P = TypeVar("P", bound="Payload")


class TaskKind(StrEnum):
    """The stored names of the kinds."""

    RESERVE = "RESERVE"
    WAIT_DUE = "WAIT_DUE"
    CONFIRM = "CONFIRM"
    RELEASE = "RELEASE"
    CANCEL = "CANCEL"
    EXPIRE = "EXPIRE"
    KEEP = "KEEP"
    CANCEL_PARCEL = "CANCEL_PARCEL"
    SHIP = "SHIP"
    RETURN = "RETURN"
    TAKE_IN = "TAKE_IN"
    LEG_DUE = "LEG_DUE"
    INTERCEPT = "INTERCEPT"
    SOURCE = "SOURCE"
    SOURCE_ANEW = "SOURCE_ANEW"
    START_PAYMENT = "START_PAYMENT"
    QUERY_PAYMENT = "QUERY_PAYMENT"
    CLOSE_PAYMENT = "CLOSE_PAYMENT"
    REFUND = "REFUND"
    LEARN_REFUNDS = "LEARN_REFUNDS"
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
    EARN = "EARN"
    CASE_DUE = "CASE_DUE"
    REMIND_TO_PAY = "REMIND_TO_PAY"
    NOTIFY_BUYER = "NOTIFY_BUYER"
    NOTIFY_MERCHANT = "NOTIFY_MERCHANT"
    EVENT = "EVENT"


class Payload(Struct, omit_defaults=True):
    """The content of a task: names and numbers, never anything personal. Stored as JSON."""

    kind: ClassVar[TaskKind]

    @classmethod
    def of(cls: type[P], task: Task) -> P:
        """The content of a stored task. Raises msgspec.ValidationError."""
        return msgspec.json.decode(task.payload or "{}", type=cls)

    @property
    def lane(self) -> str:
        """The lane of the task in its order."""
        row = TASKS[self.kind]
        return f"{row.lane}:{getattr(self, row.per)}" if row.per else row.lane

    @property
    def text(self) -> str:
        """The stored form; "" where there is no content."""
        fields = msgspec.to_builtins(self)
        return json.dumps(fields, separators=(",", ":")) if fields else ""


class TaskRow(NamedTuple):
    """How tasks of a kind are done."""

    payload: type[Payload]
    lane: str
    """Tasks of an order and lane are done one after another, in the order in which they were made.
    """
    about: str
    """For people: `holdfast orders tasks`, the docs."""
    blocks: bool
    """Whether a dead task stops its lane."""
    per: str
    """A field of the payload: each of its values has a lane of its own, so that one payment or
    parcel never waits for another."""


TASKS: Final[dict[TaskKind, TaskRow]] = {}


def _task(
    kind: TaskKind, lane: str, about: str, *, blocks: bool = False, per: str = ""
) -> Callable[[type[P]], type[P]]:
    """Declares the payload of a kind of task; see `TaskRow`."""

    def declare(payload: type[P]) -> type[P]:
        payload.kind = kind
        TASKS[kind] = TaskRow(payload, lane, about, blocks, per)
        return payload

    return declare


@_task(TaskKind.RESERVE, "stock", "reserve the order's stock, or try again to", blocks=True)
class ReserveStock(Payload): ...


@_task(TaskKind.WAIT_DUE, "wait", "close the order if it still waits for stock")
class WaitDue(Payload): ...


@_task(TaskKind.CONFIRM, "stock", "confirm the reservation of a paid order", blocks=True)
class ConfirmStock(Payload): ...


@_task(TaskKind.RELEASE, "stock", "release the reservation of a closed order", blocks=True)
class ReleaseStock(Payload): ...


@_task(TaskKind.CANCEL, "stock", "cancel confirmed units of the order", blocks=True)
class CancelStock(Payload): ...


# Not blocking: the reservation expires by itself, too, and money that is late never waits for it.
@_task(TaskKind.EXPIRE, "stock", "have the reservation of an unpaid order expire now")
class ExpireReservation(Payload): ...


# A lane of its own: late money never waits for it.
@_task(TaskKind.KEEP, "hold", "keep the order's stock as long as the buyer's new method takes")
class KeepStock(Payload):
    expires_at_ms: int


@_task(
    TaskKind.CANCEL_PARCEL,
    "stock",
    "cancel the units of a parcel that will not leave",
    blocks=True,
)
class CancelShipmentStock(Payload):
    shipment_id: str
    lost: bool = False
    """Whether its units are not there, so that they cannot be sold again."""


@_task(TaskKind.SHIP, "stock", "ship the units of a parcel", blocks=True)
class ShipStock(Payload):
    shipment_id: str


# Of 0.7.0, where a parcel that came back was put on its shelf unseen.
@_task(TaskKind.RETURN, "stock", "take back the units of a parcel that came back", blocks=True)
class ReturnStock(Payload):
    shipment_id: str


@_task(TaskKind.TAKE_IN, "stock", "take accepted units of a return into stock", blocks=True)
class TakeIn(Payload):
    leg_id: str


@_task(TaskKind.LEG_DUE, "leg", "see to a return that is due", per="leg_id")
class LegDue(Payload):
    leg_id: str


@_task(TaskKind.INTERCEPT, "intercept", "ask a carrier to bring a parcel back", per="intercept_id")
class AskToIntercept(Payload):
    intercept_id: str


# Behind the task that takes units which are not there off the order's reservation: those do not
# count against their buyer's limit any more.
@_task(TaskKind.SOURCE, "stock", "reserve the units of a parcel at another warehouse")
class SourceElsewhere(Payload):
    shipment_id: str
    reason: str = ""


@_task(TaskKind.SOURCE_ANEW, "anew", "choose the warehouses again for a corrected delivery")
class SourceAnew(Payload): ...


@_task(TaskKind.START_PAYMENT, "payment", "tell the provider of a payment", per="payment_id")
class StartPayment(Payload):
    payment_id: str


@_task(TaskKind.QUERY_PAYMENT, "query", "ask the provider what became of a payment")
class QueryPayment(Payload):
    round: int
    """How often the providers were asked before."""


@_task(TaskKind.CLOSE_PAYMENT, "payment", "have the provider close a payment", per="payment_id")
class ClosePayment(Payload):
    payment_id: str


@_task(TaskKind.REFUND, "refund", "have the provider send money back", per="refund_id")
class SendRefund(Payload):
    refund_id: str
    attempt: int = 0
    """0 for the first attempt at this refund; later ones have greater numbers."""
    after: str | None = None
    """The provider's number of the attempt before, which it has refused. Read where 0.4.0 wrote it;
    now the refund has those numbers."""


@_task(
    TaskKind.LEARN_REFUNDS,
    "learn",
    "ask the provider which refunds were made there",
    per="payment_id",
)
class LearnRefunds(Payload):
    payment_id: str


@_task(TaskKind.PAYMENT_DUE, "due", "close the order if it is still not paid")
class PaymentDue(Payload): ...


@_task(TaskKind.CANCEL_ORDER, "wish", "cancel the order once its provider says whether it was paid")
class CancelOrder(Payload):
    reason: str
    merchant_id: str = ""
    """The merchant whose part alone is to be cancelled; "" for all of the order."""


@_task(TaskKind.REVIEW, "review", "review the order before it is shipped")
class ReviewOrder(Payload): ...


@_task(TaskKind.LABEL, "carrier", "get a waybill for a parcel", blocks=True, per="shipment_id")
class GetLabel(Payload):
    shipment_id: str
    refused: tuple[str, ...] | None = None
    """The carriers that have refused the shipment; not written before one was chosen."""


@_task(TaskKind.VOID_LABEL, "carrier", "give a waybill back", blocks=True, per="shipment_id")
class VoidLabel(Payload):
    shipment_id: str


@_task(
    TaskKind.TRACK,
    "tracking",
    "look at what was told of a parcel without a waybill",
    per="shipment_id",
)
class CatchUpOnTracking(Payload):
    shipment_id: str


@_task(TaskKind.PICK_DUE, "pick", "report a pick that is overdue")
class PickDue(Payload): ...


@_task(
    TaskKind.DELIVERY_DUE, "delivery", "see to parcels that are late and to what nobody has decided"
)
class DeliveryDue(Payload): ...


@_task(TaskKind.RESHIP, "reship", "reserve the goods of a parcel again", per="incident_id")
class Reship(Payload):
    incident_id: str


@_task(TaskKind.COMPLETE, "complete", "complete the order by itself")
class CompleteOrder(Payload): ...


@_task(TaskKind.CASH_DUE, "cash", "see to cash that no carrier has reported")
class CashDue(Payload):
    currency: str = ""
    """Of cash that only older books have; "" for the order's."""


@_task(TaskKind.EARN, "earn", "have merchants earn the order's money")
class EarnParts(Payload): ...


@_task(TaskKind.CASE_DUE, "case", "do what the deadline of a case does", per="case_id")
class CaseDue(Payload):
    case_id: str


# A lane of its own: no other notice waits until it is due.
@_task(
    TaskKind.REMIND_TO_PAY, "remind", "tell the buyer that the payment is due soon", per="channel"
)
class RemindToPay(Payload):
    channel: str


@_task(TaskKind.NOTIFY_BUYER, "buyer", "write to the buyer", per="channel")
class NotifyBuyer(Payload):
    channel: str
    notice: str
    part_id: str


@_task(TaskKind.NOTIFY_MERCHANT, "merchant", "write to a merchant", per="channel")
class NotifyMerchant(Payload):
    channel: str
    notice: str
    merchant_id: str
    part_id: str = ""
    """The incident that it is about; "" for the order."""


@_task(TaskKind.EVENT, "event", "tell a subscriber what happened", per="receiver")
class PublishEvent(Payload):
    receiver: str
    machine: str
    event: str
    from_state: str | None
    to_state: str
    part_id: str
    version: int


class Todo(NamedTuple, Generic[P]):
    """A task and its content."""

    task: Task
    payload: P


def todos(order: Order, payload: type[P]) -> list[Todo[P]]:
    """The order's tasks of one kind."""
    return [Todo(task, payload.of(task)) for task in order.tasks if task.kind == payload.kind]


def any_payload_of(task: Task) -> Payload:
    """The content of a task of any kind."""
    return TASKS[TaskKind(task.kind)].payload.of(task)
