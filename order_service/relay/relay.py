"""The relay of a process: has tasks done, its own at once and all others when they are due.

Tasks that this process has written come straight from the commit, with a lease. Everything else is
found by asking the database: timers, attempts that were put off, tasks that a dead process left,
and the next task of a lane. Changes to tasks are written together with that question, in one
transaction a turn, however many tasks there are.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial

import structlog
from msgspec import Struct
from sqlalchemy import Connection

from holdfast.retry import backoff
from order_service.order.foreign import foreign_text
from order_service.order.model import Task
from order_service.order.tasks import TaskKind
from order_service.relay.attempt import Concluded, Failed, Unchanged, attempt
from order_service.relay.backlog import Backlog, LeftToOthers
from order_service.relay.handler import Handler
from order_service.relay.metrics import RelayCounts
from order_service.storage import tasks
from order_service.storage.orders import Orders
from order_service.storage.tasks import LEASE_MS, Failure, Taken

log = structlog.get_logger()

# Tasks that end within this time are written together; the next task of a lane waits for it.
TURN_GAP_S = 0.05
TROUBLE_PAUSE_S = 1.0
ERROR_CHARACTERS_MAX = 200
CLAIM_MAX = 200
# For so long a task that this process cannot do is left to those that can.
LEFT_MS_MIN = 30_000
PAUSE_MS_MIN = 1_000
PAUSE_MS_MAX = 600_000
ASKED_PAUSE_MS_MAX = 3_600_000


class Turn(Struct, frozen=True):
    """The changes to tasks that a turn writes, by task id, and the kinds that it claims."""

    owner: str
    now_ms: int
    ended: Sequence[str]
    failures: Sequence[Failure]
    returned: Sequence[str]
    renewed: Sequence[str]
    kinds: Sequence[TaskKind]
    left: Sequence[str]
    """Tasks that this process cannot do, and leaves to others."""


def take_turn(connection: Connection, turn: Turn) -> tuple[Sequence[str], list[Taken]]:
    """Writes a turn; returns the ids of the leases that it could renew, and what it claimed.

    Written twice, because whether the first time was committed is not known, it does no harm.
    """
    tasks.end(connection, turn.ended)
    tasks.write_failures(connection, turn.owner, turn.failures)
    tasks.give_back(connection, turn.owner, turn.returned)
    kept = tasks.renew(connection, turn.owner, turn.renewed, turn.now_ms)
    if not turn.kinds:
        return kept, []
    claimed = tasks.claim(
        connection, turn.owner, turn.now_ms, CLAIM_MAX, turn.kinds, without=turn.left
    )
    return kept, claimed


class RelaySettings(Struct, frozen=True):
    """How a relay works."""

    handler_s_max: float = 30.0
    """A handler that takes longer is stopped; its task is tried again."""
    attempts_max: int = 40
    """A task that failed so often is dead: after about four hours."""
    taken_over_max: int = 20
    """A task of which so many processes in a row have ended without a word is dead, too."""
    poll_s: float = 0.5
    measure_s: float = 5.0
    """How often the queues are counted."""
    drain_s_max: float = 10.0


class Relay:
    """Does the tasks of orders. `owner` is a name that no other process ever has."""

    def __init__(
        self,
        orders: Orders,
        owner: str,
        handlers: Mapping[TaskKind, Handler],
        randomness: random.Random,
        settings: RelaySettings | None = None,
    ) -> None:
        self.counts = RelayCounts()
        self.rounds = 0
        self._orders = orders
        self._owner = owner
        self._handlers = handlers
        self._randomness = randomness
        self._settings = settings or RelaySettings()
        self._backlog = Backlog(handlers)
        self._attempts: set[asyncio.Task[None]] = set()
        self._failures: list[Failure] = []
        self._ended: list[str] = []
        self._returned: list[str] = []
        self._left = LeftToOthers()
        self._wake = asyncio.Event()
        self._stopping = False
        self._measured_at_s = float("-inf")

    def offer(self, offered: Sequence[Taken]) -> None:
        """Does tasks at once that were written with a lease of this process."""
        for taken in offered:
            if self._stopping or not self._backlog.add(taken):
                self._returned.append(taken.task.task_id)
                self._wake.set()
        self._begin()

    async def run(self) -> None:
        """Does tasks until `stop`; then finishes those that run, gives back the others, returns."""
        while not self._stopping:
            self._wake.clear()
            self.rounds += 1
            pause_s = await self._turn()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._wake.wait()
            await asyncio.sleep(TURN_GAP_S)
        await self._drain()

    def stop(self) -> None:
        """Takes no more tasks, and lets `run` end."""
        self._stopping = True
        self._wake.set()

    async def _drain(self) -> None:
        self._returned.extend(self._backlog.drop_waiting())
        loop = asyncio.get_running_loop()
        ends_at_s = loop.time() + self._settings.drain_s_max
        while self._attempts and loop.time() < ends_at_s:
            # Other processes may go on at once with what this one gives back.
            await self._turn()
            if self._attempts:
                await asyncio.wait(self._attempts, timeout=min(1.0, ends_at_s - loop.time()))
        for running in self._attempts:
            running.cancel()
        await asyncio.gather(*self._attempts, return_exceptions=True)
        await self._turn()

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        for taken in self._backlog.begin(self._orders.clock_ms()):
            running = loop.create_task(self._do(taken))
            self._attempts.add(running)
            running.add_done_callback(self._attempts.discard)

    async def _do(self, taken: Taken) -> None:
        task = taken.task
        handler = self._handlers[TaskKind(task.kind)]
        try:
            ending = await attempt(taken, handler, self._orders, self._settings.handler_s_max)
        except asyncio.CancelledError:
            self._returned.append(task.task_id)
            raise
        finally:
            self._backlog.end(task)
        self._note_ending(task, ending)
        if not self._stopping:
            self._begin()

    def _note_ending(self, task: Task, ending: Concluded | Unchanged | Failed) -> None:
        if isinstance(ending, Failed):
            self._fail(task, ending)
            return
        self.counts.done[task.kind] += 1
        if isinstance(ending, Unchanged):
            self._ended.append(task.task_id)
            self._wake.set()
        elif ending.lane_waits:
            self._wake.set()

    def _fail(self, task: Task, failed: Failed) -> None:
        attempts = task.attempts + 1
        dead = failed.final or attempts >= self._settings.attempts_max
        pause = failed.after_ms
        if pause is None:
            pause = pause_ms(attempts, self._randomness)
        now_ms = self._orders.clock_ms()
        due_at_ms = now_ms + min(pause, ASKED_PAUSE_MS_MAX)
        if failed.elsewhere and not dead:
            self._left.add(task.task_id, max(due_at_ms, now_ms + LEFT_MS_MIN))
            due_at_ms = now_ms
        # It may have an outside's words, and one that cannot be written would hold up all others.
        reason = foreign_text(failed.reason, ERROR_CHARACTERS_MAX)
        self._failures.append(Failure(task.task_id, attempts, due_at_ms, dead, reason))
        self._wake.set()
        self.counts.failed[task.kind] += 1
        if dead:
            self.counts.buried[task.kind] += 1
            log.error(
                "a task was given up",
                task_id=task.task_id,
                order_id=task.order_id,
                kind=task.kind,
                reason=reason,
            )

    async def _turn(self) -> float:
        """Writes how tasks ended and claims others; returns the seconds until the next turn."""
        now_ms = self._orders.clock_ms()
        turn = Turn(
            owner=self._owner,
            now_ms=now_ms,
            ended=tuple(self._ended),
            failures=tuple(self._failures),
            returned=tuple(self._returned),
            renewed=self._backlog.leases_that_end_before(now_ms + LEASE_MS // 2),
            kinds=[] if self._stopping else self._backlog.kinds_with_room(),
            left=self._left.at(now_ms),
        )
        try:
            await self._measure()
            kept, claimed = await self._orders.write(partial(take_turn, turn=turn))
        except Exception as error:  # noqa: BLE001 - the next turn does it again, whatever it was
            log.warning("tasks could not be written or claimed", problem=type(error).__name__)
            await asyncio.sleep(TROUBLE_PAUSE_S)
            return 0.0
        # Changes that came in meanwhile stand behind the written ones.
        del self._ended[: len(turn.ended)]
        del self._failures[: len(turn.failures)]
        del self._returned[: len(turn.returned)]
        self._backlog.renewed(kept, now_ms + LEASE_MS)
        self._take(claimed)
        if len(claimed) == CLAIM_MAX:
            return 0.0
        # Processes that began together do not ask together.
        return self._settings.poll_s * self._randomness.uniform(0.75, 1.25)

    def _take(self, claimed: Sequence[Taken]) -> None:
        """Does what was claimed, apart from what has ended too many processes."""
        for taken in claimed:
            worn_out = taken.task.taken_over >= self._settings.taken_over_max
            if worn_out and taken.task not in self._backlog:
                self._fail(taken.task, Failed("every process that tried it ended", final=True))
            else:
                self.offer([taken])

    async def _measure(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s - self._measured_at_s >= self._settings.measure_s:
            self._measured_at_s = now_s
            counted = partial(tasks.queues, now_ms=self._orders.clock_ms(), with_later=False)
            self.counts.queues = await self._orders.read(counted)


def pause_ms(attempts: int, randomness: random.Random) -> int:
    """The pause after a number of failed attempts: 1 s, 2, 4 and so on up to 10 min.

    Half of it is left to chance, so that what failed together does not come back together.
    """
    chance = randomness.random()
    return int(backoff(attempts, PAUSE_MS_MIN, PAUSE_MS_MAX, spread=0.5, chance=chance))
