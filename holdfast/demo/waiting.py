"""Waits for what the order service does by itself, as long as it gets on with it."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from holdfast.demo.progress import Stages
from holdfast.order.v1 import operations_pb2
from holdfast.orders import OrderClient

POLL_S = 0.1
STUCK_AFTER_S = 60.0

TIMERS = frozenset(
    {"QUERY_PAYMENT", "PAYMENT_DUE", "PICK_DUE", "DELIVERY_DUE", "COMPLETE", "CASH_DUE"}
)
"""Kinds of tasks that are for later; all others are done as soon as they can be."""


class DemoStuckError(Exception):
    """Nothing happens any more, and not all is done; the message says what is left."""


async def until_done(
    left: Callable[[], Awaitable[int]], what: str, at: Stages, stuck_after_s: float = STUCK_AFTER_S
) -> None:
    """Waits until nothing is `left` of `what`.

    Raises DemoStuckError when it has not become less for `stuck_after_s`.
    """
    at.enter(f"Waiting for {what}")
    least = most = await left()
    less_at_s = time.monotonic()
    while count := await left():
        now_s = time.monotonic()
        most = max(most, count)
        if count < least:
            least, less_at_s = count, now_s
        if now_s - less_at_s > stuck_after_s:
            raise DemoStuckError(f"after {stuck_after_s:.0f} s, there are still {count:,} {what}")
        at.reach(most - count, most)
        await asyncio.sleep(POLL_S)


async def until_idle(orders: OrderClient, at: Stages) -> None:
    """Waits until the order service has done all that it can. Raises DemoStuckError."""

    async def left() -> int:
        status = await orders.ask(operations_pb2.GetStatusRequest())
        dead = [queue.kind for queue in status.queues if queue.dead]
        if dead:
            raise DemoStuckError(f"the order service has given up tasks: {', '.join(dead)}")
        return sum(queue.due + queue.later for queue in status.queues if queue.kind not in TIMERS)

    await until_done(left, "tasks of the order service", at)
