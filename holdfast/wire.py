"""The SDK's typed values to protobuf messages, and back.

A value that protobuf cannot carry (a negative quantity, a text that is not UTF-8) is refused here
as the server would refuse it: INVALID_FIELD, naming the field.
"""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final, NamedTuple, TypeVar

import grpc
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from holdfast.commands import (
    Cancel,
    Command,
    Confirm,
    ExchangedUnits,
    Extend,
    Release,
    Reserve,
    Return,
    Ship,
)
from holdfast.errors import HoldfastError, Reason
from holdfast.inventory.v1 import inventory_pb2 as pb
from holdfast.inventory.v1 import operations_pb2 as operations_pb
from holdfast.messages import Messages, Pair, UnknownNumber, is_repeated
from holdfast.outcomes import Outcome
from holdfast.types import (
    AcceptedStore,
    AuditEvent,
    AuditFinding,
    AuditProgress,
    AuditSummary,
    Line,
    Reservation,
    ReservationLine,
    Result,
    SettingResult,
    Shortage,
    Status,
    StockLevel,
    StockMove,
    StockSetting,
)

M = TypeVar("M", bound=Message)
T = TypeVar("T")

Answer = Result | HoldfastError
"""The answer to one of many commands: a result, or the error of its own method."""


def message(kind: type[M], prefix: str = "", **fields: Any) -> M:
    """A message of these fields. HoldfastError INVALID_FIELD if one cannot be carried.

    `prefix` goes before the field's name in the error, such as `lines[3].`. Raises TypeError, which
    names the field, too, for a value of another type: a mistake of the program.
    """
    try:
        return kind(**fields)
    except (ValueError, TypeError):
        raise _unsendable(kind, prefix, fields) from None


def _unsendable(kind: type[Message], prefix: str, fields: dict[str, Any]) -> Exception:
    for name, value in fields.items():
        try:
            kind(**{name: value})
        except UnicodeError:
            problem = "is not valid UTF-8"
        except ValueError:
            problem = "is out of range"
        except TypeError:
            return mistaken(prefix + name, _wanted(kind.DESCRIPTOR.fields_by_name[name]), value)
        else:
            continue
        return HoldfastError.of(
            Reason.INVALID_FIELD, field=prefix + name, problem=problem, value=ascii(value)
        )
    raise AssertionError(f"every field of {kind.__name__} can be sent alone, but not together")


def mistaken(field: str, wanted: str, value: object) -> TypeError:
    """The error of an argument that is of another type than it must be."""
    return TypeError(f"{field}: must be {wanted}; got {value!a}")


def _wanted(field: Any) -> str:
    """The values of a field, for a person."""
    names = {
        FieldDescriptor.CPPTYPE_STRING: "text",
        FieldDescriptor.CPPTYPE_BOOL: "True or False",
        FieldDescriptor.CPPTYPE_ENUM: "a value of its enum",
    }
    name = names.get(field.cpp_type, "a whole number")
    return f"a list, each {name}" if is_repeated(field) else name


_SETTINGS = ("on_hand", "safety_stock", "limit_per_buyer")


def setting_of(setting: StockSetting, tenant: str) -> pb.SetStockRequest:
    """The request of a stock setting, which names what it sets where it does not set all."""
    request = message(pb.SetStockRequest, tenant=tenant, **setting._asdict())
    given = [name for name in _SETTINGS if getattr(setting, name) is not None]
    if len(given) < len(_SETTINGS):
        request.only.extend(given)
    return request


def setting_result(answer: pb.StockSettingResult) -> SettingResult:
    """The answer to one setting of many."""
    return SettingResult(_level_in(answer, "level"), answer.reason, answer.detail)


def stock_move(answer: pb.MoveStockResponse) -> StockMove:
    """The answer to a move of stock."""
    from_level, to_level = _level_in(answer, "from_level"), _level_in(answer, "to_level")
    return StockMove(from_level, to_level, answer.replayed)


def _level_in(answer: Any, field: str) -> StockLevel | None:
    return value_of(getattr(answer, field), StockLevel) if answer.HasField(field) else None


class Route(NamedTuple):
    """How a command travels: by which method, in which field of `Command`, as which message."""

    rpc: str
    field: str
    request: type[Message]


