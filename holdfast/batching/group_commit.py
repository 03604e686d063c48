"""Group commit on the client: calls that arrive while a message is under way form the next one.

A call that finds nothing under way is sent at once, together with those made in the same turn of
the event loop. There is no timer but one watch for the deadlines of all calls. Commands are judged
in the order they were submitted, so those of one reservation keep theirs.
"""

import asyncio
import random
import time

import grpc

from holdfast import wire
from holdfast.batching.apply_stream import ApplyStream, GivenUp
from holdfast.batching.call_by_call import CallByCall, Submitted, closed
from holdfast.bounds import BATCH_COMMANDS_MAX, BATCH_LINES_MAX
from holdfast.errors import HoldfastError, Reason
from holdfast.retry import LAST_CHANCE_MS, RetryBudget, backoff_ms, may_try_again
from holdfast.types import Result
from holdfast.wire import Answer

# gRPC servers take messages of up to 4 MiB; a thousand usual commands have 100 KB.
MESSAGE_BYTES_MAX = 1024 * 1024
# How often overdue calls are looked for at most; a timer for each call would cost each call.
WATCH_S_MIN = 0.01

# Errors of the whole server: sending the commands one by one would not help.
_OF_ALL_COMMANDS = frozenset(
    {Reason.DRAINING, Reason.STORE_REFUSES, Reason.STORE_UNREACHABLE, Reason.STORE_UNSAFE}
)


