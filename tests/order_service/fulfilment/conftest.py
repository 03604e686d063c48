"""A world with a real engine and a real sandbox carrier, for both databases."""

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from holdfast.client import Client
from order_service.storage.orders import Orders
from tests.order_service.clock import Clock
from tests.order_service.fulfilment.world import World, world_of
from tests.order_service.sound import audit_in_the_end
from tests.serving import Server, serve


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An engine of the session's own."""
    with serve(tmp_path_factory.mktemp("engine")) as server:
        yield server


@pytest.fixture
async def world(
    request: pytest.FixtureRequest, orders: Orders, clock: Clock, engine: Server
) -> AsyncIterator[World]:
    """Orders of a tenant of the test's own, and a carrier that calls back; the books are sound in
    the end.
    """
    tenant = f"t-{uuid.uuid4().hex[:12]}"
    async with (
        Client(engine.target, tenant=tenant) as client,
        world_of(orders, clock, client) as world,
    ):
        yield world
        await audit_in_the_end(request, orders, client, tenant=tenant)