ROUTES: dict[type[Command], Route] = {
    Reserve: Route("Reserve", "reserve", pb.ReserveRequest),
    Confirm: Route("Confirm", "confirm", pb.ConfirmRequest),
    Release: Route("Release", "release", pb.ReleaseRequest),
    Extend: Route("Extend", "extend", pb.ExtendRequest),
    Ship: Route("Ship", "ship", pb.ShipRequest),
    Cancel: Route("Cancel", "cancel", pb.CancelRequest),
    Return: Route("Return", "return_units", pb.ReturnRequest),
}
_RPCS = {route.field: f"inventory.{route.rpc}" for route in ROUTES.values()}


def _fill(route: Route, request: Any, command: Command, tenant: str) -> None:
    try:
        request.tenant = tenant if command.tenant is None else command.tenant
        request.reservation_id = command.reservation_id
        MESSAGES.fill(command, request)
        _fill_lines(request, getattr(command, "lines", ()))
        exchanged = getattr(command, "in_exchange_for", None)
        if exchanged is not None:
            if not isinstance(exchanged, ExchangedUnits):
                raise TypeError
            request.in_exchange_for.reservation_id = exchanged.reservation_id
            request.in_exchange_for.SetInParent()
            _fill_lines(request.in_exchange_for, exchanged.lines)
    except (ValueError, TypeError):
        raise _unsendable_in(route, command, tenant) from None


def _fill_lines(request: Any, lines: object) -> None:
    if not isinstance(lines, Sequence):
        raise TypeError
    for item in lines:
        if not isinstance(item, tuple):
            raise TypeError
        added = request.lines.add()
        added.sku, added.quantity, added.location = Line(*item)


def _unsendable_in(route: Route, command: Command, tenant: str) -> Exception:
    """The error of the field in a command that protobuf cannot carry."""
    given = {field.name: getattr(command, field.name) for field in fields(command)}
    given["tenant"] = tenant if command.tenant is None else command.tenant
    exchanged = given.pop("in_exchange_for", None)
    if problem := _unsendable_line("", given.pop("lines", ())):
        return problem
    if exchanged is not None:
        if not isinstance(exchanged, ExchangedUnits):
            return mistaken("in_exchange_for", "ExchangedUnits or None", exchanged)
        named: dict[str, Any] = {"reservation_id": exchanged.reservation_id}
        try:
            pb.ExchangedUnits(**named)
        except (ValueError, TypeError):
            return _unsendable(pb.ExchangedUnits, "in_exchange_for.", named)
        if problem := _unsendable_line("in_exchange_for.", exchanged.lines):
            return problem
    return _unsendable(route.request, "", given)


def _unsendable_line(prefix: str, lines: object) -> Exception | None:
    """The error of the first of some lines that protobuf cannot carry."""
    wanted = "(sku, quantity) or (sku, quantity, location)"
    if isinstance(lines, str) or not isinstance(lines, Sequence):
        return mistaken(f"{prefix}lines", f"a list of {wanted}", lines)
    for position, line in enumerate(lines):
        if not isinstance(line, tuple) or len(line) not in (2, 3):
            return mistaken(f"{prefix}lines[{position}]", wanted, line)
        parts = Line(*line)._asdict()
        try:
            pb.Line(**parts)
        except (ValueError, TypeError):
            return _unsendable(pb.Line, f"{prefix}lines[{position}].", parts)
    return None


def rpc_of(command: Command) -> str:
    """The method of a command's own, such as `inventory.Reserve`."""
    return _RPCS[ROUTES[type(command)].field]


def request_of(command: Command, tenant: str) -> Message:
    """The request of a command's own method; `tenant` is used where the command names none."""
    route = ROUTES[type(command)]
    request = route.request()
    _fill(route, request, command, tenant)
    return request


def command_of(command: Command, tenant: str) -> pb.Command:
    """The command as one of an ApplyRequest; `tenant` is used where the command names none."""
    route = ROUTES[type(command)]
    built = pb.Command()
    _fill(route, getattr(built, route.field), command, tenant)
    return built


def packed(command: Command, tenant: str) -> bytes:
    """The command as an ApplyRequest with nothing else in it, packed.

    Such requests put one behind the other are one request of all their commands: protobuf joins
    the repeated fields of messages that are concatenated.
    """
    route = ROUTES[type(command)]
    request = pb.ApplyRequest()
    _fill(route, getattr(request.commands.add(), route.field), command, tenant)
    return request.SerializeToString()


