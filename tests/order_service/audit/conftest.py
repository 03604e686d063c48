"""A shop of the test's own, on both databases, beside a real engine and a real provider."""

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from order_service.storage.orders import Orders
from tests.order_service.audit.shop import Shop
from tests.order_service.clock import Clock
from tests.order_service.payment.world import World, world_of
from tests.serving import serve


@pytest.fixture(scope="session")
def engine_target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where an engine listens."""
    with serve(tmp_path_factory.mktemp("engine")) as server:
        yield server.target


@pytest.fixture
async def world(orders: Orders, clock: Clock, engine_target: str) -> AsyncIterator[World]:
    """Orders, an engine, and a provider that calls back."""
    async with world_of(orders, clock, engine_target) as world:
        yield world


@pytest.fixture
async def shop(world: World) -> Shop:
    """A shop with plenty of stock, and no orders."""
    shop = Shop(world, f"t-{uuid.uuid4().hex}")
    await shop.engine.set_stock("SKU-1", 1_000, tenant=shop.tenant)
    return shop
