"""Exceptions on the wire: a refusal is an outcome of the answer, everything else is an error."""

from typing import Final, NamedTuple

from google.protobuf.message import DecodeError

from holdfast.errors import HoldfastError, Reason
from holdfast.order.v1 import order_pb2 as pb
from order_service.order.machines import IllegalMove
from order_service.order.refusals import REFUSALS, InvalidField, RefusalReason, Refused
from order_service.relay.attempt import TaskNotDead, TaskNotFound
from order_service.storage.batch import OrderNotFound
from order_service.storage.database import Conflict, StorageUnavailable
from order_service.storage.group_commit import Overloaded
from serving.guard import Translations

# By then a queue that was full has been written: what is queued at most takes some seconds.
OVERLOADED_RETRY_MS: Final = 1_000

BUSINESS_ANSWERS: Final = (Refused, IllegalMove, OrderNotFound)
"""The exceptions of a command that are answers, with gRPC status OK, and no errors."""


class Answer(NamedTuple):
    """The outcome of a command that was refused, and why, for a person."""

    outcome: "pb.OrderOutcome.ValueType"
    detail: str


def refusal(error: Exception) -> Answer:
    """The answer that one of BUSINESS_ANSWERS means."""
    if isinstance(error, Refused):
        return Answer(outcome_of(error.reason), str(error))
    if isinstance(error, OrderNotFound):
        detail = REFUSALS[RefusalReason.NOT_FOUND].format(thing="order", name=error.order_id)
        return Answer(pb.ORDER_OUTCOME_NOT_FOUND, detail)
    assert isinstance(error, IllegalMove)
    detail = f"the {error.machine} is {error.state}: {error.event} is not possible now"
    return Answer(pb.ORDER_OUTCOME_WRONG_STATE, detail)


def outcome_of(reason: RefusalReason) -> "pb.OrderOutcome.ValueType":
    """The outcome of a reason: they have the same names."""
    return pb.OrderOutcome.Value(f"ORDER_OUTCOME_{reason}")


def invalid(field: str, problem: str, value: object) -> HoldfastError:
    """The error of a field that breaks a bound."""
    return HoldfastError.of(Reason.INVALID_FIELD, field=field, problem=problem, value=value)


def _overloaded(_error: Overloaded) -> HoldfastError:
    refusal = HoldfastError.of(Reason.OVERLOADED, retry_after_ms=OVERLOADED_RETRY_MS)
    refusal.retry_after_ms = OVERLOADED_RETRY_MS
    return refusal


TRANSLATIONS: Final[Translations] = {
    InvalidField: lambda error: invalid(error.field, error.problem, error.value),
    OrderNotFound: lambda error: HoldfastError.of(Reason.ORDER_NOT_FOUND, order_id=error.order_id),
    TaskNotFound: lambda error: HoldfastError.of(Reason.TASK_NOT_FOUND, task_id=error.args[0]),
    TaskNotDead: lambda error: HoldfastError.of(Reason.TASK_NOT_DEAD, task_id=error.args[0]),
    Conflict: lambda _: HoldfastError.of(Reason.ORDER_CONTENDED),
    StorageUnavailable: lambda _: HoldfastError.of(Reason.DATABASE_UNREACHABLE),
    Overloaded: _overloaded,
    TimeoutError: lambda _: HoldfastError.of(Reason.DEADLINE_PASSED),
    DecodeError: lambda _: invalid(
        "request", "must be a message of this method", "bytes that are none"
    ),
}
"""The error of each exception that is not a refusal. OrderNotFound is one where the answer has no
outcome, such as that of GetOrder.
"""