class GroupCommit:
    """The queue of one stream, and the task that empties it message by message.

    `attempts_max` is how often a command is sent at most (None: as often as its deadline and the
    `budget` allow), `waiting_commands_max` how many may wait; who comes later waits to be let in.
    `call_by_call` takes the commands of a message that failed as a whole because of one of them.
    """

    def __init__(
        self,
        stream: ApplyStream,
        call_by_call: CallByCall,
        attempts_max: int | None,
        waiting_commands_max: int,
        budget: RetryBudget,
    ) -> None:
        self._stream = stream
        self._call_by_call = call_by_call
        self._attempts_max = attempts_max
        self._budget = budget
        self.loop = asyncio.get_running_loop()
        self._room = asyncio.Semaphore(waiting_commands_max)
        self._waiting: dict[Submitted, None] = {}
        # The message that is under way, or that is to be sent again after a pause.
        self._sent: list[Submitted] = []
        self._implemented = True
        self._failures = 0
        self._pausing_for: HoldfastError | None = None
        self._task: asyncio.Task[None] | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._watch_at_s = float("inf")
        self._closed = False

    @property
    def length(self) -> int:
        """The number of commands that are under way or wait."""
        return len(self._sent) + len(self._waiting)

    async def judge(self, submitted: Submitted) -> Result:
        """Sends a command and returns its result. Raises HoldfastError.

        A command that was not sent yet is taken back when this call is cancelled.
        """
        if self._task is None:
            self._refuse_another_loop()
        await self._enter(submitted.deadline_s)
        self._waiting[submitted] = None
        if self._task is None:
            self._task = self.loop.create_task(self._run())
        if submitted.deadline_s < self._watch_at_s:
            self._watch_from(submitted.deadline_s)
        try:
            found = await submitted.answer
        except asyncio.CancelledError:
            self._take_back(submitted)
            raise
        if isinstance(found, HoldfastError):
            raise found
        return found

    async def close(self) -> None:
        """Ends every call with an error, and what works on them."""
        self._closed = True
        if self._watch is not None:
            self._watch.cancel()
        for submitted in self._unanswered():
            self._end(submitted, closed())
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._call_by_call.close()
        self._stream.end()

    async def _enter(self, deadline_s: float) -> None:
        """Waits for room in the queue; in the order of arrival, so commands keep theirs."""
        if self._room.locked():
            try:
                async with asyncio.timeout(deadline_s - time.monotonic()):
                    await self._room.acquire()
            except TimeoutError:
                raise self._overdue() from None
        else:
            await self._room.acquire()
        if self._closed:
            self._room.release()
            raise closed()

    def _refuse_another_loop(self) -> None:
        # Only where nothing is under way: with each call it would be a tenth of what a call costs.
        if asyncio.get_running_loop() is not self.loop:
            raise RuntimeError(
                "a Client belongs to the event loop it was first used in; make another one here"
            )

    def _unanswered(self) -> list[Submitted]:
        return [one for one in (*self._sent, *self._waiting, *self._call_by_call) if one.open]

    def _overdue(self) -> HoldfastError:
        """The error of a call whose deadline has passed."""
        return (self._pausing_for or HoldfastError.of(Reason.DEADLINE_PASSED)).again()

    def _end(self, submitted: Submitted, found: Answer) -> None:
        submitted.end(found)
        self._take_back(submitted)

    def _take_back(self, submitted: Submitted) -> None:
        if submitted in self._waiting:
            del self._waiting[submitted]
            self._room.release()

    async def _run(self) -> None:
        while self._next_message():
            try:
                answer = await self._stream.ask(b"".join([sent.packed for sent in self._sent]))
                answers = wire.answers_from(answer, len(self._sent))
            except GivenUp:
                self._sent = []
            except HoldfastError as error:
                await self._after(error)
            else:
                self._failures = 0
                self._budget.answered()
                for sent, found in zip(self._sent, answers, strict=True):
                    self._take(sent, found)
                self._sent = []
        self._task = None

    def _take(self, sent: Submitted, found: Answer) -> None:
        """Ends a command with its answer; one that was not judged, for now, is sent again alone."""
        if isinstance(found, HoldfastError) and sent.open:
            left_ms = (sent.deadline_s - time.monotonic()) * 1_000
            may = may_try_again(found, sent.attempts, self._attempts_max, 0, left_ms)
            if may and self._budget.allows(found):
                self._call_by_call.take((sent,))
                return
        sent.end(found)

    def _next_message(self) -> bool:
        """Fills `_sent` with what fits into one message; false if nothing waits.

        First what has to be sent again, then what waits, but for what nobody wants any more.
        """
        now_s = time.monotonic()
        message = [sent for sent in self._sent if sent.open]
        lines = sum(sent.lines for sent in message)
        size_bytes = sum(len(sent.packed) for sent in message)
        taken = []
        for submitted in self._waiting:
            if submitted.deadline_s <= now_s:
                submitted.end(self._overdue())
            elif not self._implemented:
                self._call_by_call.take((submitted,))
            elif not self._call_by_call.takes(submitted):
                lines += submitted.lines
                size_bytes += len(submitted.packed)
                if message and (
                    len(message) == BATCH_COMMANDS_MAX
                    or lines > BATCH_LINES_MAX
                    or size_bytes > MESSAGE_BYTES_MAX
                ):
                    break
                message.append(submitted)
            taken.append(submitted)
        for submitted in taken:
            self._take_back(submitted)
        for submitted in message:
            submitted.attempts += 1
        self._sent = message
        return bool(message)

    async def _after(self, error: HoldfastError) -> None:
        """Decides what becomes of a message that ended in an error, and is quiet for a while."""
        if error.code is grpc.StatusCode.UNIMPLEMENTED:
            self._implemented = False
        if not self._implemented or self._may_be_of_one(error):
            self._call_by_call.take(self._sent)
            self._sent = []
            return
        self._failures += 1
        now_s = time.monotonic()
        left_of_all_ms = [(sent.deadline_s - now_s) * 1_000 for sent in self._sent]
        nearest_ms = min((ms for ms in left_of_all_ms if ms > 2 * LAST_CHANCE_MS), default=0.0)
        wait_ms = backoff_ms(error, self._failures, nearest_ms, random.random())
        allowed = error.retryable and self._budget.allows(error)
        again = []
        for sent, left_ms in zip(self._sent, left_of_all_ms, strict=True):
            may = may_try_again(error, sent.attempts, self._attempts_max, wait_ms, left_ms)
            if allowed and may:
                again.append(sent)
            else:
                sent.end(error.again())
        self._sent = again
        if error.retryable:
            self._pausing_for = error
            await asyncio.sleep(wait_ms / 1_000)
            self._pausing_for = None

    def _may_be_of_one(self, error: HoldfastError) -> bool:
        """Whether an error of the message may be the fault of one command in it."""
        if len(self._sent) == 1 or error.code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return False
        if error.reason is None:
            return not error.retryable
        if error.reason is Reason.OVERLOADED:
            return len({sent.tenant for sent in self._sent}) > 1
        return error.reason not in _OF_ALL_COMMANDS

    def _watch_from(self, deadline_s: float) -> None:
        if self._watch is not None:
            self._watch.cancel()
        wait_s = max(deadline_s - time.monotonic(), WATCH_S_MIN)
        self._watch = self.loop.call_later(wait_s, self._end_overdue)
        self._watch_at_s = deadline_s

    def _end_overdue(self) -> None:
        """Ends the calls whose deadline has passed, and a message that nobody waits for."""
        now_s = time.monotonic()
        next_s = float("inf")
        for submitted in self._unanswered():
            if submitted.deadline_s <= now_s:
                self._end(submitted, self._overdue())
            else:
                next_s = min(next_s, submitted.deadline_s)
        if self._sent and not any(sent.open for sent in self._sent):
            self._stream.give_up()
        self._watch, self._watch_at_s = None, float("inf")
        if next_s < self._watch_at_s:
            self._watch_from(next_s)
