"""Commands of many callers that travel as few messages: spread over streams, batched on each."""

import time

from holdfast import wire
from holdfast.batching.apply_stream import ApplyStream
from holdfast.batching.call_by_call import CallByCall, Submitted, closed
from holdfast.batching.group_commit import GroupCommit
from holdfast.bounds import LINES_MAX
from holdfast.calls import Calls
from holdfast.commands import Command
from holdfast.types import Result

WAITING_COMMANDS_MAX_DEFAULT = 20_000
"""Commands that may wait in a client to be sent."""
# A larger message hardly lowers the cost of a command. Further commands go over the next
# connection, to a worker that may have less to do.
COMMANDS_ENOUGH = 100


class _Place:
    """The queue of a reservation as long as any of its commands is under way."""

    __slots__ = ("calls", "queue")

    def __init__(self, queue: GroupCommit) -> None:
        self.queue = queue
        self.calls = 0


class Batching:
    """Group commit over each of some connections.

    The first connection takes all it can, so that few commands make few messages. Commands of a
    reservation follow its commands that are under way over the same connection, and so keep their
    order.

    Deadlines and attempts are those of `calls`, which also sends the commands that have to travel
    alone. Connections are opened with the first command, and belong to the event loop it came from.
    """

    def __init__(self, calls: Calls, waiting_commands_max: int) -> None:
        self._calls = calls
        self._waiting_commands_max = waiting_commands_max
        self._queues: list[GroupCommit] = []
        self._places: dict[str, _Place] = {}
        self._closed = False

    async def judge(self, command: Command, tenant: str, timeout_ms: int | None) -> Result:
        """Sends a command, for `tenant` if it names none. Raises HoldfastError."""
        timeout_s = (self._calls.timeout_ms if timeout_ms is None else timeout_ms) / 1_000
        queues = self._queues or self._opened()
        packed = wire.packed(command, tenant)
        submitted = Submitted(
            tenant if command.tenant is None else command.tenant,
            command.reservation_id,
            packed,
            len(getattr(command, "lines", ())),
            time.monotonic() + timeout_s,
            queues[0].loop.create_future(),
        )
        if submitted.lines > LINES_MAX:
            return await self._ask(submitted)
        place = self._places.get(submitted.reservation_id)
        if place is None:
            place = self._places[submitted.reservation_id] = _Place(_next_queue(queues))
        place.calls += 1
        try:
            return await place.queue.judge(submitted)
        finally:
            place.calls -= 1
            if not place.calls:
                del self._places[submitted.reservation_id]

    async def close(self) -> None:
        """Ends every call with an error, and leaves no task behind."""
        self._closed = True
        for queue in self._queues:
            await queue.close()

    def _opened(self) -> list[GroupCommit]:
        """The queues, made for the event loop that runs now."""
        if self._closed:
            raise closed()
        attempts_max = self._calls.attempts_max
        connections = self._calls.connections
        waiting_max = max(1, self._waiting_commands_max // len(connections))
        self._queues = [
            GroupCommit(
                ApplyStream(connection.channel),
                CallByCall(self._ask),
                attempts_max,
                waiting_max,
                self._calls.budget,
            )
            for connection in connections
        ]
        return self._queues

    async def _ask(self, submitted: Submitted) -> Result:
        rpc, request = wire.unpacked(submitted.packed)
        left_ms = (submitted.deadline_s - time.monotonic()) * 1_000
        attempts_max = self._calls.attempts_max
        if attempts_max is not None:
            attempts_max = max(1, attempts_max - submitted.attempts)
        answer = await self._calls.call(rpc, request, left_ms, attempts_max)
        return wire.value_of(answer, Result)


def _next_queue(queues: list[GroupCommit]) -> GroupCommit:
    """The first with room in a message that is worth its cost, or else the shortest."""
    for queue in queues:
        if queue.length < COMMANDS_ENOUGH:
            return queue
    return min(queues, key=lambda queue: queue.length)
