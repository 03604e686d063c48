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


class Stages:
    """The stages of a demo, one after the other, on one bar."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None)

    def enter(self, name: str, steps: int | None = None) -> None:
        """Begins a stage of `steps`; None if nobody can tell."""
        self._progress.reset(self._task, description=name, total=steps)

    def step(self) -> None:
        """One step of the stage is done."""
        self._progress.advance(self._task)

    def reach(self, step: int, steps: int) -> None:
        """`step` of `steps` are done."""
        self._progress.update(self._task, completed=step, total=steps)


@contextmanager
def stages(console: Console) -> Iterator[Stages]:
    """A bar on `console` for as long as the block runs; nothing is shown where no person looks."""
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
) -> None:
    """Waits until nothing is `left` of `what`.

    Raises DemoStuckError when it has not become less for `stuck_after_s`.
    """
    progress.enter(f"Waiting for {what}")
    least = most = await left()
    less_at_s = time.monotonic()
    while count := await left():
        now_s = time.monotonic()
        most = max(most, count)
        if count < least:
            least, less_at_s = count, now_s
        if now_s - less_at_s > stuck_after_s:
            raise DemoStuckError(f"after {stuck_after_s:.0f} s, there are still {count:,} {what}")
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
