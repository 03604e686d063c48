"""Relays as their processes have them, on one database, and orders with tasks for them."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from order_service.order.draft import Draft
from order_service.order.ids import Ids
from order_service.order.model import Order, Task
from order_service.order.tasks import TaskKind
from order_service.relay.handler import Handler
from order_service.relay.relay import Relay, RelaySettings
from order_service.storage.database import Database
from order_service.storage.orders import Orders
from order_service.storage.tasks import Taken, TaskFilter, list_tasks
from tests.order_service import samples
from tests.order_service.payloads import OF_KIND

SOON_S = 10.0
ALL = TaskFilter("default")
QUICK = RelaySettings(poll_s=0.02)


class Process:
    """The orders and the relay of one process."""

    def __init__(
        self,
        database: Database,
        clock_ms: Callable[[], int],
        handlers: Mapping[TaskKind, Handler],
        owner: str = "one",
        settings: RelaySettings = QUICK,
        orders_type: type[Orders] = Orders,
    ) -> None:
        ids = Ids(random.Random(owner))
        self.orders = orders_type(database, clock_ms, ids, owner=owner, on_tasks=self._offer)
        self.relay = Relay(self.orders, owner, handlers, random.Random(1), settings)

    def _offer(self, taken: Sequence[Taken]) -> None:
        self.relay.offer(taken)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Process"]:
        """Runs the relay."""
        running = asyncio.create_task(self.relay.run())
        yield self
        self.relay.stop()
        await running


async def place(orders: Orders, order_id: str, decide: Callable[[Draft], object]) -> Order:
    """Places an order, with tasks."""
    return (await orders.place(samples.order(order_id), decide, "test")).order


def sends(*kinds: TaskKind) -> Callable[[Draft], None]:
    """A decision that sends tasks."""

    def decide(draft: Draft) -> None:
        for kind in kinds:
            draft.send(OF_KIND[kind])

    return decide


async def tasks_of(orders: Orders, wanted: TaskFilter = ALL) -> list[Task]:
    """What is still to be done."""
    return await orders.read(lambda connection: list_tasks(connection, wanted, 1_000))


async def until(condition: Callable[[], bool]) -> None:
    """Waits for something that is about to be so."""
    async with asyncio.timeout(SOON_S):
        while not condition():  # noqa: ASYNC110 - what it waits for tells nobody
            await asyncio.sleep(0.005)


async def until_first_task(orders: Orders, condition: Callable[[Task], bool]) -> Task:
    """The first task, once it is so."""
    async with asyncio.timeout(SOON_S):
        while not condition(task := (await tasks_of(orders))[0]):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
        return task


async def until_none_is_left(orders: Orders) -> None:
    """Waits until all tasks are done."""
    async with asyncio.timeout(SOON_S):
        while await tasks_of(orders):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)


def nothing(_: Draft) -> None:
    """A decision that changes nothing of the order."""
