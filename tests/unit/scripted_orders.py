"""A real gRPC server on 127.0.0.1 that plays the order service as a test tells it to."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pool
from google.protobuf.message_factory import GetMessageClass

from holdfast.cli.__main__ import run
from holdfast.errors import DETAILS_TRAILER, HoldfastError
from holdfast.order_channel import RPCS
from tests.e2e.ran import Ran

_REQUEST_OF = {rpc.partition(".")[2]: name for name, rpc in RPCS.items()}


class ScriptedOrders(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    """Answers each RPC with what `answers` has under its name: a message, a status as gRPC itself
    ends calls, an error of ours, or what makes one of those from the request. Keeps `requests`.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.requests: list[Any] = []
        self._server = grpc.server(ThreadPoolExecutor(max_workers=2), handlers=(self,))
        self.target = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def stop(self) -> None:
        self._server.stop(grace=None).wait()

    def asked(self, kind: type[Any]) -> list[Any]:
        """The requests of a kind that have come."""
        return [request for request in self.requests if isinstance(request, kind)]

    def service(self, details: Any) -> Any:
        """The handler that grpc asks for: how a call is answered."""
        rpc = details.method.rpartition("/")[2]
        named = descriptor_pool.Default().FindMessageTypeByName(_REQUEST_OF[rpc])
        kind = GetMessageClass(named)
        return grpc.unary_unary_rpc_method_handler(
            self._answering(rpc),
            request_deserializer=kind.FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )

    def _answering(self, rpc: str) -> Callable[[Any, grpc.ServicerContext], Any]:
        def answer(request: Any, context: grpc.ServicerContext) -> Any:
            self.requests.append(request)
            said = self.answers[rpc]
            said = said(request) if callable(said) else said
            if isinstance(said, grpc.StatusCode):
                context.abort(said, "")
            if isinstance(said, HoldfastError):
                context.set_trailing_metadata(((DETAILS_TRAILER, said.details()),))
                context.abort(said.code, said.message)
            return said

        return answer


class Commands:
    """Runs commands against a scripted service; the words of a line are split at spaces."""

    def __init__(self, service: ScriptedOrders, capsys: pytest.CaptureFixture[str]) -> None:
        self.service = service
        self._capsys = capsys

    def __call__(self, line: str, *more: str) -> Ran:
        arguments = [*line.split(), *more, "--orders-target", self.service.target]
        return Ran(run(arguments), *self._capsys.readouterr())
