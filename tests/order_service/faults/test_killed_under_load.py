"""The database, or the order service, is killed while many orders are placed, paid and shipped:
every answer was true, and all that was begun is finished, once.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from holdfast.client import Client
from holdfast.order.v1 import payment_pb2
from order_service.order.ids import Ids
from order_service.order.model import Order
from order_service.order.states import OrderState
from order_service.payment.providers.sandbox import SandboxProvider
from order_service.storage.database import Database, open_database
from order_service.storage.orders import Orders
from tests.order_service.faults import short_leases
from tests.order_service.faults.crowd import Crowd
from tests.order_service.faults.shop import QUANTITY, SKU, open_shop
from tests.order_service.postgres import Postgres, serve_postgres
from tests.order_service.processes import (
    API_KEY,
    SECRET,
    OrderServer,
    Sandbox,
    sandbox_settings,
    serve_orders,
)
from tests.order_service.sound import all_orders, assert_books_sound
from tests.serving import Server
from tests.waiting import eventually

UNITS = 1_000
CUTS = (0.1, 0.25, 0.4)
"""When all connections are cut: when so much was answered."""
CRASH = 0.6
KILLS = (0.2, 0.6)


class Shop:
    """A shop whose order service may end and begin anew."""

    def __init__(
        self, directory: Path, engine: Server, sandbox: Sandbox, tenant: str, database_url: str
    ) -> None:
        self.crowd = Crowd(tenant, sandbox.url)
        self.stock = Client(engine.target, tenant=tenant)
        self.server: OrderServer
        self._directory = directory
        self._settings = {
            "HOLDFAST_TARGET": engine.target,
            "HOLDFAST_DATABASE_URL": database_url,
            **sandbox_settings(sandbox),
        }
        self._provider = SandboxProvider(f"{sandbox.url}/provider", API_KEY, [SECRET])
        self._tenant = tenant
        self._database_url = database_url
        self._running = ExitStack()
        self._began_on = _today()

    async def begin(self) -> None:
        """Starts an order service."""
        serving = serve_orders(self._directory, short_leases.__name__, **self._settings)
        self.server = await asyncio.to_thread(self._running.enter_context, serving)
        await self.crowd.serves(self.server)

    async def close(self) -> None:
        """Ends everything."""
        await self.crowd.close()
        await self.stock.close()
        await self._provider.aclose()
        await asyncio.to_thread(self._running.close)

    async def assert_nothing_lost_and_nothing_twice(self) -> None:
        """Of what the crowd has begun, once everything is done that is left to do."""
        database = open_database(self._database_url)
        try:
            await eventually(partial(_is_finished, database))
            # Money of buyers who did not wait for the answer to their payment.
            for day in {self._began_on, _today()}:
                asked = payment_pb2.ReconcileRequest(provider="sandbox", day=day)
                await self.crowd.client.ask(asked)
            await eventually(partial(_is_finished, database))
            orders = await database.read(all_orders)
            self.crowd.check(orders)
            await self._check_stock(orders)
            books = Orders(database, lambda: time.time_ns() // 1_000_000, Ids())
            await assert_books_sound(
                books, self.stock, self._provider, tenant=self._tenant, all_is_done=True
            )
        finally:
            await database.close()

    async def _check_stock(self, orders: Sequence[Order]) -> None:
        """Checks that units that left are gone, that units sold or waiting for their payment are
        held, and that all others are there.
        """
        states = Counter(order.state for order in orders)
        (level,) = await self.stock.get_stock(SKU)
        assert level.on_hand == UNITS - QUANTITY * states[OrderState.SHIPPED]
        assert level.reserved == QUANTITY * states[OrderState.AWAITING_PAYMENT]
        assert level.confirmed == QUANTITY * states[OrderState.IN_FULFILMENT]
        assert sum(states.values()) == sum(states[state] for state in _STATES), states


_STATES = (OrderState.AWAITING_PAYMENT, OrderState.IN_FULFILMENT, OrderState.SHIPPED)


async def _is_finished(database: Database) -> bool:
    """Whether no order has anything left to do now, nor anything that was given up."""
    now_ms = time.time_ns() // 1_000_000
    orders = await database.read(all_orders)
    tasks = [task for order in orders for task in order.tasks]
    assert not any(task.dead for task in tasks), tasks
    # The call that placed an order has some seconds to finish it, before its task is due.
    is_placed = all(order.state is not OrderState.RESERVING for order in orders)
    return is_placed and all(task.due_at_ms > now_ms for task in tasks)


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


@asynccontextmanager
async def shop_of(*where: Any) -> AsyncIterator[Shop]:
    """An open shop with an order service."""
    shop = Shop(*where)
    try:
        await shop.begin()
        await open_shop(shop.crowd.client)
        await shop.stock.set_stock(SKU, UNITS)
        yield shop
    finally:
        await shop.close()


async def hurt(crowd: Crowd, kill: Callable[[], object]) -> None:
    """Kills something until somebody was not answered."""
    before = crowd.troubles

    async def is_noticed() -> bool:
        await asyncio.to_thread(kill)
        return crowd.troubles > before

    await eventually(is_noticed)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server that may be killed."""
    with serve_postgres(tmp_path_factory.mktemp("mortal")) as postgres:
        yield postgres


@pytest.mark.long
async def test_nothing_is_lost_and_nothing_twice_when_postgresql_is_killed_under_load(
    postgres: Postgres, engine: Server, sandbox: Sandbox, tenant: str, tmp_path: Path
) -> None:
    async with shop_of(tmp_path, engine, sandbox, tenant, postgres.url) as shop:
        crowd = shop.crowd
        async with asyncio.TaskGroup() as group:
            group.create_task(crowd.buy())
            for share in CUTS:
                await crowd.is_so_far(share)
                await hurt(crowd, postgres.cut_connections)
            await crowd.is_so_far(CRASH)
            await hurt(crowd, postgres.crash)
            await asyncio.to_thread(postgres.start)
        await shop.assert_nothing_lost_and_nothing_twice()


async def test_nothing_is_lost_and_nothing_twice_when_the_order_service_is_killed_under_load(
    engine: Server, sandbox: Sandbox, tenant: str, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'orders.db'}"
    async with shop_of(tmp_path, engine, sandbox, tenant, url) as shop:
        crowd = shop.crowd
        async with asyncio.TaskGroup() as group:
            group.create_task(crowd.buy())
            for share in KILLS:
                await crowd.is_so_far(share)
                await hurt(crowd, shop.server.kill)
                await shop.begin()
        await shop.assert_nothing_lost_and_nothing_twice()
