"""The SDK's typed values to protobuf messages, and back.

A value that protobuf cannot carry (a negative quantity, a text that is not UTF-8) is refused here
as the server would refuse it: INVALID_FIELD, naming the field.
"""

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, NamedTuple, TypeVar

import grpc
from google.protobuf.message import Message

from holdfast.commands import (
    Cancel,
    Command,
    Confirm,
    Extend,
    LineLike,
    Release,
    Reserve,
    Return,
    Ship,
)
from holdfast.errors import HoldfastError, Reason
from holdfast.inventory.v1 import inventory_pb2 as pb
from holdfast.inventory.v1 import operations_pb2 as operations_pb
from holdfast.outcomes import Outcome
from holdfast.types import (
    AuditEvent,
    AuditFinding,
    AuditProgress,
    AuditSummary,
    Line,
    Reservation,
    ReservationLine,
    Result,
    Shortage,
    State,
    Status,
    StockLevel,
)

M = TypeVar("M", bound=Message)
E = TypeVar("E", bound=IntEnum)


def message(kind: type[M], prefix: str = "", **fields: Any) -> M:
    """A message of these fields. HoldfastError INVALID_FIELD if one cannot be carried.

    `prefix` goes before the field's name in the error, such as `lines[3].`.
    """
    try:
        return kind(**fields)
    except ValueError:
        raise _unsendable(kind, prefix, fields) from None


def _unsendable(kind: type[Message], prefix: str, fields: dict[str, Any]) -> HoldfastError:
    for name, value in fields.items():
        try:
            kind(**{name: value})
        except UnicodeError:
            problem = "is not valid UTF-8"
        except ValueError:
            problem = "is out of range"
        else:
            continue
        return HoldfastError.of(
            Reason.INVALID_FIELD, field=prefix + name, problem=problem, value=ascii(value)
        )
    raise AssertionError(f"every field of {kind.__name__} can be sent alone, but not together")


def _lines(lines: Sequence[LineLike]) -> list[pb.Line]:
    built = []
    for position, item in enumerate(lines):
        if not isinstance(item, tuple):
            raise TypeError(f"lines must be a list of Line or (sku, quantity) tuples; got {item!r}")
        line = Line(*item)
        built.append(
            message(
                pb.Line,
                f"lines[{position}].",
                sku=line.sku,
                quantity=line.quantity,
                location=line.location,
            )
        )
    return built


def _reserve(command: Reserve, tenant: str) -> pb.ReserveRequest:
    return message(
        pb.ReserveRequest,
        tenant=tenant,
        reservation_id=command.reservation_id,
        lines=_lines(command.lines),
        ttl_ms=command.ttl_ms,
        buyer_id=command.buyer_id,
    )


def _confirm(command: Confirm, tenant: str) -> pb.ConfirmRequest:
    return message(
        pb.ConfirmRequest,
        tenant=tenant,
        reservation_id=command.reservation_id,
        reacquire_if_expired=command.reacquire_if_expired,
    )


def _release(command: Release, tenant: str) -> pb.ReleaseRequest:
    return message(pb.ReleaseRequest, tenant=tenant, reservation_id=command.reservation_id)


def _extend(command: Extend, tenant: str) -> pb.ExtendRequest:
    return message(
        pb.ExtendRequest,
        tenant=tenant,
        reservation_id=command.reservation_id,
        expires_at_ms=command.expires_at_ms,
    )


def _ship(command: Ship, tenant: str) -> pb.ShipRequest:
    return message(
        pb.ShipRequest,
        tenant=tenant,
        reservation_id=command.reservation_id,
        shipment_id=command.shipment_id,
        lines=_lines(command.lines),
    )


def _cancel(command: Cancel, tenant: str) -> pb.CancelRequest:
    return message(
        pb.CancelRequest,
        tenant=tenant,
        reservation_id=command.reservation_id,
        cancellation_id=command.cancellation_id,
        lines=_lines(command.lines),
    )


def _return(command: Return, tenant: str) -> pb.ReturnRequest:
    return message(
        pb.ReturnRequest,
        tenant=tenant,
        reservation_id=command.reservation_id,
        return_id=command.return_id,
        lines=_lines(command.lines),
        disposition=command.disposition,
    )


