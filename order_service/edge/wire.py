"""The order service's values and their messages: one table, and the enums of requests."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final, TypeVar

from google.protobuf.message import Message

from holdfast.messages import Messages, Pair, UnknownNumber, is_repeated, members_of
from holdfast.order.v1 import (
    aftersales_pb2,
    catalogue_pb2,
    fulfilment_pb2,
    operations_pb2,
    payment_pb2,
    policies_pb2,
    returns_pb2,
    settlement_pb2,
)
from holdfast.order.v1 import order_pb2 as pb
from order_service.aftersales.arrivals import Arrival
from order_service.aftersales.policy.deadlines import Pause
from order_service.audit import protocol
from order_service.audit.books import Book as AuditBook
from order_service.catalogue.contracts import Contract
from order_service.catalogue.model import Article, Place, Warehouse
from order_service.edge.requests import DEFAULT_TENANT
from order_service.fulfilment.incidents import allowed_now
from order_service.fulfilment.queries import Pick, WaitingReview
from order_service.fulfilment.waves import Wave
from order_service.order import cases, model, placed
from order_service.order.intercepts import Intercept
from order_service.order.receipts import Receipt, ReceiptLine, ReceiptPayment, ReceiptRefund
from order_service.order.records import TemperatureReading, TrackingEvent
from order_service.order.refund_rows import RefundRow
from order_service.order.refusals import InvalidField
from order_service.order.return_legs import Judged, LegLine, ReturnLeg
from order_service.order.states import IncidentEvent
from order_service.payment import books, case_list, reconcile
from order_service.placing.shortage import Shortage
from order_service.placing.validation import PlaceOrder, WantedLine
from order_service.relay.self_watch import Skew
from order_service.settlement import ledger_reads, statements
from order_service.storage.lookups import Found
from order_service.storage.reads import Summary
from order_service.storage.tasks import Queue

Kind = TypeVar("Kind", bound=StrEnum)
M = TypeVar("M", bound=Message)

RESOLUTIONS: Final = {
    fulfilment_pb2.RESOLUTION_WAIT: IncidentEvent.WAIT,
    fulfilment_pb2.RESOLUTION_RESHIP: IncidentEvent.RESHIP,
    fulfilment_pb2.RESOLUTION_REFUND: IncidentEvent.REFUND,
}
_RESOLUTION_OF: Final = {event: number for number, event in RESOLUTIONS.items()}


def _allowed(incident: model.Incident) -> list[int]:
    """The resolutions that an incident's owner may choose now."""
    return [_RESOLUTION_OF[event] for event in allowed_now(incident)]


