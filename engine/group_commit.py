"""Group commit: the requests that arrive while a batch is in flight form the next batch.

An idle partition judges at once. Under load a batch grows by itself to as much as the store can do
in one step, so the cost of a step, above all its fsync, is shared. An answer leaves only when its
batch is on disk.

gRPC hands small calls over one by one, slower than the store answers, so a busy server would still
judge them one or two at a time, and spend more on the way to the store than on judging. So a batch
waits while more requests arrive: as long as every other turn of the event loop brings one, which
does not happen in an idle loop, and for COMPANY_S_MAX at most. Once it is busy, small batches go at
a pace.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from engine.answers import CUT, NOT_JUDGED, Answer, NotJudged
from engine.errors import DeadlinePassed, Draining, EngineError, Overloaded, StoreCorrupt
from engine.model import BATCH_COMMANDS_MAX, BATCH_LINES_MAX, StoreCommand
from engine.partition import Found, Partition
from engine.refusals import Refusals
from engine.request import Answers, Request

# Beyond this expected delay a request is refused at once rather than served too late.
QUEUE_DELAY_S_MAX = 1.0
# The cost of a command in a large batch, until it has been measured. Only large batches are
# measured: a long queue is judged in those, and a small batch has a fixed cost that is not shared.
_COMMAND_S_FIRST_GUESS = 0.00005
_LARGE_BATCH_COMMANDS = 100
_SMOOTHING = 0.1

# A batch is sent while the one before it is judged: neither the store nor Python waits.
IN_FLIGHT_MAX = 2

# A batch starts when QUIET_TURNS turns of the event loop in a row brought no request, and after
# COMPANY_S_MAX at the latest. An idle turn takes some 5 us. Higher values make larger batches when
# all callers wait for their answers, and all others wait longer.
QUIET_TURNS = 2
COMPANY_S_MAX = 0.001

# After a batch of BUSY_REQUESTS or more the next small one is sent PACE_S after it was, or after a
# PAUSE_S that brought no request, if that is earlier: most of the cost of a small batch is its own,
# not that of its commands. A few callers who each wait for their answers make no such batch.
BUSY_REQUESTS = 4
PAUSE_S = 0.002
PACE_S = 0.004

# How often to look for requests whose deadline has passed; a timer each would cost each call.
WATCH_S = 0.1

# Requests that wait for due reservations to expire are judged again after 1 step, 2, 4 ... more.
EXPIRE_STEPS_MAX = 64


class GroupCommit:
    """The queue of one partition, emptied batch by batch."""

    def __init__(self, partition: Partition, on_failure: Callable[[EngineError], None]) -> None:
        self.partition = partition
        self._on_failure = on_failure
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Request] = deque()
        self._queued_commands = 0
        self._command_s = _COMMAND_S_FIRST_GUESS
        self._closing = False
        self._in_flight: dict[object, list[Request]] = {}  # by a task, or a key of its own
        self._has_landed = asyncio.Event()
        self._start_handle: asyncio.Handle | None = None
        self._start_by = self._sent_at = self._turn_s = 0.0
        self._turns_left = self._commands_before = 0
        self._requests_before = 0  # of the last batch
        self._watch: asyncio.TimerHandle | None = None
        self._waiting: list[Request] = []  # for due reservations to expire
        self._refusals = Refusals(partition, self._judge_after_all, self._give_up, self._turned)
        self._expiring: asyncio.Task[None] | None = None
        self._expire_steps = 1

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
        request = Request(commands, deadline, self._loop.create_future())
        if self.partition.sold_out and self._is_short(commands):
            self._refusals.add(request)
        else:
            self._queue.append(request)
            self._queued_commands += len(commands)
            self._start_next()
        if self._watch is None:
            self._watch = self._loop.call_later(WATCH_S, self._end_overdue)
        return request.answers

    @property
    def queued_commands(self) -> int:
        """The number of commands that wait for a batch."""
        return self._queued_commands

    @property
    def idle(self) -> bool:
        """Whether nobody waits for an answer."""
        at_work = self._queue or self._in_flight or self._waiting or self._expiring
        return not at_work and self._refusals.idle

    def close(self) -> None:
        """Refuses new requests from now on."""
        self._closing = True

    async def drain(self) -> None:
        """Refuses new requests, and returns when all queued ones have been judged."""
        self.close()
        self._refusals.ask()
        while not self.idle:
            self._start_next()
            self._has_landed.clear()
            if self._in_flight or not self._refusals.idle:
                await self._has_landed.wait()
            else:
                await (asyncio.wait((self._expiring,)) if self._expiring else asyncio.sleep(0))

    def _end_overdue(self) -> None:
        """Ends the wait of requests whose deadline passes while the store is silent."""
        now = self._loop.time()
        in_flight = (request for batch in self._in_flight.values() for request in batch)
        for request in (*in_flight, *self._waiting, *self._queue, *self._refusals.waiting):
            if request.deadline < now:
                request.fail(DeadlinePassed())
        self._watch = None
        if not self.idle:
            self._watch = self._loop.call_later(WATCH_S, self._end_overdue)

    def _start_next(self) -> None:
        """Schedules the next batch if there is a request and not too much is in flight."""
        large = self._queued_commands >= _LARGE_BATCH_COMMANDS
        if large and self._turn_s and self._start_handle is not None:
            self._start_handle.cancel()  # it needs no pause
            self._start_handle = None
        in_flight_max = IN_FLIGHT_MAX if large or self._requests_before <= 1 else 1
        if self._start_handle is None and self._queue and len(self._in_flight) < in_flight_max:
            now, next_at = self._loop.time(), self._sent_at + PACE_S
            at_pace = not large and self._requests_before >= BUSY_REQUESTS and now < next_at
            self._turn_s = PAUSE_S if at_pace else 0.0
            self._start_by = next_at if at_pace else now + COMPANY_S_MAX
            self._commands_before = 0
            self._start_handle = self._loop.call_soon(self._start)

    def _company_comes(self) -> bool:
        """Whether to wait another turn for more requests: of the event loop, or of `_turn_s`."""
        if self._queued_commands > self._commands_before:
            self._commands_before = self._queued_commands
            self._turns_left = QUIET_TURNS
        self._turns_left -= 1
        return (
            self._turns_left > 0
            and self._queued_commands < _LARGE_BATCH_COMMANDS
            and self._loop.time() < self._start_by
            and not self._closing
        )

    def _start(self) -> None:
        if self._company_comes():
            turn_s = min(self._turn_s, self._start_by - self._loop.time())
            self._start_handle = self._loop.call_later(turn_s, self._start)
            return
        self._start_handle = None
        batch = self._next_batch()
        self._requests_before = len(batch)
        if batch:
            self._send(batch)
        self._start_next()

    def _send(self, batch: list[Request]) -> None:
        """Sends a batch to be judged; in a task if more is to be done than to send it."""
        commands = [command for request in batch for command in request.commands]
        started_at, key = self._loop.time(), object()

        def on_found(found: Found | EngineError | None) -> None:
            try:
                if found is None:  # nothing was judged; this batch is to have more attention
                    self._launch(self._judge(batch), batch)
                else:
                    self._end(found, batch, started_at)
            finally:
                self._landed(key)

        self._in_flight[key] = batch
        self._sent_at = started_at
        try:
            sent = self.partition.send(commands, on_found)
        except Exception:  # noqa: BLE001 - the task finds out whose failure it is
            sent = False
        if not sent:
            on_found(None)

    def _end(self, found: Found | EngineError, batch: list[Request], started_at: float) -> None:
        """Gives a batch its answers, or its error. Whatever happens, no caller waits for ever."""
        if isinstance(found, EngineError):
            self._give_up(batch, found)
            return
        try:
            self._hand_out(found, batch)
        except Exception as failure:
            _fail(batch, failure)
            raise
        self._learn_cost(found, started_at)

    def _learn_cost(self, found: Found, started_at: float) -> None:
        """Learns what a command costs. A batch that was cut says nothing of a usual one."""
        if len(found) >= _LARGE_BATCH_COMMANDS and found[-1] is not CUT:
            # Batches in flight at the same time share the store's time.
            took_s = (self._loop.time() - started_at) / len(self._in_flight)
            command_s = took_s / len(found)
            self._command_s += _SMOOTHING * (command_s - self._command_s)

    def _launch(self, judging: Coroutine[Any, Any, None], batch: list[Request]) -> None:
        task = self._loop.create_task(judging)
        self._in_flight[task] = batch
        task.add_done_callback(self._landed)

    def _landed(self, judging: object) -> None:
        del self._in_flight[judging]
        self._turned()

    def _turned(self) -> None:
        self._has_landed.set()
        self._start_next()

    def _give_up(self, batch: list[Request], failure: EngineError) -> None:
        self._on_failure(failure)
        _fail(batch, failure)

    def _next_batch(self) -> list[Request]:
        """Takes the requests of one batch from the queue; drops any that nobody waits for."""
        batch: list[Request] = []
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
            if request.deadline < now:
                request.fail(DeadlinePassed())
            if request.answers.done():
                commands -= len(request.commands)
                lines -= request.lines
            else:
                batch.append(request)
        return batch

    def _is_short(self, commands: Sequence[StoreCommand]) -> bool:
        return self.partition.sold_out.refuses(commands, time.monotonic())

    def _judge_after_all(self, requests: list[Request]) -> None:
        self._queue.extend(requests)
        self._queued_commands += sum([len(request.commands) for request in requests])

    async def _judge(self, batch: list[Request]) -> None:
        started = self._loop.time()
        commands = [command for request in batch for command in request.commands]
        try:
            try:
                found = await self.partition.judge(commands)
            except StoreCorrupt:
                if len(commands) == 1:
                    raise
                found = await self._judged_apart(commands)
            self._hand_out(found, batch)
        except EngineError as failure:
            self._on_failure(failure)
            _fail(batch, failure)
        except Exception as failure:  # noqa: BLE001 - whatever it was, no caller may wait for ever
            if len(batch) > 1:
                await self._judge_alone(batch)
                return
            _fail(batch, failure)  # the server logs it
        except BaseException as failure:
            _fail(batch, failure)
            raise
        else:
            self._learn_cost(found, started)

    async def _judge_alone(self, batch: list[Request]) -> None:
        """Finds out whose failure it is. What was judged before is answered alike again."""
        for request in batch:
            await self._judge([request])

    async def _judged_apart(
        self, commands: Sequence[StoreCommand]
    ) -> list[Answer | NotJudged | EngineError]:
        """Judges each command in a batch of its own: a damaged record spoils no neighbour.

        Nothing of the batch that met it was written.
        """
        found: list[Answer | NotJudged | EngineError] = []
        for command in commands:
            try:
                found += await self.partition.judge([command])
            except EngineError as failure:
                self._on_failure(failure)
                found.append(failure)
        return found

    def _hand_out(
        self, found: Sequence[Answer | NotJudged | EngineError], batch: list[Request]
    ) -> None:
        first = 0
        cut: list[Request] = []
        for request in batch:
            last = first + len(request.commands)
            if not request.take(found[first:last]):
                cut.append(request)
            first = last
        if cut and any(answer is NOT_JUDGED for answer in found):
            self._waiting += cut  # nobody overtakes who waits
        else:
            self._queue_again(cut)
        if not self._waiting:
            self._expire_steps = 1
        elif self._expiring is None:
            self._expiring = self._loop.create_task(self._expire_for_the_waiting())

    def _queue_again(self, cut: list[Request]) -> None:
        """Queues what was cut: ahead who has had nothing yet, behind all others who has."""
        self._queue.extendleft(request for request in reversed(cut) if not request.has_answers)
        self._queue.extend(request for request in cut if request.has_answers)
        self._queued_commands += sum([len(request.commands) for request in cut])

    async def _expire_for_the_waiting(self) -> None:
        """Expires due reservations, a few steps, then queues the waiting requests again."""
        try:
            for _ in range(self._expire_steps):
                if not (await self.partition.expire_step()).more:
                    break
        except Exception as failure:  # noqa: BLE001 - whatever it was, no caller may wait for ever
            if isinstance(failure, EngineError):
                self._on_failure(failure)
            _fail(self._waiting, failure)
        waiting, self._waiting, self._expiring = self._waiting, [], None
        self._expire_steps = min(2 * self._expire_steps, EXPIRE_STEPS_MAX)
        self._queue.extendleft(reversed(waiting))
        self._queued_commands += sum([len(request.commands) for request in waiting])
        self._start_next()


def _fail(requests: Iterable[Request], failure: BaseException) -> None:
    for request in requests:
        request.fail(failure)