class Route(NamedTuple):
    """How a command travels: by which method, in which field of `Command`, as which message."""

    rpc: str
    field: str
    to_request: Callable[[Any, str], Message]


ROUTES: dict[type[Command], Route] = {
    Reserve: Route("Reserve", "reserve", _reserve),
    Confirm: Route("Confirm", "confirm", _confirm),
    Release: Route("Release", "release", _release),
    Extend: Route("Extend", "extend", _extend),
    Ship: Route("Ship", "ship", _ship),
    Cancel: Route("Cancel", "cancel", _cancel),
    Return: Route("Return", "return_units", _return),
}


def request_of(command: Command, tenant: str) -> Message:
    """The request of a command's own method; `tenant` is used where the command names none."""
    to_request = ROUTES[type(command)].to_request
    return to_request(command, tenant if command.tenant is None else command.tenant)


def command_of(command: Command, tenant: str) -> pb.Command:
    """The command as one of an ApplyRequest; `tenant` is used where the command names none."""
    fields: dict[str, Any] = {ROUTES[type(command)].field: request_of(command, tenant)}
    return pb.Command(**fields)


def result_from(answer: pb.CommandResult) -> Result:
    """The answer to one command."""
    return Result(
        outcome=_member(Outcome, answer.outcome),
        replayed=answer.replayed,
        state=_member(State, answer.state),
        expires_at_ms=answer.expires_at_ms,
        shortages=tuple(
            Shortage(short.sku, short.location, short.requested, short.available)
            for short in answer.shortages
        ),
        detail=answer.detail,
    )


def reservation_from(answer: pb.Reservation) -> Reservation:
    """A reservation as it was read."""
    return Reservation(
        tenant=answer.tenant,
        reservation_id=answer.reservation_id,
        state=_member(State, answer.state),
        lines=tuple(
            ReservationLine(
                sku=line.sku,
                location=line.location,
                quantity=line.quantity,
                shipped=line.shipped,
                cancelled=line.cancelled,
                returned=line.returned,
            )
            for line in answer.lines
        ),
        buyer_id=answer.buyer_id,
        created_at_ms=answer.created_at_ms,
        expires_at_ms=answer.expires_at_ms,
        updated_at_ms=answer.updated_at_ms,
    )


def level_from(answer: pb.StockLevel) -> StockLevel:
    """A stock level as it was read."""
    return StockLevel(
        tenant=answer.tenant,
        sku=answer.sku,
        location=answer.location,
        on_hand=answer.on_hand,
        reserved=answer.reserved,
        confirmed=answer.confirmed,
        damaged=answer.damaged,
        safety_stock=answer.safety_stock,
        available=answer.available,
        limit_per_buyer=answer.limit_per_buyer,
        version=answer.version,
    )


def audit_from(answer: operations_pb.AuditResponse) -> AuditEvent:
    """One message of an audit."""
    match answer.WhichOneof("kind"):
        case "progress":
            return AuditProgress(
                answer.progress.reservations_checked, answer.progress.reservations_total
            )
        case "finding":
            return AuditFinding(answer.finding.invariant, answer.finding.row, answer.finding.detail)
        case "summary":
            return AuditSummary(
                ok=answer.summary.ok,
                levels=answer.summary.levels,
                reservations=answer.summary.reservations,
                buyers=answer.summary.buyers,
                journal_entries=answer.summary.journal_entries,
                findings=answer.summary.findings,
                unsettled=answer.summary.unsettled,
                elapsed_ms=answer.summary.elapsed_ms,
            )
        case _:
            raise _too_new("an audit message of a kind")


def status_from(answer: operations_pb.GetStatusResponse) -> Status:
    """What the engine stands on."""
    return Status(
        version=answer.version,
        store=answer.store,
        durability=answer.durability,
        trouble=answer.trouble,
    )


def _member(kind: type[E], number: int) -> E:
    try:
        return kind(number)
    except ValueError:
        raise _too_new(f"{kind.__name__.lower()} {number}") from None


def _too_new(what: str) -> HoldfastError:
    # The contract may grow outcomes and states; the caller must not take a new one for an old one.
    return HoldfastError(
        None,
        grpc.StatusCode.UNKNOWN,
        f"the server answered {what} that this version of holdfast does not know; upgrade holdfast",
        {},
    )
