"""Relays as their processes have them, on one database, and orders with tasks for them."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager

from order_service.order.draft import Decide, Draft
from order_service.order.ids import Ids
from order_service.order.model import Order, Task
from order_service.order.tasks import TaskKind
from order_service.relay.handler import Handler
from order_service.relay.relay import Relay, RelaySettings
from order_service.relay.self_watch import SelfWatch, Skew
from order_service.storage.database import Database
from order_service.storage.orders import Orders
from order_service.storage.tasks import Taken, TaskFilter, list_tasks
from tests.order_service import samples
from tests.order_service.payloads import OF_KIND
from tests.waiting import eventually

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
        try:
            yield self
        finally:
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
    """The tasks that are still to be done."""
    return await orders.read(lambda connection: list_tasks(connection, wanted, 1_000))


async def until_first_task(orders: Orders, condition: Callable[[Task], bool]) -> Task:
    """The first task, once the condition holds for it."""

    async def holds() -> bool:
        return condition((await tasks_of(orders))[0])

    await eventually(holds)
    return (await tasks_of(orders))[0]


async def until_none_is_left(orders: Orders) -> None:
    """Waits until all tasks are done."""

    async def none_is_left() -> bool:
        return not await tasks_of(orders)

    await eventually(none_is_left)


class Watching(SelfWatch):
    """Stands in for the watch of a process that is well."""

    def __init__(self) -> None:
        self.trouble = ""

    def skews(self) -> Iterator[Skew]:
        """One clock, which is ahead."""
        yield Skew("engine", 1_500, "the engine's store, against ours")


def nothing(_: Draft) -> None:
    """A decision that changes nothing of the order."""


class Doing:
    """A handler that keeps the tasks and the orders that it was given."""

    def __init__(self) -> None:
        self.done: list[Task] = []
        self.orders: list[Order] = []

    async def __call__(self, order: Order, task: Task) -> Decide:
        self.done.append(task)
        self.orders.append(order)
        return nothing

    @property
    def kinds(self) -> list[str]:
        return [task.kind for task in self.done]


class Holding(Doing):
    """A handler whose tasks wait until they may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = asyncio.Event()

    async def __call__(self, order: Order, task: Task) -> Decide:
        decide = await super().__call__(order, task)
        await self.go_on.wait()
        return decide
