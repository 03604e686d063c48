"""Protobuf messages to the engine's values and back. No decision is made here."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

from engine import model
from engine.answers import REFUSALS_KEPT
from engine.audit import protocol
from engine.validation import Complaint, check_id
from holdfast.errors import HoldfastError, Reason
from holdfast.inventory.v1 import inventory_pb2 as pb
from holdfast.inventory.v1 import operations_pb2
from holdfast.messages import Messages, Pair

TENANTS_KEPT: Final = 1_000
"""Names that have been looked at: the same few ask again and again."""


def invalid(problem: Complaint) -> HoldfastError:
    """The error of a field that breaks a bound."""
    return HoldfastError.of(
        Reason.INVALID_FIELD, field=problem.field, problem=problem.problem, value=problem.value
    )


@lru_cache(maxsize=TENANTS_KEPT)
def _problem_of_tenant(tenant: str) -> Complaint | None:
    return check_id("tenant", tenant)


def tenant_of(message: Any) -> str:
    """The tenant of a request; "" means `default`. Raises INVALID_FIELD."""
    tenant: str = message.tenant or model.DEFAULT_TENANT
    problem = _problem_of_tenant(tenant)
    if problem:
        raise invalid(problem)
    return tenant


def _line(line: pb.Line) -> model.Line:
    return model.Line(line.sku, line.quantity, line.location or model.DEFAULT_LOCATION)


def _lines(lines: Any) -> list[model.Line]:
    if len(lines) == 1:  # most have one, and an iterator costs as much as ten fields
        return [_line(lines[0])]
    return [_line(line) for line in lines]


def _reserve(m: pb.ReserveRequest) -> model.Reserve:
    if not m.HasField("in_exchange_for"):
        return model.Reserve(m.reservation_id, _lines(m.lines), m.ttl_ms, m.buyer_id)
    other = m.in_exchange_for
    return model.Exchange(
        m.reservation_id,
        _lines(m.lines),
        m.ttl_ms,
        m.buyer_id,
        in_exchange_for=model.ExchangedUnits(other.reservation_id, _lines(other.lines)),
    )


# By the name of the field in Command's oneof.
COMMANDS: dict[str, Callable[[Any], model.Command]] = {
    "reserve": _reserve,
    "confirm": lambda m: model.Confirm(m.reservation_id, m.reacquire_if_expired),
    "release": lambda m: model.Release(m.reservation_id),
    "extend": lambda m: model.Extend(m.reservation_id, m.expires_at_ms),
    "ship": lambda m: model.Ship(m.reservation_id, m.shipment_id, _lines(m.lines)),
    "cancel": lambda m: model.Cancel(
        m.reservation_id, m.cancellation_id, _lines(m.lines), m.disposition
    ),
    "return_units": lambda m: model.Return(
        m.reservation_id,
        m.return_id,
        m.disposition,
        _lines(m.lines),
        m.to_location,
        m.for_exchange,
    ),
}


MESSAGES: Final = Messages(
    Pair(model.SetStock, pb.SetStockRequest, theirs=("tenant", "only")),
    Pair(model.AdjustStock, pb.AdjustStockRequest, theirs=("tenant",)),
    Pair(model.StockLevel, pb.StockLevel, theirs=("tenant",)),
    Pair(model.Reservation, pb.Reservation, theirs=("tenant", "answered_at_ms")),
    Pair(model.ReservationLine, pb.ReservationLine),
    Pair(
        protocol.Progress,
        operations_pb2.AuditProgress,
        renamed={"checked": "reservations_checked", "total": "reservations_total"},
    ),
    Pair(protocol.Finding, operations_pb2.AuditFinding),
    Pair(protocol.Summary, operations_pb2.AuditSummary, theirs=("elapsed_ms",)),
)
"""A field that stands on one side only is named here, or a test fails."""

to_message = MESSAGES.to_message
from_message = MESSAGES.from_message


def move_stock(m: pb.MoveStockRequest) -> model.MoveStock:
    """A move of stock; its buckets are numbers until they are checked."""
    return model.MoveStock(
        m.sku,
        m.units,
        m.from_bucket,  # type: ignore[arg-type]
        m.to_bucket,  # type: ignore[arg-type]
        m.move_id,
        m.from_location or model.DEFAULT_LOCATION,
        m.to_location or model.DEFAULT_LOCATION,
        m.reason,
    )


_SETTINGS: Final = ("on_hand", "safety_stock", "limit_per_buyer")


def set_stock(m: pb.SetStockRequest) -> model.SetStock:
    """A stock setting; what its `only` leaves out stays as it is. Raises INVALID_FIELD."""
    command = from_message(m, model.SetStock)
    for name in m.only:
        if name not in _SETTINGS:
            raise invalid(Complaint("only", f"must name {', '.join(_SETTINGS)}", name))
    for name in _SETTINGS:
        if m.only and name not in m.only:
            setattr(command, name, None)
    return command


def command_result(result: model.Result, store_now_ms: int = 0) -> pb.CommandResult:
    """The answer to a command, on the wire, given at `store_now_ms` of the store's clock.

    It is not to be changed: equal refusals are one message.
    """
    if result.shortages and not result.expires_at_ms:
        return _refusal(result)
    return _command_result(result, store_now_ms)


@lru_cache(maxsize=REFUSALS_KEPT)
def _refusal(result: model.Result) -> pb.CommandResult:
    """A refusal that says no time. In a sell-out many are equal."""
    return _command_result(result, 0)


def _command_result(result: model.Result, store_now_ms: int) -> pb.CommandResult:
    message = pb.CommandResult(
        outcome=result.outcome,  # type: ignore[arg-type]
        state=result.state,  # type: ignore[arg-type]
        expires_at_ms=result.expires_at_ms,
    )
    # Many answers have none of these, and each field set costs.
    if result.expires_at_ms:
        message.answered_at_ms = store_now_ms
    if result.replayed:
        message.replayed = True
    if result.detail:
        message.detail = result.detail
    for short in result.shortages:
        message.shortages.add(
            sku=short.sku,
            location=short.location,
            requested=short.requested,
            available=short.available,
        )
    return message


def not_judged(error: HoldfastError) -> pb.CommandResult:
    """The answer to a command of an Apply that the engine could not judge."""
    return pb.CommandResult(
        outcome=pb.OUTCOME_NOT_JUDGED,
        detail=error.message,
        reason=error.reason or Reason.INTERNAL,
        reason_values=error.metadata,
    )


Answered = tuple[model.Result | HoldfastError, int]
"""The answer to a command of an Apply, and the store's time then."""


