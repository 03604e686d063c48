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

TIMERS = frozenset(
    {"QUERY_PAYMENT", "PAYMENT_DUE", "PICK_DUE", "DELIVERY_DUE", "COMPLETE", "CASH_DUE"}
)
"""Kinds of tasks that are for later; all others are done as soon as they can be."""


class DemoStuckError(Exception):
    """Nothing happens any more although not all is done; the message says what is left."""


class Patience:
    """The wait for something that is the work of others: as long as a sign of life changes.

    A busy machine is slow, and a clock alone would take that for the end.
    """

    def __init__(
        self, stuck_after_s: float = STUCK_AFTER_S, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self.stuck_after_s = stuck_after_s
        self._clock_s = clock_s
        self._sign: object = None
        self._changed_at_s = clock_s()

    def is_over(self, sign: object) -> bool:
        """Whether the sign has been the same for too long."""
        now_s = self._clock_s()
        if sign != self._sign:
            self._sign, self._changed_at_s = sign, now_s
        return now_s - self._changed_at_s > self.stuck_after_s


class Stages:
    """The stages of a demo, one after the other, on one bar; off a terminal a line for each."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None)

    def enter(self, name: str, steps: int | None = None) -> None:
        """Begins a stage of `steps`; None if nobody can tell."""
        self._progress.reset(self._task, description=name, total=steps)
        if self._progress.disable:
            of = "" if steps is None else f" ({steps:,})"
            self._progress.console.print(f"{name}{of}", highlight=False, soft_wrap=True)

    @property
    def done(self) -> float:
        """The steps of the stage that are done."""
        return self._progress.tasks[self._task].completed

    def step(self) -> None:
        """One step of the stage is done."""
        self._progress.advance(self._task)

    def reach(self, step: int, steps: int) -> None:
        """`step` of `steps` are done."""
        self._progress.update(self._task, completed=step, total=steps)


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
