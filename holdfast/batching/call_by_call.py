"""Commands on their way, and those that travel one by one, each as a call of its own.

Where a message failed as a whole because of one command in it, each of its commands is asked for
alone, so that only the guilty one gets the error. Those of one reservation go one after the other,
in the order they were submitted; later ones queue up behind them.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator

import grpc

from holdfast.errors import HoldfastError
from holdfast.types import Result
from holdfast.wire import Answer


class Submitted:
    """One command of one caller, packed as an ApplyRequest of its own.

    `deadline_s` is in the time of `time.monotonic`. The future `answer` never fails: an error is an
    answer, too, so that nobody has to fetch it who has gone away.
    """

    __slots__ = ("answer", "attempts", "deadline_s", "lines", "packed", "reservation_id", "tenant")

    def __init__(
        self,
        tenant: str,
        reservation_id: str,
        packed: bytes,
        lines: int,
        deadline_s: float,
        answer: "asyncio.Future[Answer]",
    ) -> None:
        self.tenant = tenant
        self.reservation_id = reservation_id
        self.packed = packed
        self.lines = lines
        self.deadline_s = deadline_s
        self.answer = answer
        self.attempts = 0

    @property
    def open(self) -> bool:
        """Whether somebody still waits for the answer."""
        return not self.answer.done()

    def end(self, found: Answer) -> None:
        """Tells the caller, if one still waits."""
        if not self.answer.done():
            self.answer.set_result(found)


def closed() -> HoldfastError:
    """The error of a call whose client was closed."""
    return HoldfastError(None, grpc.StatusCode.CANCELLED, "the client was closed", {})


class CallByCall:
    """The queues of the reservations whose commands travel alone, by reservation id.

    `ask` makes the call of a command. Iterates over the commands.
    """

    def __init__(self, ask: Callable[[Submitted], Awaitable[Result]]) -> None:
        self._ask = ask
        self._queues: dict[str, deque[Submitted]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[Submitted]:
        for queue in self._queues.values():
            yield from queue

    def takes(self, submitted: Submitted) -> bool:
        """Takes a command if earlier ones of its reservation are here."""
        queue = self._queues.get(submitted.reservation_id)
        if queue is None:
            return False
        queue.append(submitted)
        return True

    def take(self, commands: Iterable[Submitted]) -> None:
        """Takes commands, in their order."""
        for submitted in commands:
            if not self.takes(submitted):
                self._queues[submitted.reservation_id] = deque([submitted])
                task = asyncio.create_task(self._run(submitted.reservation_id))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Ends the calls under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, reservation_id: str) -> None:
        queue = self._queues[reservation_id]
        try:
            while queue:
                if queue[0].open:
                    await self._answer(queue[0])
                queue.popleft()
        finally:
            del self._queues[reservation_id]
            for submitted in queue:
                submitted.end(closed())

    async def _answer(self, submitted: Submitted) -> None:
        try:
            submitted.end(await self._ask(submitted))
        except HoldfastError as error:
            submitted.end(error)
