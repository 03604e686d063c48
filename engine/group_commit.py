"""Group commit: what arrives while a batch is in flight forms the next batch.

An idle partition judges at once. Under load a batch grows by itself to what the store can do in one
step, so the cost of a step, its fsync above all, is shared. An answer leaves only when its batch is
on disk.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from engine.answers import Answer
from engine.columns import StoreCommand
from engine.errors import DeadlinePassed, Draining, EngineError, Overloaded, StoreCorrupt
from engine.model import (
    BATCH_COMMANDS_MAX,
    BATCH_LINES_MAX,
    Cancel,
    Reserve,
    Return,
    Ship,
)
from engine.partition import Partition

# Beyond this expected delay a request is refused at once rather than served too late.
QUEUE_DELAY_S_MAX = 1.0
# What a command costs in a large batch, until that has been measured. Only large batches count: a
# long queue is judged in those, and the fixed cost of a small one would make it look far longer.
_COMMAND_S_FIRST_GUESS = 0.00005
_LARGE_BATCH_COMMANDS = 100
_SMOOTHING = 0.1

# How often to look for those whose deadline has passed; a timer for each would cost each call.
WATCH_S = 0.1

Answers = list[Answer]


class _Request:
    """Some commands of one caller, judged in one batch."""

    __slots__ = ("answers", "commands", "deadline", "lines")

    def __init__(
        self, commands: Sequence[StoreCommand], deadline: float, answers: "asyncio.Future[Answers]"
    ) -> None:
        self.commands = commands
        self.deadline = deadline
        self.answers = answers
        self.lines = sum(
            len(command.lines)
            for command in commands
            if isinstance(command, Reserve | Ship | Cancel | Return)
        )


class GroupCommit:
    """The queue of one partition, and the task that empties it batch by batch."""

    def __init__(self, partition: Partition, on_failure: Callable[[EngineError], None]) -> None:
        self.partition = partition
        self._on_failure = on_failure
        self._loop = asyncio.get_running_loop()
        self._queue: deque[_Request] = deque()
        self._queued_commands = 0
        self._command_s = _COMMAND_S_FIRST_GUESS
        self._awake = asyncio.Event()
        self._closing = False
        self._in_flight: list[_Request] = []
        self._watch: asyncio.TimerHandle | None = None
        self._task = self._loop.create_task(self._run())

    def submit(
        self, commands: Sequence[StoreCommand], deadline: float
    ) -> "asyncio.Future[Answers]":
        """Queues commands to be judged in one batch, in order.

        `deadline` is in the event loop's time. The future gets the answers, or an `EngineError`.
        Cancelling it takes the commands back if they have not been sent. Raises `Overloaded`.
        """
        if self._closing:
            raise Draining
        delay_s = self._queued_commands * self._command_s
        if delay_s > QUEUE_DELAY_S_MAX:
            raise Overloaded(retry_after_ms=int(delay_s * 1000))
        request = _Request(commands, deadline, self._loop.create_future())
        self._queue.append(request)
        self._queued_commands += len(commands)
        self._awake.set()
        if self._watch is None:
            self._watch = self._loop.call_later(WATCH_S, self._end_overdue)
        return request.answers

    @property
    def idle(self) -> bool:
        """Whether nothing is queued or in flight."""
        return not self._queue and not self._in_flight

    def close(self) -> None:
        """Takes nothing new, and ends once what is queued has been judged."""
        self._closing = True
        self._awake.set()

    async def drain(self) -> None:
        """Judges what is queued, then ends."""
        self.close()
        await self._task

    def _end_overdue(self) -> None:
        """Ends the wait of those whose deadline passes while the store is silent."""
        now = self._loop.time()
        for request in (*self._in_flight, *self._queue):
            if request.deadline < now:
                _fail(request.answers, DeadlinePassed())
        busy = bool(self._in_flight or self._queue)
        self._watch = self._loop.call_later(WATCH_S, self._end_overdue) if busy else None

    async def _run(self) -> None:
        while self._queue or not self._closing:
            if not self._queue:
                self._awake.clear()
                await self._awake.wait()
                continue
            self._in_flight = self._next_batch()
            if self._in_flight:
                await self._judge(self._in_flight)
            self._in_flight = []

    def _next_batch(self) -> list[_Request]:
        """Takes from the queue what fits into one batch; drops what nobody waits for any more."""
        batch: list[_Request] = []
        commands = lines = 0
        now = self._loop.time()
        while self._queue:
            request = self._queue[0]
            commands += len(request.commands)
            lines += request.lines
            if batch and (commands > BATCH_COMMANDS_MAX or lines > BATCH_LINES_MAX):
                break
            self._queue.popleft()
            self._queued_commands -= len(request.commands)
            if request.deadline < now and not request.answers.done():
                request.answers.set_exception(DeadlinePassed())
            if request.answers.done():
                commands -= len(request.commands)
                lines -= request.lines
            else:
                batch.append(request)
        return batch

    async def _judge(self, batch: list[_Request]) -> None:
        started = self._loop.time()
        commands = [command for request in batch for command in request.commands]
        try:
            found = await self.partition.judge(commands)
        except EngineError as failure:
            if isinstance(failure, StoreCorrupt) and len(batch) > 1:
                # Nothing was written. A damaged record must not spoil its neighbours.
                for request in batch:
                    await self._judge([request])
                return
            self._on_failure(failure)
            for request in batch:
                _fail(request.answers, failure)
            return
        except BaseException as failure:
            # Nobody may wait for ever, whatever went wrong; the caller's edge logs it.
            for request in batch:
                _fail(request.answers, failure)
            if not isinstance(failure, Exception):
                raise
            return
        if len(commands) >= _LARGE_BATCH_COMMANDS:
            command_s = (self._loop.time() - started) / len(commands)
            self._command_s += _SMOOTHING * (command_s - self._command_s)
        first = 0
        for request in batch:
            last = first + len(request.commands)
            _answer(request.answers, found[first:last])
            first = last


def _answer(future: "asyncio.Future[Answers]", found: Sequence[Answer | EngineError]) -> None:
    if future.done():
        return
    for answer in found:
        if isinstance(answer, EngineError):
            future.set_exception(answer)
            return
    future.set_result(list(found))  # type: ignore[arg-type]


def _fail(future: "asyncio.Future[Answers]", failure: BaseException) -> None:
    with suppress(asyncio.InvalidStateError):
        future.set_exception(failure)