def apply_response(results: Sequence[Answered]) -> pb.ApplyResponse:
    """The answers to the commands of a batch, on the wire.

    Equal answers are often one object; each is packed once. Packed messages of one kind, one after
    the other, are their lists joined: the encoding of protobuf says so.
    """
    packed: dict[tuple[int, int], bytes] = {}
    parts = []
    for result, store_now_ms in results:
        key = (id(result), store_now_ms)
        part = packed.get(key)
        if part is None:
            if isinstance(result, HoldfastError):
                message = not_judged(result)
            else:
                message = command_result(result, store_now_ms)
            part = pb.ApplyResponse(results=[message]).SerializeToString()
            packed[key] = part
        parts.append(part)
    return pb.ApplyResponse.FromString(b"".join(parts))


def reservation(tenant: str, found: model.Reservation, store_now_ms: int = 0) -> pb.Reservation:
    """A reservation, on the wire, read at `store_now_ms` of the store's clock."""
    message = to_message(found, pb.Reservation)
    message.tenant, message.answered_at_ms = tenant, store_now_ms
    return message


def stock_level(tenant: str, level: model.StockLevel) -> pb.StockLevel:
    """A stock level, on the wire."""
    message = to_message(level, pb.StockLevel)
    message.tenant = tenant
    return message
