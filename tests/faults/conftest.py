"""Fixtures of the server's fault tests: a store that somebody else runs, and a server on it."""

import uuid
from collections.abc import AsyncIterator, Iterator

import grpc.aio
import pytest
import pytest_asyncio

from holdfast.client import Client
from tests.serving import Server, Store, own_store, serve
from tests.waiting import PATIENCE_MS

# The longest a call may wait in these tests, whatever its own deadline.
DEADLINE_MS_MAX = 4_000


@pytest.fixture(scope="module")
def foreign_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with every setting as it should be."""
    with own_store(tmp_path_factory.mktemp("store")) as store:
        yield store


@pytest.fixture(scope="module")
def server(foreign_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of that store."""
    settings = {
        "HOLDFAST_REDIS_URL": foreign_store.url,
        "HOLDFAST_DEADLINE_MS_MAX": str(DEADLINE_MS_MAX),
    }
    with serve(tmp_path_factory.mktemp("server"), **settings) as server:
        yield server
        assert server.stop() == 0, server.log()[-4_000:]
        assert server.logged("internal error") == []


@pytest.fixture
def tenant() -> str:
    """A shop that no other test knows."""
    return f"t-{uuid.uuid4().hex}"


@pytest_asyncio.fixture(loop_scope="session")
async def client(server: Server, tenant: str) -> AsyncIterator[Client]:
    """The SDK for the test's tenant, every call sent once."""
    async with Client(
        server.target, tenant=tenant, timeout_ms=PATIENCE_MS, attempts_max=1
    ) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def channel(server: Server) -> AsyncIterator[grpc.aio.Channel]:
    """A connection for requests that the SDK would not make."""
    async with grpc.aio.insecure_channel(server.target) as channel:
        yield channel
