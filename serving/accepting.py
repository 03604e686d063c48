"""A gRPC server that takes in calls several at a time.

grpc.aio asks gRPC for one call, and for the next when it has begun that one: each costs a wake of
gRPC's thread, and one of the event loop. Here CALLS_AHEAD are asked for beforehand, so that those
that come together are handed over together: that is a quarter of what an empty call costs, and
what lets the engine judge calls in larger batches.

It also asks for the calls of each registered method apart, and at every call waits for all of them
anew; so no method is registered, and all are found by name.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import grpc
import grpc.aio
from grpc._cython import cygrpc
from grpc.aio._server import Server

CALLS_AHEAD: Final = 16
STOPPING: Final = "the server is stopping"

Options = Sequence[tuple[str, Any]]


class _AcceptsAhead(cygrpc.AioServer):  # type: ignore[misc]
    """Gives grpc.aio's own loop, which begins one call after another, the next that has come.

    gRPC may have handed over calls that this loop, when the server stops, does not begin any more:
    they are refused, and may be sent again.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, options: Options) -> None:
        super().__init__(loop, None, (), (), options, None)
        self._events = loop
        self._asked: set[asyncio.Task[Any]] = set()
        self._come: deque[asyncio.Task[Any]] = deque()
        self._next: asyncio.Future[Any] | None = None
        self._refusals: set[asyncio.Task[None]] = set()
        self._ended = False

    @property
    def calls_asked_for(self) -> int:
        """The number of calls that gRPC may hand over at once."""
        return len(self._asked)

    def _make_request_call_future(self, method: bytes | None) -> Any:
        """The next call. grpc.aio asks for it when it has begun the one before."""
        assert method is None, f"{method!r} is registered"
        while len(self._asked) + len(self._come) < CALLS_AHEAD:
            asked = self._events.create_task(self._request_call())
            self._asked.add(asked)
            asked.add_done_callback(self._on_call)
        if self._come:
            return self._come.popleft()
        self._next = self._events.create_future()
        return self._next

    def _on_call(self, call: asyncio.Task[Any]) -> None:
        """Takes a call, or why there is none."""
        self._asked.discard(call)
        if self._next is None or self._next.done():
            self._come.append(call)
        elif (failure := call.exception()) is not None:
            self._next.set_exception(failure)
        else:
            self._next.set_result(call.result())
        if self._ended:
            self._refuse_rest()

    async def _server_main_loop(self, started: "asyncio.Future[bool]") -> None:
        try:
            await super()._server_main_loop(started)
        finally:
            self._ended = True
            self._refuse_rest()

    def _refuse_rest(self) -> None:
        while self._come:
            call = self._come.popleft()
            if call.exception() is None:
                refusal = self._events.create_task(self._refuse(call.result()))
                self._refusals.add(refusal)
                refusal.add_done_callback(self._refusals.discard)

    async def _refuse(self, call: Any) -> None:
        code, _ = grpc.StatusCode.UNAVAILABLE.value
        first = cygrpc.SendInitialMetadataOperation((), 0)
        with suppress(grpc.aio.InternalError):  # its caller is gone
            await cygrpc._send_error_status_from_server(
                call, code, STOPPING, (), first, self._events
            )


class AcceptingServer(Server):  # type: ignore[misc]
    """A grpc.aio server that accepts calls ahead, and finds each method by its name."""

    def __init__(self, options: Options) -> None:
        self._loop = asyncio.get_running_loop()
        self._server = _AcceptsAhead(self._loop, options)

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """Does nothing: generated code gives the same handlers by name, too."""