def unpacked(data: bytes) -> tuple[str, Message]:
    """A command that `packed` has packed, as the name of its own method and its request."""
    (command,) = pb.ApplyRequest.FromString(data).commands
    field = str(command.WhichOneof("kind"))
    return _RPCS[field], getattr(command, field)


_BY_HAND = ("tenant", "reservation_id")  # of every command, set by `_fill`
MESSAGES: Final = Messages(
    Pair(Reserve, pb.ReserveRequest, theirs=(*_BY_HAND, "lines", "in_exchange_for")),
    Pair(Confirm, pb.ConfirmRequest, theirs=_BY_HAND),
    Pair(Release, pb.ReleaseRequest, theirs=_BY_HAND),
    Pair(Extend, pb.ExtendRequest, theirs=_BY_HAND),
    Pair(Ship, pb.ShipRequest, theirs=(*_BY_HAND, "lines")),
    Pair(Cancel, pb.CancelRequest, theirs=(*_BY_HAND, "lines")),
    Pair(Return, pb.ReturnRequest, theirs=(*_BY_HAND, "lines")),
    Pair(Result, pb.CommandResult, theirs=("reason_values",)),
    Pair(Shortage, pb.Shortage),
    Pair(Reservation, pb.Reservation),
    Pair(ReservationLine, pb.ReservationLine),
    Pair(StockLevel, pb.StockLevel),
    Pair(AuditProgress, operations_pb.AuditProgress),
    Pair(AuditFinding, operations_pb.AuditFinding),
    Pair(AuditSummary, operations_pb.AuditSummary),
    Pair(Status, operations_pb.GetStatusResponse),
    Pair(AcceptedStore, operations_pb.AcceptedStore),
)
"""A field that stands on one side only is named here, or a test fails."""


def answers_from(data: bytes, count: int) -> list[Answer]:
    """The answers in a packed ApplyResponse to so many commands, each as the command's own method
    gives it: what is INVALID or NOT_JUDGED is an error. Raises HoldfastError if they are not so
    many.
    """
    try:
        results = pb.ApplyResponse.FromString(data).results
    except DecodeError:
        results = pb.ApplyResponse().results
    if len(results) != count:
        raise HoldfastError(
            None,
            grpc.StatusCode.UNKNOWN,
            f"the server sent {len(results)} answers to {count} commands",
            {},
        )
    # Many answers are alike to the byte, and a Result costs more than to find that out.
    known: dict[bytes, Result] = {}
    answers: list[Answer] = []
    for result in results:
        content = result.SerializeToString()
        found: Answer | None = known.get(content)
        if found is None:
            found = _answer_from(result)
            if isinstance(found, Result):
                known[content] = found
        answers.append(found)
    return answers


def _answer_from(result: pb.CommandResult) -> Answer:
    try:
        answer = value_of(result, Result)
    except HoldfastError as error:
        return error
    if answer.outcome is Outcome.NOT_JUDGED:
        return HoldfastError.from_parts(answer.reason, answer.detail, dict(result.reason_values))
    return _invalid(answer.detail) if answer.outcome is Outcome.INVALID else answer


def _invalid(detail: str) -> HoldfastError:
    """The error that `field: problem; got value` is in the command's own method."""
    field, _, rest = detail.partition(": ")
    problem, _, value = rest.partition("; got ")
    return HoldfastError(
        Reason.INVALID_FIELD,
        grpc.StatusCode.INVALID_ARGUMENT,
        detail,
        {"field": field, "problem": problem, "value": value},
    )


def audit_from(answer: operations_pb.AuditResponse) -> AuditEvent:
    """One message of an audit."""
    match answer.WhichOneof("kind"):
        case "progress":
            return value_of(answer.progress, AuditProgress)
        case "finding":
            return value_of(answer.finding, AuditFinding)
        case "summary":
            return value_of(answer.summary, AuditSummary)
        case _:
            raise _too_new("an audit message of a kind")


def value_of(answer: Message, kind: type[T]) -> T:
    """The value of a message. Raises HoldfastError for a number that only a newer server knows."""
    try:
        return MESSAGES.from_message(answer, kind)
    except UnknownNumber as error:
        raise _too_new(f"{error.kind.__name__.lower()} {error.number}") from None


def _too_new(what: str) -> HoldfastError:
    # The contract may grow outcomes and states; the caller must not take a new one for an old one.
    return HoldfastError(
        None,
        grpc.StatusCode.UNKNOWN,
        f"the server answered {what} that this version of holdfast does not know; upgrade holdfast",
        {},
    )
