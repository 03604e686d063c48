"""The edge of every RPC, in a real gRPC server: whatever a handler raises, the caller gets an error
of the contract and nothing of the exception's text.
"""

import asyncio
import string
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

import order_service
import server
import serving
from engine import errors as engine_errors
from holdfast.errors import ERRORS, HoldfastError, Reason
from holdfast.inventory.v1 import inventory_pb2 as pb
from holdfast.inventory.v1 import inventory_pb2_grpc as pb_grpc
from server.failures import TRANSLATIONS
from serving.guard import Context, Guarded
from serving.metrics import CallMetrics
from tests.serving import contract_error

ANSWER_S_MAX = 120
SECRET = "hunter2"

# An error of each class that the engine has, and the reason it is on the wire.
ENGINE_ERRORS: list[tuple[engine_errors.EngineError, Reason]] = [
    (engine_errors.StoreUnreachable(f"redis://:{SECRET}@10.0.0.5"), Reason.STORE_UNREACHABLE),
    (engine_errors.StoreRefuses("LOADING", f"from {SECRET}"), Reason.STORE_REFUSES),
    (engine_errors.StoreFull(SECRET), Reason.STORE_FULL),
    (engine_errors.StoreWentBack("shop-1"), Reason.STORE_WENT_BACK),
    (engine_errors.StoreCorrupt("holdfast:{shop-1/0}:stock", SECRET), Reason.STORE_CORRUPT),
    (engine_errors.Overloaded(retry_after_ms=1_234), Reason.OVERLOADED),
    (engine_errors.DeadlinePassed(), Reason.DEADLINE_PASSED),
    (engine_errors.Draining(), Reason.DRAINING),
]


