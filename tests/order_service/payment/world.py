"""Orders, the sandbox provider and the callbacks between them, over real HTTP."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Mount

from holdfast.client import Client
from order_service.engine_clock import EngineClock
from order_service.order.draft import Draft
from order_service.order.model import Order, Payment, Task
from order_service.order.states import OrderEvent, OrderState
from order_service.order.tasks import PaymentDue, TaskKind
from order_service.payment.callbacks import payment_callbacks
from order_service.payment.handlers import PaymentTasks
from order_service.payment.providers.sandbox import SandboxProvider
from order_service.payment.starting import PaymentDesk
from order_service.relay.attempt import Concluded, Unchanged, attempt
from order_service.relay.handler import handlers_of
from order_service.sandbox.callbacks import Misbehaviour
from order_service.sandbox.provider import SandboxProviderApp
from order_service.storage.orders import Orders
from order_service.storage.tasks import Taken
from tests.http import Http
from tests.order_service.clock import Clock
from tests.order_service.payment.http import served
from tests.order_service.payment.orders import DUE_MS, METHODS, unpaid

API_KEY = "key"
SECRET = "whsec_" + "c2VjcmV0" * 4
FORMER_SECRET = "whsec_" + "Zm9ybWVy" * 4
NO_ENGINE = "127.0.0.1:9"
TIMEOUT_MS = 60_000


class World:
    """The world that a test moves: buyers, providers, time."""

    def __init__(
        self, orders: Orders, clock: Clock, outside: SandboxProviderApp, tenant: str
    ) -> None:
        self.tenant = tenant
        self.orders = orders
        self.clock = clock
        self.outside = outside
        self.callbacks_url = ""
        self.provider: SandboxProvider
        self.desk: PaymentDesk
        self.client: Client
        self.control: Http
        self.http: Http

    async def place(self, order_id: str = "4330000000000000000", **values: Any) -> Order:
        """An order that waits for its payment until it is due."""

        def decide(draft: Draft) -> None:
            draft.move(draft.order, OrderEvent.STOCK_RESERVED)
            draft.update(draft.order, payment_due_at_ms=due_at_ms)
            draft.remind(PaymentDue(), due_at_ms)

        due_at_ms = self.clock() + DUE_MS
        about = {"state": OrderState.RESERVING, "tenant": self.tenant}
        order = unpaid(order_id, **(about | values))
        return (await self.orders.place(order, decide, "test")).order

    async def begin(
        self, order_id: str = "4330000000000000000", key: str = "try-1", method: str = ""
    ) -> Payment:
        """A buyer begins to pay."""
        return (await self.desk.start(self.tenant, order_id, key, method)).payment

    async def pay(self, payment: Payment, **about: Any) -> None:
        """The buyer pays at the provider."""
        body = {"payment_id": payment.payment_id, **about}
        answer = await self.control.post("/control/pay", json=body)
        answer.raise_for_status()

    def misbehave(self, **shares: Any) -> None:
        """Has the provider go wrong."""
        self.outside.callbacks.misbehaviour = Misbehaviour(**shares)

    async def until_called_back(self) -> None:
        """Waits until every callback has come or was given up."""
        await self.outside.callbacks.all_sent()

    async def order(self, order_id: str = "4330000000000000000") -> Order:
        """The order as it is on disk."""
        return await self.orders.get(order_id)

    async def do(self, *kinds: str, order_id: str = "4330000000000000000") -> list[object]:
        """Does the tasks of some kinds that are due, as the relay would; what came of each."""
        handlers = handlers_of(
            PaymentTasks({"sandbox": self.provider}, self.client, EngineClock(self.clock))
        )
        done: list[object] = []
        order = await self.order(order_id)
        for task in order.tasks:
            if task.kind in kinds and task.due_at_ms <= self.clock():
                taken = Taken(await self.order(order_id), task)
                handler = handlers[TaskKind(task.kind)]
                done.append(await attempt(taken, handler, self.orders, 10))
                if isinstance(done[-1], Unchanged):
                    await self.orders.change(order_id, _without(task), "test")
                else:
                    assert isinstance(done[-1], Concluded), done[-1]
        return done

    async def pass_time(self, ms: int, *kinds: str, order_id: str = "4330000000000000000") -> None:
        """Lets time pass, and does what becomes due of some kinds, each when it is due."""
        until_ms = self.clock() + ms
        while True:
            order = await self.order(order_id)
            due = [task.due_at_ms for task in order.tasks if task.kind in kinds]
            if not due or min(due) > until_ms:
                self.clock.now_ms = until_ms
                return
            self.clock.now_ms = max(self.clock(), min(due))
            await self.do(*kinds, order_id=order_id)


def _without(task: Task) -> Callable[[Draft], None]:
    return lambda draft: draft.done(task)


@asynccontextmanager
async def world_of(
    orders: Orders,
    clock: Clock,
    engine: str = NO_ENGINE,
    seed: int = 0,
    tenant: str = "default",
) -> AsyncIterator[World]:
    """A world around a database; `engine` is the target of an engine, `seed` of what goes wrong."""
    outside = SandboxProviderApp(api_key=API_KEY, secret=SECRET, clock_ms=clock, seed=seed)
    world = World(orders, clock, outside, tenant)
    async with (
        served(Starlette(routes=[Mount("/provider", app=outside.app)])) as outside_url,
        Client(engine, tenant=tenant, timeout_ms=TIMEOUT_MS, attempts_max=1) as client,
        Http(
            base_url=f"{outside_url}/provider", headers={"authorization": f"Bearer {API_KEY}"}
        ) as control,
        Http() as http,
    ):
        world.provider = SandboxProvider(
            f"{outside_url}/provider", API_KEY, [SECRET, FORMER_SECRET]
        )
        providers = {"sandbox": world.provider}
        route = payment_callbacks(orders, providers, lambda: clock() / 1000)
        world.desk = PaymentDesk(orders, providers, METHODS)
        world.client, world.control, world.http = client, control, http
        async with served(Starlette(routes=[route])) as url:
            world.callbacks_url = outside.callbacks.url = f"{url}/callbacks/sandbox"
            try:
                yield world
            finally:
                await outside.aclose()
                await world.provider.aclose()
