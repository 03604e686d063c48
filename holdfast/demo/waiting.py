"""The progress bar of the demo, and waits that last as long as the order service gets on."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from holdfast.order.v1 import operations_pb2
from holdfast.orders import OrderClient

POLL_S = 0.1
STUCK_AFTER_S = 60.0
LOOK_S_MAX = 1.0
"""A look counts for so much time at most, however late it comes: the machine may be at fault."""
TELL_EVERY_S = 5.0

TIMERS = frozenset(
    {"QUERY_PAYMENT", "PAYMENT_DUE", "PICK_DUE", "DELIVERY_DUE", "COMPLETE", "CASH_DUE", "EARN"}
)
"""Kinds of tasks that are for later; all others are done as soon as they can be."""


class DemoStuckError(Exception):
    """Nothing happens any more although not all is done; the message says what is left."""


class Patience:
    """The wait for something that is the work of others: as long as a sign of life changes.

    A busy machine is slow, and one that was stopped has done nothing: a clock alone would take
    either for the end. So time passes only as fast as there are looks at the sign.
    """

    def __init__(
        self, stuck_after_s: float = STUCK_AFTER_S, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self.stuck_after_s = stuck_after_s
        self._clock_s = clock_s
        self._sign: object = None
        self._looked_at_s = clock_s()
        self._waited_s = 0.0

    def is_over(self, sign: object) -> bool:
        """Whether the sign has been the same for too long."""
        now_s = self._clock_s()
        self._waited_s += min(now_s - self._looked_at_s, LOOK_S_MAX)
        self._looked_at_s = now_s
        if sign != self._sign:
            self._sign, self._waited_s = sign, 0.0
        return self._waited_s > self.stuck_after_s


class Stages:
    """The stages of a demo, one after the other, on one bar; off a terminal as lines.

    They are the stages of parts. A part's end and the time that it took are a line everywhere.
    """

    def __init__(self, progress: Progress, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._progress = progress
        self._clock_s = clock_s
        self._task = progress.add_task("", total=None)
        self._name = ""
        self._told_at_s = clock_s()
        self._part = ""
        self._part_began_at_s = clock_s()
        self.part_s: dict[str, float] = {}
        """The time that each part took, in their order."""

    def begin(self, part: str) -> None:
        """Begins a part; the one before ends. "": there is none any more."""
        now_s = self._clock_s()
        if self._part:
            self.part_s[self._part] = took_s = now_s - self._part_began_at_s
            self._say(f"{self._part}: {took_s:.1f} s")
        self._part, self._part_began_at_s = part, now_s

    def enter(self, name: str, steps: int | None = None) -> None:
        """Begins a stage of `steps`; None if nobody can tell."""
        self._progress.reset(self._task, description=name, total=steps)
        self._name = name
        if self._progress.disable:
            self._say(name if steps is None else f"{name} ({steps:,})")

    @property
    def done(self) -> float:
        """The steps of the stage that are done."""
        return self._progress.tasks[self._task].completed

    def step(self) -> None:
        """One step of the stage is done."""
        self._progress.advance(self._task)
        self._tell()

    def reach(self, step: int, steps: int) -> None:
        """`step` of `steps` are done."""
        self._progress.update(self._task, completed=step, total=steps)
        self._tell()

    def _tell(self) -> None:
        """Off a terminal, says from time to time how far it is."""
        now_s = self._clock_s()
        if self._progress.disable and now_s - self._told_at_s >= TELL_EVERY_S:
            task = self._progress.tasks[self._task]
            of = "" if task.total is None else f" of {task.total:,.0f}"
            self._say(f"{self._name}: {task.completed:,.0f}{of}")

    def _say(self, line: str) -> None:
        self._told_at_s = self._clock_s()
        self._progress.console.print(line, highlight=False, soft_wrap=True)


@contextmanager
def stages(console: Console) -> Iterator[Stages]:
    """A bar on `console` for as long as the block runs."""
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with progress:
        yield Stages(progress)


async def until_done(
    left: Callable[[], Awaitable[int]],
    what: str,
    progress: Stages,
    stuck_after_s: float = STUCK_AFTER_S,
    sign: Callable[[], Awaitable[object]] | None = None,
) -> None:
    """Waits until nothing is `left` of `what`.

    Raises DemoStuckError when that, and the `sign` of what brings it on, have been the same for
    `stuck_after_s`.
    """
    progress.enter(f"Waiting for {what}")
    most = await left()
    patience = Patience(stuck_after_s)
    while count := await left():
        most = max(most, count)
        if patience.is_over((count, await sign() if sign else None)):
            raise DemoStuckError(
                f"there are still {count:,} {what}, and nothing has happened for "
                f"{stuck_after_s:.0f} s"
            )
        progress.reach(most - count, most)
        await asyncio.sleep(POLL_S)


async def until_idle(orders: OrderClient, progress: Stages) -> None:
    """Waits until the order service has done all that it can. Raises DemoStuckError."""

    async def left() -> int:
        status = await orders.ask(operations_pb2.GetStatusRequest())
        dead = [queue.kind for queue in status.queues if queue.dead]
        if dead:
            raise DemoStuckError(f"the order service has given up tasks: {', '.join(dead)}")
        return sum(queue.due + queue.later for queue in status.queues if queue.kind not in TIMERS)

    await until_done(left, "tasks of the order service", progress)
