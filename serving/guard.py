"""The edge of every RPC: what a handler raises becomes an error of the contract.

A client sees a reason from `holdfast.errors` or INTERNAL with an id that the log knows; never the
text of an exception. What a server's own exceptions mean is a table of its own (`Translations`).
Handlers are wrapped when they are registered, so none can be forgotten and no interceptor costs
each call a hop.
"""

import asyncio
import inspect
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from time import perf_counter
from typing import Any, TypeAlias

import grpc
import grpc.aio
import structlog
from google.protobuf.message import DecodeError

from holdfast.errors import DETAILS_TRAILER, HoldfastError, Reason
from serving.metrics import CallMetrics, MethodMetrics

log = structlog.get_logger()


Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
"""The context that gRPC hands to every handler."""

Translations = Mapping[type[Exception], Callable[[Any], HoldfastError]]
"""The error on the wire for each exception that a server may meet."""


class Guarded:
    """A servicer whose public methods end in an answer or in an error of the contract.

    `gate` is asked before each call; what it raises is the answer. `metrics` count how calls end.
    """

    def __init__(
        self,
        servicer: Any,
        metrics: CallMetrics,
        translations: Translations,
        gate: Callable[[], None] = lambda: None,
    ) -> None:
        self._translations = translations
        self._gate = gate
        method: Any
        for name, method in inspect.getmembers(servicer, callable):
            if name[0].isupper():
                guard = self._streaming if inspect.isasyncgenfunction(method) else self._unary
                setattr(self, name, guard(method, metrics.of_method(name)))

    def _unary(
        self, method: Callable[[Any, Any], Awaitable[Any]], metrics: MethodMetrics
    ) -> Callable[[Any, Any], Awaitable[Any]]:
        """A method that answers once."""
        gate = self._gate

        async def guarded(request: Any, context: Context) -> Any:
            started_s = perf_counter()
            try:
                gate()
                if request is None:
                    raise DecodeError
                answer = await method(request, context)
            except BaseException as error:  # noqa: BLE001 - this is the edge: nothing may pass it
                await self._end(error, context, metrics, perf_counter() - started_s)
            else:
                metrics.answered(perf_counter() - started_s)
                return answer

        return guarded

    def _streaming(
        self, method: Callable[[Any, Any], AsyncIterator[Any]], metrics: MethodMetrics
    ) -> Callable[[Any, Any], AsyncIterator[Any]]:
        """A method that answers with a stream."""
        gate = self._gate

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
                await self._end(error, context, metrics, perf_counter() - started_s)
            else:
                metrics.answered(perf_counter() - started_s)

        return guarded

    async def _end(
        self, error: BaseException, context: Context, metrics: MethodMetrics, seconds: float
    ) -> None:
        """Ends the call with what an error means, or raises it again if it is not the caller's."""
        if isinstance(error, asyncio.CancelledError):
            if context.cancelled():
                metrics.failed("CANCELLED", "CANCELLED", seconds)
                raise error
            # Raised by something this call stood on, not by the caller: gRPC would leave the caller
            # waiting for its deadline.
            error = HoldfastError.of(Reason.STORE_UNREACHABLE)
        elif isinstance(error, grpc.aio.BaseError) or not isinstance(error, Exception):
            # gRPC's own: the call was aborted, or the server has stopped and a stream with it.
            raise error
        failure = contract_error(error, self._translations)
        metrics.failed(failure.code.name, failure.reason or "", seconds)
        await abort(context, failure)


async def abort(context: Context, error: HoldfastError) -> None:
    """Ends a call with an error of the contract."""
    trailers: tuple[tuple[str, str | bytes], ...] = ((DETAILS_TRAILER, error.details()),)
    if error.retry_after_ms is not None:
        trailers += (("grpc-retry-pushback-ms", str(error.retry_after_ms)),)
    context.set_trailing_metadata(trailers)
    await context.abort(error.code, error.message, trailers)


def contract_error(error: Exception, translations: Translations) -> HoldfastError:
    """The error of the contract that an exception means."""
    if isinstance(error, HoldfastError):
        return error
    translate = translations.get(type(error))
    if translate is not None:
        return translate(error)
    error_id = secrets.token_hex(6)
    log.error("internal error", error_id=error_id, exc_info=error)
    return HoldfastError.of(Reason.INTERNAL, error_id=error_id)
