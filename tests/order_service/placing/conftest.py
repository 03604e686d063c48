"""A real engine for the tests, each with a shop of its own in it, and what places orders."""

import time
from collections.abc import AsyncIterator, Iterator
from itertools import count

import pytest

from holdfast.client import Client
from order_service.catalogue.catalogue import Catalogue
from order_service.engine_clock import EngineClock
from order_service.placing.backorders import Backorders
from order_service.placing.place import Placing
from order_service.placing.queue import StockDesk
from order_service.placing.reserving import Reserving
from order_service.placing.stock_tasks import StockTasks
from order_service.storage.orders import Orders
from tests.order_service.clock import Clock
from tests.order_service.placing.shop import Shop
from tests.order_service.placing.wanted import ARTICLES, METHODS
from tests.order_service.sound import audit_in_the_end
from tests.serving import serve

_shop_numbers = count(1)


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still at the time of now: the engine's deadlines are real."""
    return Clock(time.time_ns() // 1_000_000)


@pytest.fixture(scope="session")
def engine_target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where an engine listens."""
    with serve(tmp_path_factory.mktemp("engine")) as server:
        yield server.target


@pytest.fixture
async def engine(engine_target: str) -> AsyncIterator[Client]:
    """A client of the engine, for a shop that nobody else uses."""
    async with Client(engine_target, tenant=f"shop-{next(_shop_numbers)}") as client:
        yield client


@pytest.fixture
async def shop(
    request: pytest.FixtureRequest, orders: Orders, engine: Client
) -> AsyncIterator[Shop]:
    """A shop that sells `ARTICLES` and has no stock yet; its books are sound in the end."""
    catalogue = Catalogue(orders)
    await catalogue.put(engine.tenant, list(ARTICLES.values()))
    desk = StockDesk(orders, Reserving(engine, catalogue, METHODS, EngineClock(orders.clock_ms)))
    placing = Placing(orders, desk, catalogue, METHODS)
    backorders = Backorders(orders, catalogue, desk, METHODS)
    stock_tasks = StockTasks(engine, desk, METHODS)
    yield Shop(orders, engine, catalogue, desk, placing, backorders, stock_tasks)
    await audit_in_the_end(request, orders, engine, tenant=engine.tenant)