MESSAGES: Final = Messages(
    # What is sent when an order is placed.
    Pair(PlaceOrder, pb.PlaceOrderRequest, theirs=("tenant",)),
    Pair(WantedLine, pb.PlaceOrderLine),
    Pair(Shortage, pb.Shortage),
    # An order and its parts.
    Pair(placed.Amounts, pb.Amounts),
    Pair(placed.Delivery, pb.Delivery),
    Pair(placed.SubOrder, pb.SubOrder, ours=("terms", "earned")),
    Pair(model.Line, pb.OrderLine, ours=("resent", "open_units")),
    Pair(model.Payment, pb.Payment, ours=("order_id", "captured_at_ms", "booked")),
    Pair(model.Refund, pb.Refund, ours=("order_id", "refused_refs", "by_hand")),
    Pair(RefundRow, pb.RefundRow, ours=("order_id",)),
    Pair(model.ShipmentLine, pb.ShipmentLine),
    Pair(
        model.Shipment,
        pb.Shipment,
        ours=(
            "missing",
            "collect_minor",
            "collected_minor",
            "temperature_min_millicelsius",
            "temperature_max_millicelsius",
            "turned_back_at_ms",
        ),
    ),
    Pair(
        model.Order,
        pb.Order,
        ours=("fingerprint", "seal", "parts", "tasks", "after_sales", "completion_left_ms"),
    ),
    Pair(Summary, pb.OrderSummary),
    Pair(Found, pb.FoundOrder),
    Pair(model.Remark, pb.Remark, ours=("order_id",)),
    Pair(model.Remark, pb.AddRemarkRequest, ours=("at_ms",), theirs=("tenant",)),
    Pair(
        model.HistoryEntry,
        pb.TimelineEntry,
        renamed={"machine": "subject"},
        ours=("order_id", "entry_no", "seal"),
    ),
    Pair(Receipt, pb.Receipt),
    Pair(ReceiptLine, pb.ReceiptLine),
    Pair(ReceiptPayment, pb.ReceiptPayment),
    Pair(ReceiptRefund, pb.ReceiptRefund),
    # Money.
    Pair(
        books.FailedRefund,
        payment_pb2.FailedRefund,
        computed={"order_id": lambda failed: failed.refund.order_id},
    ),
    Pair(case_list.WaitingMoney, payment_pb2.MoneyCase, ours=("place",)),
    Pair(books.Book, payment_pb2.PaymentBook),
    Pair(reconcile.Difference, payment_pb2.Difference),
    Pair(
        reconcile.Report,
        payment_pb2.ReconcileResponse,
        computed={"day": lambda report: report.day.isoformat()},
    ),
    # After-sales.
    Pair(
        cases.Case,
        aftersales_pb2.Case,
        ours=("fingerprint", "updated_at_ms", "lapsed_from", "asked_by_service"),
        theirs=("deadline_does",),
    ),
    Pair(cases.CaseLine, aftersales_pb2.CaseLine),
    Pair(cases.Proposal, aftersales_pb2.CaseProposal),
    Pair(cases.CaseText, aftersales_pb2.CaseText, ours=("order_id", "case_id", "text_id")),
    Pair(cases.CaseEvidence, aftersales_pb2.CaseEvidence, ours=("order_id", "case_id")),
    # Fulfilment.
    Pair(
        WaitingReview,
        fulfilment_pb2.WaitingReview,
        ours=("review_id",),
        theirs=("due_at_ms",),
    ),
    Pair(Wave, fulfilment_pb2.Wave, ours=("tenant", "shipments_max"), theirs=("to_pick",)),
    Pair(Pick, fulfilment_pb2.Pick, ours=("created_at_ms",), theirs=("due_at_ms",)),
    Pair(TrackingEvent, fulfilment_pb2.TrackingEvent, ours=("order_id", "shipment_id")),
    Pair(
        TemperatureReading,
        fulfilment_pb2.TemperatureReading,
        renamed={"millicelsius": "temperature_millicelsius"},
        ours=("order_id", "shipment_id"),
    ),
    Pair(
        model.Incident,
        fulfilment_pb2.Incident,
        ours=("order_id", "updated_at_ms"),
        computed={"allowed": _allowed},
    ),
    # Returns.
    Pair(LegLine, returns_pb2.ReturnLine),
    Pair(Judged, returns_pb2.JudgedUnits),
    Pair(ReturnLeg, returns_pb2.ReturnLeg, ours=("order_id", "updated_at_ms")),
    Pair(Intercept, returns_pb2.Intercept, ours=("order_id",)),
    Pair(Pause, policies_pb2.Pause),
    Pair(Arrival, returns_pb2.Arrival, ours=("tenant",)),
    # Settlement.
    Pair(
        Contract,
        settlement_pb2.Contract,
        ours=("merchant_ships",),
        computed={"platform_ships": lambda contract: not contract.merchant_ships},
    ),
    Pair(ledger_reads.Balance, settlement_pb2.Balance),
    Pair(ledger_reads.PostedLine, settlement_pb2.Posting),
    Pair(ledger_reads.PostedJournal, settlement_pb2.Journal),
    Pair(ledger_reads.StatementLine, settlement_pb2.StatementLine),
    Pair(ledger_reads.StatementSum, settlement_pb2.StatementSum),
    Pair(statements.StatementMove, settlement_pb2.StatementMove),
    Pair(
        statements.Statement,
        settlement_pb2.Statement,
        ours=("tenant", "payout_no"),
        computed={
            "statement_id": lambda statement: statement.statement_id,
            "payout_id": lambda statement: statement.payout_id,
        },
    ),
    # The catalogue.
    Pair(Article, catalogue_pb2.Article),
    Pair(Warehouse, catalogue_pb2.Warehouse),
    Pair(Place, catalogue_pb2.Place),
    # Operations.
    Pair(model.Task, operations_pb2.Task, renamed={"lease_until_ms": "lease_ends_at_ms"}),
    Pair(Queue, operations_pb2.TaskQueue, theirs=("kind", "about")),
    Pair(Skew, operations_pb2.ClockSkew),
    Pair(
        protocol.Progress,
        operations_pb2.AuditOrdersProgress,
        renamed={
            "checked": "orders_checked",
            "total": "orders_total",
            "reservations": "reservations_read",
        },
    ),
    Pair(protocol.Finding, operations_pb2.AuditOrdersFinding, theirs=("mend",)),
    Pair(protocol.Unsettled, operations_pb2.AuditOrdersUnsettled),
    Pair(protocol.Summary, operations_pb2.AuditOrdersSummary, theirs=("elapsed_ms",)),
    Pair(AuditBook, operations_pb2.AuditOrdersBook),
)
"""A field that stands on one side only is named here, or a test fails."""

fill = MESSAGES.fill
to_message = MESSAGES.to_message
from_message = MESSAGES.from_message


def to_messages(values: Iterable[object], message: type[M]) -> list[M]:
    """The messages of values that have one message."""
    return [to_message(value, message) for value in values]


def listed(response: type[M], values: Iterable[object], next_page_token: str = "") -> M:
    """The response that has these values in its only list, and the token of the next page."""
    made: Any = response()
    (field,) = filter(is_repeated, made.DESCRIPTOR.fields)
    for value in values:
        fill(value, getattr(made, field.name).add())
    if next_page_token:
        made.next_page_token = next_page_token
    return made  # type: ignore[no-any-return]  # a response


def place_order(m: pb.PlaceOrderRequest) -> PlaceOrder:
    """An order as it was sent. Raises InvalidField for what the contract does not name."""
    try:
        return from_message(m, PlaceOrder, tenant=m.tenant or DEFAULT_TENANT)
    except UnknownNumber as error:
        raise _unnamed(error.field, error) from None


def delivery(m: pb.Delivery) -> placed.Delivery:
    """A delivery as it was sent. Raises InvalidField for a wish that the contract does not name."""
    try:
        return from_message(m, placed.Delivery)
    except UnknownNumber as error:
        raise _unnamed(f"delivery.{error.field}", error) from None


def filter_of(kind: type[Kind], enum: Any, number: int, field: str, thing: str) -> Kind | None:
    """The member that a filter asks for; None for 0, which means any. Raises InvalidField."""
    members = members_of(enum.DESCRIPTOR, kind)
    if number and number not in members:
        raise InvalidField(field, f"must be {thing}", number)
    return members.get(number)


def _unnamed(field: str, error: UnknownNumber) -> InvalidField:
    return InvalidField(field, f"must be one of {', '.join(error.names)}", error.number)
