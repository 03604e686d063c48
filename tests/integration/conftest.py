"""One real server for the session's integration tests; each test has a tenant of its own."""

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc.aio
import pytest
import pytest_asyncio

from holdfast.client import Client
from tests.serving import Server, Store, assert_sound, own_store, serve


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of the session's own, in which nothing may ever end in an internal error."""
    with serve(tmp_path_factory.mktemp("serving")) as server:
        yield server
        assert server.stop() == 0
        assert server.logged("internal error") == []


@pytest.fixture
def tenant() -> str:
    """A shop that no other test knows."""
    return f"t-{uuid.uuid4().hex}"


@pytest_asyncio.fixture(loop_scope="session")
async def client(server: Server, tenant: str) -> AsyncIterator[Client]:
    """The SDK for the test's tenant, every call sent once; in the end the tenant is audited."""
    async with Client(server.target, tenant=tenant, timeout_ms=30_000, attempts_max=1) as client:
        yield client
        await assert_sound(client)


@pytest_asyncio.fixture(loop_scope="session")
async def channel(server: Server) -> AsyncIterator[grpc.aio.Channel]:
    """A connection for requests that the SDK would not make."""
    async with grpc.aio.insecure_channel(server.target) as channel:
        yield channel


@pytest_asyncio.fixture(loop_scope="session")
async def reflecting(tmp_path: Path) -> AsyncIterator[grpc.aio.Channel]:
    """A connection to a server with reflection on."""
    with serve(tmp_path, HOLDFAST_REFLECTION="true") as server:
        async with grpc.aio.insecure_channel(server.target) as channel:
            yield channel


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with own_store(tmp_path_factory.mktemp("shared")) as store:
        yield store


@pytest.fixture(scope="session")
def pair(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    """Two servers that sweep one store, and forget what is finished after half a second."""
    settings = {
        "HOLDFAST_REDIS_URL": store.url,
        "HOLDFAST_RETRIED_MS": "500",
        "HOLDFAST_RETENTION_ENDED_MS": "500",
        "HOLDFAST_RETENTION_FULFILLED_MS": "500",
        "HOLDFAST_RETENTION_ADJUSTMENTS_MS": "500",
        "HOLDFAST_SWEEP_PURGE_MS": "100",
        "HOLDFAST_JOURNAL_CHANGES_MAX": "1000",
    }
    with (
        serve(tmp_path_factory.mktemp("first"), **settings) as first,
        serve(tmp_path_factory.mktemp("second"), **settings) as second,
    ):
        yield [first, second]
        for server in (first, second):
            assert server.logged("internal error") == []


@pytest_asyncio.fixture(loop_scope="session")
async def two(pair: list[Server], tenant: str) -> AsyncIterator[list[Client]]:
    """A client of each of the two servers."""
    async with (
        Client(pair[0].target, tenant=tenant) as first,
        Client(pair[1].target, tenant=tenant) as second,
    ):
        yield [first, second]
        await assert_sound(first)