class Raising:
    """Raises what it was made with, from a unary method and in the middle of a stream."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    async def Reserve(self, request: pb.ReserveRequest, context: Context) -> pb.CommandResult:
        await asyncio.sleep(0)
        raise self._error

    async def ApplyStream(
        self, requests: AsyncIterator[pb.ApplyRequest], context: Context
    ) -> AsyncIterator[pb.ApplyResponse]:
        yield pb.ApplyResponse()
        async for _ in requests:
            raise self._error


@asynccontextmanager
async def served(
    servicer: object, gate: Callable[[], None] = lambda: None
) -> AsyncIterator[pb_grpc.InventoryServiceStub]:
    """A stub of a guarded servicer in a server of this process."""
    guarded: Any = Guarded(servicer, CallMetrics(CollectorRegistry()), TRANSLATIONS, gate)
    handlers = {}
    if hasattr(guarded, "Reserve"):
        handlers["Reserve"] = grpc.unary_unary_rpc_method_handler(
            guarded.Reserve, pb.ReserveRequest.FromString, pb.CommandResult.SerializeToString
        )
    if hasattr(guarded, "ApplyStream"):
        handlers["ApplyStream"] = grpc.stream_stream_rpc_method_handler(
            guarded.ApplyStream, pb.ApplyRequest.FromString, pb.ApplyResponse.SerializeToString
        )
    grpc_server = grpc.aio.server()
    service = "holdfast.inventory.v1.InventoryService"
    grpc_server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    port = grpc_server.add_insecure_port("127.0.0.1:0")
    await grpc_server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield pb_grpc.InventoryServiceStub(channel)
    finally:
        await grpc_server.stop(None)


async def unary_error(stub: pb_grpc.InventoryServiceStub) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Reserve(pb.ReserveRequest(), timeout=ANSWER_S_MAX)
    return caught.value


async def streaming_error(stub: pb_grpc.InventoryServiceStub) -> grpc.aio.AioRpcError:
    # Not from an iterator: one that ends as the server aborts hides the error (grpc/grpc#36066).
    call = stub.ApplyStream(timeout=ANSWER_S_MAX)
    assert await call.read() == pb.ApplyResponse()
    await call.write(pb.ApplyRequest())
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()
    return caught.value


Call = Callable[[pb_grpc.InventoryServiceStub], Any]
one_loop = pytest.mark.asyncio(loop_scope="session")
both_kinds = pytest.mark.parametrize("call", [unary_error, streaming_error])


def wire_of(error: grpc.aio.AioRpcError) -> str:
    """All that the caller was sent."""
    trailers = [*(error.initial_metadata() or ()), *(error.trailing_metadata() or ())]
    return f"{error.details()} {trailers} {error.debug_error_string()}"


def all_kinds(error: type[Exception]) -> set[type[Exception]]:
    kinds = set(error.__subclasses__())
    return kinds.union(*(all_kinds(kind) for kind in kinds))


@one_loop
@both_kinds
@pytest.mark.parametrize(("error", "reason"), ENGINE_ERRORS)
async def test_an_error_of_the_engine_is_one_of_the_contract(
    call: Call, error: engine_errors.EngineError, reason: Reason
) -> None:
    with capture_logs():
        async with served(Raising(error)) as stub:
            seen = await call(stub)
    assert contract_error(seen).reason is reason
    assert SECRET not in wire_of(seen)


def test_no_error_of_the_engine_is_without_a_reason() -> None:
    assert {type(error) for error, _ in ENGINE_ERRORS} == all_kinds(engine_errors.EngineError)


def test_every_reason_has_a_row_and_is_raised_somewhere_in_a_server() -> None:
    assert set(ERRORS) == set(Reason)
    rooms = (Path(package.__file__ or "").parent for package in (server, serving, order_service))
    source = "".join(path.read_text() for room in rooms for path in room.rglob("*.py"))
    assert [reason for reason in Reason if f"Reason.{reason.name}" not in source] == []


@one_loop
@pytest.mark.parametrize("reason", Reason)
async def test_an_error_arrives_as_it_was_raised(reason: Reason) -> None:
    names = [name for _, name, _, _ in string.Formatter().parse(ERRORS[reason].message) if name]
    raised = HoldfastError.of(reason, **{name: f"{name} é 7" for name in names})
    async with served(Raising(raised)) as stub:
        arrived = contract_error(await unary_error(stub))
    assert (arrived.reason, arrived.code, arrived.message, arrived.metadata) == (
        raised.reason,
        raised.code,
        raised.message,
        raised.metadata,
    )
    assert arrived.retryable == ERRORS[reason].retryable


@one_loop
async def test_overload_says_when_to_come_back() -> None:
    async with served(Raising(engine_errors.Overloaded(retry_after_ms=1_234))) as stub:
        error = await unary_error(stub)
    assert dict(error.trailing_metadata() or ())["grpc-retry-pushback-ms"] == "1234"
    assert contract_error(error).retry_after_ms == 1_234


@one_loop
@both_kinds
@pytest.mark.parametrize(
    "error",
    [
        ValueError(f"secret={SECRET}"),
        KeyError(SECRET),
        AssertionError(SECRET),
        LookupError(SECRET),
        ExceptionGroup(SECRET, [ValueError(SECRET)]),
    ],
)
async def test_the_text_of_an_exception_stays_in_the_log(call: Call, error: Exception) -> None:
    with capture_logs() as logged:
        async with served(Raising(error)) as stub:
            seen = await call(stub)
    refused = contract_error(seen)
    assert refused.reason is Reason.INTERNAL
    assert SECRET not in wire_of(seen)
    (record,) = [record for record in logged if record["event"] == "internal error"]
    assert record["error_id"] == refused.metadata["error_id"]
    assert SECRET in repr(record["exc_info"])


@one_loop
async def test_a_timeout_is_a_deadline_that_passed() -> None:
    async with served(Raising(TimeoutError(SECRET))) as stub:
        error = await unary_error(stub)
    assert contract_error(error).reason is Reason.DEADLINE_PASSED
    assert SECRET not in wire_of(error)


@one_loop
async def test_two_internal_errors_have_two_ids() -> None:
    with capture_logs():
        async with served(Raising(ValueError(SECRET))) as stub:
            ids = {contract_error(await unary_error(stub)).metadata["error_id"] for _ in range(2)}
    assert len(ids) == 2


@one_loop
@both_kinds
async def test_a_cancellation_that_the_caller_did_not_ask_for_ends_the_call(call: Call) -> None:
    async with (
        asyncio.timeout(ANSWER_S_MAX / 2),
        served(Raising(asyncio.CancelledError())) as stub,
    ):
        error = contract_error(await call(stub))
    assert error.code is grpc.StatusCode.UNAVAILABLE
    assert error.retryable


@one_loop
async def test_a_caller_that_gives_up_cancels_its_handler() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    class Waiting:
        async def Reserve(self, request: pb.ReserveRequest, context: Context) -> pb.CommandResult:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
            raise AssertionError

    with capture_logs() as logged:
        async with asyncio.timeout(ANSWER_S_MAX), served(Waiting()) as stub:
            call = stub.Reserve(pb.ReserveRequest())
            await begun.wait()
            call.cancel()
            await ended.wait()
    assert logged == []


@one_loop
async def test_a_closed_gate_refuses_before_the_handler_is_asked() -> None:
    def closed() -> None:
        raise HoldfastError.of(Reason.STORE_UNSAFE, setting="s", value="v", mend="m")

    async with served(Raising(AssertionError("asked")), closed) as stub:
        assert contract_error(await unary_error(stub)).reason is Reason.STORE_UNSAFE
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.ApplyStream(timeout=ANSWER_S_MAX).read()
    assert contract_error(caught.value).reason is Reason.STORE_UNSAFE


@one_loop
async def test_an_abort_of_the_handler_is_left_as_it_is() -> None:
    class Aborting:
        async def Reserve(self, request: pb.ReserveRequest, context: Context) -> pb.CommandResult:
            await context.abort(grpc.StatusCode.DATA_LOSS, "said by the handler")
            raise AssertionError

    with capture_logs() as logged:
        async with served(Aborting()) as stub:
            error = await unary_error(stub)
    assert (error.code(), error.details()) == (grpc.StatusCode.DATA_LOSS, "said by the handler")
    assert logged == []
