"""The edge of every RPC: what a handler raises becomes an error of the contract.

A client sees a reason from `holdfast.errors` or INTERNAL with an id that the log knows; never the
text of an exception. Handlers are wrapped when they are registered, so none can be forgotten and
no interceptor costs each call a hop.
"""

import asyncio
import inspect
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from time import perf_counter
from typing import Any

import grpc
import grpc.aio
import structlog
from google.protobuf.message import DecodeError
from grpc_status import rpc_status

from engine import errors as engine_errors
from holdfast.errors import HoldfastError, Reason
from server.context import Context
from server.metrics import CallMetrics, ServerMetrics

log = structlog.get_logger()


class Guarded:
    """A servicer whose public methods end in an answer or in an error of the contract.

    `gate` is asked before each call; what it raises is the answer. `metrics` count how calls end.
    """

    def __init__(
        self, servicer: Any, metrics: ServerMetrics, gate: Callable[[], None] = lambda: None
    ) -> None:
        method: Any
        for name, method in inspect.getmembers(servicer, callable):
            if name[0].isupper():
                guard = _streaming if inspect.isasyncgenfunction(method) else _unary
                setattr(self, name, guard(method, metrics.of_method(name), gate))


def _unary(
    method: Callable[[Any, Any], Awaitable[Any]], metrics: CallMetrics, gate: Callable[[], None]
) -> Callable[[Any, Any], Awaitable[Any]]:
    async def guarded(request: Any, context: Context) -> Any:
        started_s = perf_counter()
        try:
            gate()
            if request is None:
                raise DecodeError
            answer = await method(request, context)
        except BaseException as error:  # noqa: BLE001 - this is the edge: nothing may pass it
            await _end(error, context, metrics, perf_counter() - started_s)
        else:
            metrics.answered(perf_counter() - started_s)
            return answer

    return guarded


def _streaming(
    method: Callable[[Any, Any], AsyncIterator[Any]],
    metrics: CallMetrics,
    gate: Callable[[], None],
) -> Callable[[Any, Any], AsyncIterator[Any]]:
    async def guarded(request: Any, context: Context) -> AsyncIterator[Any]:
        started_s = perf_counter()
        try:
            gate()
            if request is None:
                raise DecodeError
            async for response in method(request, context):
                yield response
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001 - this is the edge: nothing may pass it
            await _end(error, context, metrics, perf_counter() - started_s)
        else:
            metrics.answered(perf_counter() - started_s)

    return guarded


async def _end(
    error: BaseException, context: Context, metrics: CallMetrics, seconds: float
) -> None:
    """Ends the call with what an error means, or raises it again if it is not the caller's."""
    if isinstance(error, asyncio.CancelledError):
        if context.cancelled():
            metrics.failed("CANCELLED", "CANCELLED", seconds)
            raise error
        # Raised by something this call stood on, not by the caller: gRPC would leave the caller
        # waiting for its deadline.
        error = engine_errors.StoreUnreachable("cancelled")
    elif isinstance(error, grpc.aio.BaseError) or not isinstance(error, Exception):
        # gRPC's own: the call was aborted, or the server has stopped and a stream with it.
        raise error
    failure = contract_error(error)
    metrics.failed(failure.code.name, failure.reason or "", seconds)
    await abort(context, failure)


async def abort(context: Context, error: HoldfastError) -> None:
    """Ends a call with an error of the contract."""
    status = rpc_status.to_status(error.to_status())
    trailers = tuple(status.trailing_metadata)
    if error.retry_after_ms is not None:
        trailers += (("grpc-retry-pushback-ms", str(error.retry_after_ms)),)
    context.set_trailing_metadata(trailers)
    await context.abort(status.code, status.details, trailers)


def contract_error(error: Exception) -> HoldfastError:
    """The error of the contract that an exception means."""
    if isinstance(error, HoldfastError):
        return error
    translate = _TRANSLATIONS.get(type(error))
    if translate is not None:
        return translate(error)
    error_id = secrets.token_hex(6)
    log.error("internal error", error_id=error_id, exc_info=error)
    return HoldfastError.of(Reason.INTERNAL, error_id=error_id)


def _refuses(error: engine_errors.StoreRefuses) -> HoldfastError:
    # The first word is the store's error code; the rest may hold addresses and settings.
    return HoldfastError.of(Reason.STORE_REFUSES, store_error=str(error).partition(" ")[0])


def _corrupt(error: engine_errors.StoreCorrupt) -> HoldfastError:
    error_id = secrets.token_hex(6)
    log.error("the store is corrupt", error_id=error_id, key=error.key, problem=str(error))
    return HoldfastError.of(Reason.STORE_CORRUPT, key=error.key, error_id=error_id)


def _overloaded(error: engine_errors.Overloaded) -> HoldfastError:
    refusal = HoldfastError.of(Reason.OVERLOADED, retry_after_ms=error.retry_after_ms)
    refusal.retry_after_ms = error.retry_after_ms
    return refusal


# What is on the wire for each of the engine's errors (a test asserts that none is missing), for a
# read that deadlines.py ended, and for a request that decoding.py could not decode.
_TRANSLATIONS: dict[type[Exception], Callable[[Any], HoldfastError]] = {
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
