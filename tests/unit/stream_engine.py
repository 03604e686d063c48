"""A real gRPC server in the test's own event loop: it tells what came in which message, and answers
when and how the test wants it to.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import grpc
import grpc.aio

from holdfast.client import Client
from holdfast.errors import HoldfastError
from holdfast.inventory.v1 import inventory_pb2 as pb
from holdfast.inventory.v1 import inventory_pb2_grpc as pb_grpc
from holdfast.types import Result
from serving.guard import abort
from tests.waiting import eventually

LINE = [("A", 1)]
Failure: TypeAlias = HoldfastError | Any
"""An error of ours, or a bare status (`grpc.StatusCode`) as gRPC itself ends calls."""
APPLIED = pb.CommandResult(outcome=pb.OUTCOME_APPLIED, state=pb.Reservation.RESERVED)


class StreamEngine:
    """Applies every command, but for what the test changes about it."""

    def __init__(self) -> None:
        self.target = ""
        self.messages: list[list[Any]] = []
        """The commands of each message of a stream, in order of arrival."""
        self.alone: list[Any] = []
        """The commands that came in calls of their own."""
        self.peers: dict[str, set[str]] = {}
        """The connections over which the commands of a reservation came."""
        self.answering = asyncio.Event()
        """Messages wait for this before they are answered."""
        self.answering.set()
        self.failures: list[Failure] = []
        """How the next messages end."""
        self.guilty: dict[str, Failure] = {}
        """Reservations whose command fails, and with it the message it is in."""
        self.answers: dict[str, pb.CommandResult] = {}
        """The answer for a reservation, if not APPLIED."""
        self.answers_left_out = 0
        self.ends_streams = False
        """Whether a stream ends after its first answer."""

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[None]:
        """Serves while the context lasts."""
        server = grpc.aio.server()
        servicer: Any = self
        pb_grpc.add_InventoryServiceServicer_to_server(servicer, server)
        self.target = f"127.0.0.1:{server.add_insecure_port(f'127.0.0.1:{port}')}"
        await server.start()
        try:
            yield
        finally:
            await server.stop(None)

    async def messages_are(self, count: int) -> None:
        """Waits until so many messages have come in."""

        async def are() -> bool:
            return len(self.messages) >= count

        await eventually(are)

    @property
    def sizes(self) -> list[int]:
        """The number of commands of each message."""
        return [len(message) for message in self.messages]

    async def ApplyStream(
        self, requests: AsyncIterator[pb.ApplyRequest], context: Any
    ) -> AsyncIterator[pb.ApplyResponse]:
        async for request in requests:
            asked = [getattr(one, str(one.WhichOneof("kind"))) for one in request.commands]
            self.messages.append(asked)
            for one in asked:
                self.peers.setdefault(one.reservation_id, set()).add(context.peer())
            await self.answering.wait()
            if self.failures:
                await _end(context, self.failures.pop(0))
            for one in asked:
                await self._check(one, context)
            results = [self._answer(one) for one in asked]
            yield pb.ApplyResponse(results=results[self.answers_left_out :])
            if self.ends_streams:
                return

    async def _alone(self, request: Any, context: Any) -> pb.CommandResult:
        self.alone.append(request)
        self.peers.setdefault(request.reservation_id, set()).add(context.peer())
        await self._check(request, context)
        return self._answer(request)

    Reserve = Confirm = Release = Extend = Ship = Cancel = Return = _alone
    Apply = GetReservation = GetReservations = ListReservations = GetStock = None

    async def _check(self, request: Any, context: Any) -> None:
        if request.reservation_id in self.guilty:
            await _end(context, self.guilty[request.reservation_id])

    def _answer(self, request: Any) -> pb.CommandResult:
        return self.answers.get(request.reservation_id, APPLIED)


async def _end(context: Any, failure: Failure) -> None:
    if isinstance(failure, HoldfastError):
        await abort(context, failure)
    await context.abort(failure, "")


def reserved(client: Client, *ids: str, **options: Any) -> list["asyncio.Task[Result]"]:
    """A task for each id that reserves it."""
    return [asyncio.create_task(client.reserve(one, LINE, **options)) for one in ids]


def numbered(count: int) -> list[str]:
    return [f"r{number}" for number in range(count)]
