"""A world with a real sandbox provider, for both databases."""

from collections.abc import AsyncIterator, Iterator

import pytest

from order_service.storage.orders import Orders
from tests.order_service.clock import Clock
from tests.order_service.payment.world import World, world_of
from tests.order_service.sound import audit_in_the_end
from tests.serving import serve


@pytest.fixture
async def world(
    request: pytest.FixtureRequest, orders: Orders, clock: Clock
) -> AsyncIterator[World]:
    """Orders, and a provider that calls back; their books are sound in the end."""
    async with world_of(orders, clock) as world:
        yield world
        world.misbehave()
        await audit_in_the_end(request, orders, provider=world.provider)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where an engine listens."""
    with serve(tmp_path_factory.mktemp("engine")) as server:
        yield server.target
