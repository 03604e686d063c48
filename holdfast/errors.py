"""The error contract, for both ends: one table of reasons, matched by reason and never by text.

A gRPC error means that a request was not judged (or that a stock setting was refused as a whole).
It carries exactly one google.rpc.ErrorInfo: `reason` is a name below, `domain` is `holdfast`, and
`metadata` holds every value that the message mentions. The server makes its errors from this
table, the SDK reads them back with it (AIP-193).
"""

from enum import StrEnum
from typing import NamedTuple, Self

import grpc
from google.protobuf.any_pb2 import Any

from holdfast.rpc.v1 import error_pb2

DOMAIN = "holdfast"
DETAILS_TRAILER = "grpc-status-details-bin"
_ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"


class Reason(StrEnum):
    """Why a request was not judged."""

    INVALID_FIELD = "INVALID_FIELD"
    RESERVATION_NOT_FOUND = "RESERVATION_NOT_FOUND"
    STOCK_NOT_FOUND = "STOCK_NOT_FOUND"
    ORDER_NOT_FOUND = "ORDER_NOT_FOUND"
    TASK_NOT_FOUND = "TASK_NOT_FOUND"
    TASK_NOT_DEAD = "TASK_NOT_DEAD"
    ON_HAND_BELOW_COMMITTED = "ON_HAND_BELOW_COMMITTED"
    ADJUSTMENT_ID_REUSED = "ADJUSTMENT_ID_REUSED"
    SETTING_ID_REUSED = "SETTING_ID_REUSED"
    MOVE_ID_REUSED = "MOVE_ID_REUSED"
    NOT_ENOUGH_UNITS = "NOT_ENOUGH_UNITS"
    VERSION_MISMATCH = "VERSION_MISMATCH"
    OVERLOADED = "OVERLOADED"
    STORE_FULL = "STORE_FULL"
    STORE_UNREACHABLE = "STORE_UNREACHABLE"
    STORE_REFUSES = "STORE_REFUSES"
    STORE_WENT_BACK = "STORE_WENT_BACK"
    STORE_UNSAFE = "STORE_UNSAFE"
    STORE_CORRUPT = "STORE_CORRUPT"
    DATABASE_UNREACHABLE = "DATABASE_UNREACHABLE"
    ORDER_CONTENDED = "ORDER_CONTENDED"
    STATEMENT_UNREACHABLE = "STATEMENT_UNREACHABLE"
    DEADLINE_PASSED = "DEADLINE_PASSED"
    DRAINING = "DRAINING"
    INTERNAL = "INTERNAL"


class ErrorRow(NamedTuple):
    """How a reason looks on the wire."""

    code: grpc.StatusCode
    retryable: bool
    """Whether the SDK sends the same request again, with the same ids."""
    message: str
    """For a person; `{name}` is filled from the metadata."""


