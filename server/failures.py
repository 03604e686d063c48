"""The engine's errors on the wire: one table."""

import secrets
from typing import Final

import structlog
from google.protobuf.message import DecodeError

from engine import errors as engine_errors
from engine.causes import cause_of
from holdfast.errors import HoldfastError, Reason
from serving.guard import Translations

log = structlog.get_logger()


def _refuses(error: engine_errors.StoreRefuses) -> HoldfastError:
    # What the store said may hold addresses and settings; its code and what that means do not.
    cause = cause_of(error.code)
    return HoldfastError.of(
        Reason.STORE_REFUSES, store_error=error.code, cause=cause.what, next_step=cause.next_step
    )


def _corrupt(error: engine_errors.StoreCorrupt) -> HoldfastError:
    error_id = secrets.token_hex(6)
    log.error("the store is corrupt", error_id=error_id, key=error.key, problem=str(error))
    return HoldfastError.of(Reason.STORE_CORRUPT, key=error.key, error_id=error_id)


def _overloaded(error: engine_errors.Overloaded) -> HoldfastError:
    refusal = HoldfastError.of(Reason.OVERLOADED, retry_after_ms=error.retry_after_ms)
    refusal.retry_after_ms = error.retry_after_ms
    return refusal


# The wire's error for each of the engine's (a test asserts that none is missing), for a read that
# deadlines.py ended, and for a request that grpc_server.py could not decode.
TRANSLATIONS: Final[Translations] = {
    engine_errors.StoreUnreachable: lambda _: HoldfastError.of(Reason.STORE_UNREACHABLE),
    engine_errors.StoreRefuses: _refuses,
    engine_errors.StoreFull: lambda _: HoldfastError.of(Reason.STORE_FULL),
    engine_errors.StoreWentBack: lambda error: HoldfastError.of(
        Reason.STORE_WENT_BACK, tenant=error.tenant
    ),
    engine_errors.StoreCorrupt: _corrupt,
    engine_errors.Overloaded: _overloaded,
    engine_errors.DeadlinePassed: lambda _: HoldfastError.of(Reason.DEADLINE_PASSED),
    TimeoutError: lambda _: HoldfastError.of(Reason.DEADLINE_PASSED),
    engine_errors.Draining: lambda _: HoldfastError.of(Reason.DRAINING),
    DecodeError: lambda _: HoldfastError.of(
        Reason.INVALID_FIELD,
        field="request",
        problem="must be a message of this method",
        value="bytes that are none",
    ),
}
