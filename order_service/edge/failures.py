"""What the order service's exceptions are on the wire: one table."""

from typing import Final

from google.protobuf.message import DecodeError

from holdfast.errors import HoldfastError, Reason
from order_service.order.refusals import InvalidField
from order_service.relay.dropping import TaskNotDead, TaskNotFound
from order_service.storage.batch import OrderNotFound
from order_service.storage.database import Conflict, StorageUnavailable
from order_service.storage.group_commit import Overloaded
from serving.guard import Translations

# By then a queue that was full has been written: what is queued at most takes some seconds.
OVERLOADED_RETRY_MS: Final = 1_000


def invalid(field: str, problem: str, value: object) -> HoldfastError:
    """The error of a field that breaks a bound."""
    return HoldfastError.of(Reason.INVALID_FIELD, field=field, problem=problem, value=value)


def _overloaded(_error: Overloaded) -> HoldfastError:
    refusal = HoldfastError.of(Reason.OVERLOADED, retry_after_ms=OVERLOADED_RETRY_MS)
    refusal.retry_after_ms = OVERLOADED_RETRY_MS
    return refusal


# A refusal (`Refused`) is not among them: it is an outcome (edge/outcomes.py).
TRANSLATIONS: Final[Translations] = {
    InvalidField: lambda error: invalid(error.field, error.problem, error.value),
    OrderNotFound: lambda error: HoldfastError.of(Reason.ORDER_NOT_FOUND, order_id=error.order_id),
    TaskNotFound: lambda error: HoldfastError.of(Reason.TASK_NOT_FOUND, task_id=error.task_id),
    TaskNotDead: lambda error: HoldfastError.of(Reason.TASK_NOT_DEAD, task_id=error.task_id),
    Conflict: lambda _: HoldfastError.of(Reason.ORDER_CONTENDED),
    StorageUnavailable: lambda _: HoldfastError.of(Reason.DATABASE_UNREACHABLE),
    Overloaded: _overloaded,
    TimeoutError: lambda _: HoldfastError.of(Reason.DEADLINE_PASSED),
    DecodeError: lambda _: invalid(
        "request", "must be a message of this method", "bytes that are none"
    ),
}