ERRORS: dict[Reason, ErrorRow] = {
    Reason.INVALID_FIELD: ErrorRow(
        grpc.StatusCode.INVALID_ARGUMENT, False, "{field}: {problem}; got {value}"
    ),
    Reason.RESERVATION_NOT_FOUND: ErrorRow(
        grpc.StatusCode.NOT_FOUND,
        False,
        "no reservation {reservation_id} in tenant {tenant}: the id was never seen, or its "
        "retention is over",
    ),
    Reason.STOCK_NOT_FOUND: ErrorRow(
        grpc.StatusCode.NOT_FOUND,
        False,
        "no stock level for SKU {sku} at {location} in tenant {tenant}; create it with SetStock",
    ),
    Reason.ORDER_NOT_FOUND: ErrorRow(
        grpc.StatusCode.NOT_FOUND,
        False,
        "no order {order_id}: the id was never seen, or it is another tenant's",
    ),
    Reason.TASK_NOT_FOUND: ErrorRow(
        grpc.StatusCode.NOT_FOUND,
        False,
        "no task {task_id}: it was done or dropped, or it is another tenant's",
    ),
    Reason.TASK_NOT_DEAD: ErrorRow(
        grpc.StatusCode.FAILED_PRECONDITION,
        False,
        "task {task_id} will still be done and cannot be dropped; nothing was changed",
    ),
    Reason.ON_HAND_BELOW_COMMITTED: ErrorRow(
        grpc.StatusCode.FAILED_PRECONDITION,
        False,
        "on_hand of SKU {sku} at {location} would be {on_hand}, below the {committed} units that "
        "are reserved and confirmed; nothing was changed. Release or cancel reservations first",
    ),
    Reason.ADJUSTMENT_ID_REUSED: ErrorRow(
        grpc.StatusCode.FAILED_PRECONDITION,
        False,
        "adjustment_id {adjustment_id} was used before with other content; nothing was changed. "
        "Make a new id for a new adjustment",
    ),
    Reason.SETTING_ID_REUSED: ErrorRow(
        grpc.StatusCode.FAILED_PRECONDITION,
        False,
        "setting_id {setting_id} was used before with other content; nothing was changed. Make a "
        "new id for a new setting",
    ),
    Reason.MOVE_ID_REUSED: ErrorRow(
        grpc.StatusCode.FAILED_PRECONDITION,
        False,
        "move_id {move_id} was used before with other content; nothing was changed. Make a new id "
        "for a new move",
    ),
    Reason.NOT_ENOUGH_UNITS: ErrorRow(
        grpc.StatusCode.FAILED_PRECONDITION,
        False,
        "{units} {bucket} units of SKU {sku} cannot leave {location}: {movable} can; nothing was "
        "changed. {why}",
    ),
    Reason.VERSION_MISMATCH: ErrorRow(
        grpc.StatusCode.ABORTED,
        False,
        "SKU {sku} at {location} has version {version}, not the expected {expected_version}; "
        "nothing was changed. Read the level and decide again",
    ),
    Reason.OVERLOADED: ErrorRow(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        True,
        "the server has more work queued than it can do in time; try again in {retry_after_ms} ms",
    ),
    Reason.STORE_FULL: ErrorRow(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        False,
        "the store has reached its maxmemory: nothing more can be reserved, what gives stock back "
        "still works. Raise maxmemory",
    ),
    Reason.STORE_UNREACHABLE: ErrorRow(
        grpc.StatusCode.UNAVAILABLE,
        True,
        "the store does not answer; whether the command was applied is not known. Send it again "
        "with the same id",
    ),
    Reason.STORE_REFUSES: ErrorRow(
        grpc.StatusCode.UNAVAILABLE,
        True,
        "the store refuses commands for now ({store_error}): {cause}; nothing was changed. "
        "{next_step}",
    ),
    Reason.STORE_WENT_BACK: ErrorRow(
        grpc.StatusCode.UNAVAILABLE,
        False,
        "the store of tenant {tenant} went back in time (another epoch or a lower sequence than "
        "was seen before): it lost answers it had given. Restore its data, or accept it as it is, "
        "which is written down: holdfast server accept-store --tenant {tenant} --reason WHY",
    ),
    Reason.STORE_UNSAFE: ErrorRow(
        grpc.StatusCode.UNAVAILABLE,
        False,
        "the store's setting {setting} is {value}, which can lose answers; mend it with: {mend}",
    ),
    Reason.STORE_CORRUPT: ErrorRow(
        grpc.StatusCode.INTERNAL,
        False,
        "the store holds something under {key} that Holdfast did not write; nothing was changed. "
        "The server's log has more under {error_id}",
    ),
    Reason.DATABASE_UNREACHABLE: ErrorRow(
        grpc.StatusCode.UNAVAILABLE,
        True,
        "the order service's database does not answer; whether the request was applied is not "
        "known. Send it again with the same key",
    ),
    Reason.ORDER_CONTENDED: ErrorRow(
        grpc.StatusCode.ABORTED,
        True,
        "others changed the same at the same time, again and again; nothing was changed. Send the "
        "request again with the same key",
    ),
    Reason.STATEMENT_UNREACHABLE: ErrorRow(
        grpc.StatusCode.UNAVAILABLE,
        False,
        "payment provider {provider} gives no statement of {day} now. Send the request again later",
    ),
    Reason.DEADLINE_PASSED: ErrorRow(
        grpc.StatusCode.DEADLINE_EXCEEDED,
        True,
        "the answer did not come in time; whether the command was applied is not known. Send it "
        "again with the same id",
    ),
    Reason.DRAINING: ErrorRow(
        grpc.StatusCode.UNAVAILABLE, True, "the server is stopping; try again"
    ),
    Reason.INTERNAL: ErrorRow(
        grpc.StatusCode.INTERNAL, False, "internal error; the server's log has it under {error_id}"
    ),
}


