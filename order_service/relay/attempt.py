"""One attempt at a task: its handler acts outside, then its decision is written.

Only what the handler returns is written in a transaction, together with the end of the task. Where
the process dies in between, the next attempt does the same outside under the same ids.
"""

import asyncio
from functools import partial
from traceback import walk_tb
from typing import NamedTuple

import structlog

from order_service.order.draft import Decide, Draft
from order_service.order.model import Task
from order_service.relay.handler import GiveUp, Handler, Learned, NotHere, TryLater
from order_service.storage.orders import Orders
from order_service.storage.tasks import Taken

log = structlog.get_logger()

ACTOR = "relay"


class Concluded(NamedTuple):
    """The decision is on disk, and the task gone."""

    lane_waits: bool
    """Whether there is another task in its lane."""


class Unchanged(NamedTuple):
    """The task is done, and still has to be taken off its list."""


class Failed(NamedTuple):
    """The task was not done."""

    reason: str
    after_ms: int | None = None
    final: bool = False
    """Whether another attempt is pointless."""
    elsewhere: bool = False
    """Whether another process may be able to do it at once."""


class TaskNotFound(Exception):
    """There is no task of that id, the one argument; it may have been done meanwhile."""


class TaskNotDead(Exception):
    """The task of that id, the one argument, will still be done, so it cannot be dropped."""


async def attempt(
    taken: Taken, handler: Handler, orders: Orders, seconds_max: float
) -> Concluded | Unchanged | Failed:
    """Does a task. Raises nothing but what a cancelled coroutine does."""
    order, task = taken
    try:
        async with asyncio.timeout(seconds_max) as limit:
            decide = await handler(order, task)
        if decide is None:
            return Unchanged()
        conclude = partial(_conclude, task, decide)
        return Concluded(await orders.change(order.order_id, conclude, ACTOR))
    except TryLater as error:
        return Failed(error.reason, error.after_ms, elsewhere=isinstance(error, NotHere))
    except GiveUp as error:
        return Failed(error.reason, final=True)
    except Exception as error:  # noqa: BLE001 - no task may end the relay
        if limit.expired():
            return Failed(f"it took longer than {seconds_max:g} s")
        # Its text may be personal, so only its type and place are logged.
        kind = type(error).__name__
        log.warning("a task failed", task_id=task.task_id, kind=task.kind, problem=_place(error))
        return Failed(kind)


def _conclude(task: Task, decide: Decide, draft: Draft) -> bool:
    """Ends the task with its decision, unless somebody has; whether another waits in its lane."""
    waiting = {other.task_id for other in draft.order.tasks}
    if task.task_id not in waiting:
        if isinstance(decide, Learned):
            decide.learn(draft)
        return False
    draft.done(task)
    decide(draft)
    # Tasks that the decision has made are taken as they are written.
    return any(other.lane == task.lane and other.task_id in waiting for other in draft.order.tasks)


def drop(draft: Draft, task_id: str, why: str) -> None:
    """Drops a task, and writes so in the history. Raises TaskNotFound, TaskNotDead."""
    task = next((task for task in draft.order.tasks if task.task_id == task_id), None)
    if task is None:
        raise TaskNotFound(task_id)
    if not task.dead:
        raise TaskNotDead(task_id)
    draft.done(task)
    draft.note(f"task {task.kind} {task_id} was dropped: {why}")


def _place(error: Exception) -> str:
    """The type of an error that was caught and the line that raised it."""
    *_, (frame, line) = walk_tb(error.__traceback__)
    return f"{type(error).__name__} in {frame.f_code.co_qualname}, line {line}"
