"""A real gRPC server on 127.0.0.1 that answers what a test tells it to, in order."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from holdfast.errors import DETAILS_TRAILER, HoldfastError
from holdfast.inventory.v1 import inventory_pb2 as pb
from holdfast.inventory.v1 import inventory_pb2_grpc as pb_grpc
from holdfast.inventory.v1 import operations_pb2_grpc as operations_pb_grpc


class ScriptedEngine(
    pb_grpc.InventoryServiceServicer,
    pb_grpc.StockServiceServicer,
    operations_pb_grpc.OperationsServiceServicer,
):
    """Answers each call with the next of `answers`: a message, a list of them for a stream, an
    error of ours, or a bare status as gRPC itself ends calls. Keeps the requests in `requests` and
    the seconds each left to answer in `seconds_left`.
    """

    def __init__(self, port: int = 0) -> None:
        self.answers: list[Any] = []
        self.requests: list[Any] = []
        self.seconds_left: list[float] = []
        self._server = grpc.server(ThreadPoolExecutor(max_workers=4))
        pb_grpc.add_InventoryServiceServicer_to_server(self, self._server)
        pb_grpc.add_StockServiceServicer_to_server(self, self._server)
        operations_pb_grpc.add_OperationsServiceServicer_to_server(self, self._server)
        self.target = f"127.0.0.1:{self._server.add_insecure_port(f'127.0.0.1:{port}')}"
        self._server.start()

    def stop(self) -> None:
        self._server.stop(grace=None).wait()

    def _answer(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        self.seconds_left.append(context.time_remaining())
        answer = self.answers.pop(0)
        if isinstance(answer, grpc.StatusCode):
            return context.abort(answer, "")
        if not isinstance(answer, HoldfastError):
            return answer
        trailers: list[tuple[str, str | bytes]] = [(DETAILS_TRAILER, answer.details())]
        if answer.retry_after_ms is not None:
            trailers.append(("grpc-retry-pushback-ms", str(answer.retry_after_ms)))
        context.set_trailing_metadata(trailers)
        return context.abort(answer.code, answer.message)

    def _stream(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        yield from self._answer(request, context)

    Reserve = Confirm = Release = Extend = Ship = Cancel = Return = Apply = _answer
    GetReservation = GetReservations = ListReservations = GetStock = _answer
    SetStock = SetStockLevels = AdjustStock = MoveStock = ListStock = _answer
    GetStatus = AcceptStore = AcceptClock = _answer
    Audit = _stream

    def ApplyStream(
        self, requests: Iterator[pb.ApplyRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.ApplyResponse]:
        """Answers a message's commands one by one; what each asks for counts as a request."""
        for request in requests:
            asked = [getattr(one, str(one.WhichOneof("kind"))) for one in request.commands]
            yield pb.ApplyResponse(results=[self._answer(one, context) for one in asked])