_RETRYABLE_CODES = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
)


class HoldfastError(Exception):
    """A request that was not judged.

    Attributes: `reason` (None if the error did not come from Holdfast, such as a refused
    connection), `code` (the gRPC status), `message`, `metadata` (the values of the message).
    """

    def __init__(
        self,
        reason: Reason | None,
        code: grpc.StatusCode,
        message: str,
        metadata: dict[str, str],
        retry_after_ms: int | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.code = code
        self.message = message
        self.metadata = metadata
        self.retry_after_ms = retry_after_ms

    @classmethod
    def of(cls, reason: Reason, **metadata: object) -> Self:
        """The error of a reason; `metadata` fills its message."""
        row = ERRORS[reason]
        texts = {name: str(value) for name, value in metadata.items()}
        return cls(reason, row.code, row.message.format(**texts), texts)

    @classmethod
    def from_parts(cls, reason: str, message: str, metadata: dict[str, str]) -> Self:
        """The error of one command of many, as its answer names it."""
        known = Reason.__members__.get(reason)
        code = ERRORS[known].code if known else grpc.StatusCode.UNKNOWN
        retry_after_ms = metadata.get("retry_after_ms", "")
        pause_ms = (
            int(retry_after_ms) if retry_after_ms.isascii() and retry_after_ms.isdigit() else None
        )
        return cls(known, code, message, metadata, pause_ms)

    def details(self) -> bytes:
        """The error as google.rpc.Status, with its one ErrorInfo: what the trailer has."""
        info = error_pb2.ErrorInfo(
            reason=self.reason or Reason.INTERNAL, domain=DOMAIN, metadata=self.metadata
        )
        detail = Any(type_url=_ERROR_INFO, value=info.SerializeToString())
        status = error_pb2.Status(code=self.code.value[0], message=self.message, details=[detail])
        return status.SerializeToString()

    @classmethod
    def from_rpc(cls, error: grpc.RpcError) -> Self:
        """The error that a call ended with, read from its ErrorInfo."""
        code = error.code()
        trailers = trailers_of(error)
        pushback = trailers.get("grpc-retry-pushback-ms")
        text = str(pushback or "")
        retry_after_ms = int(text) if text.isascii() and text.isdigit() else None
        info = error_info(error)
        if info is None:
            return cls(None, code, error.details() or code.name, {}, retry_after_ms)
        reason = Reason.__members__.get(info.reason)
        return cls(reason, code, error.details() or "", dict(info.metadata), retry_after_ms)

    def again(self) -> Self:
        """A copy to raise for another caller: each raise writes its traceback into the error."""
        return type(self)(self.reason, self.code, self.message, self.metadata, self.retry_after_ms)

    @property
    def retryable(self) -> bool:
        """Whether the same request, sent again with the same ids, can do better.

        An error without a reason of ours comes from gRPC itself: UNAVAILABLE (no connection),
        DEADLINE_EXCEEDED (no answer) and a CANCELLED nobody asked for (gRPC core drops calls above
        its pending limit) can be retried.
        """
        if self.reason is None:
            return self.code in _RETRYABLE_CODES
        return ERRORS[self.reason].retryable


def error_info(error: grpc.RpcError) -> error_pb2.ErrorInfo | None:
    """The ErrorInfo of domain `holdfast` that a call's error carries, if any."""
    packed = trailers_of(error).get(DETAILS_TRAILER)
    if not isinstance(packed, bytes):
        return None
    for detail in error_pb2.Status.FromString(packed).details:
        if detail.type_url == _ERROR_INFO:
            info = error_pb2.ErrorInfo.FromString(detail.value)
            if info.domain == DOMAIN:
                return info
    return None


def trailers_of(error: grpc.RpcError) -> dict[str, str | bytes]:
    """The trailers of a call that ended with an error, by name."""
    # Not dict(...): the Metadata of older versions of grpc.aio has keys(), but not those of a dict.
    return {name: value for name, value in error.trailing_metadata() or ()}  # noqa: C416
