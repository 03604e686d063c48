"""A store that lost answers it had given: emptied, or put back to an older copy of itself."""

from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from engine.keys import partition_keys
from holdfast.client import Client
from holdfast.errors import HoldfastError, Reason
from tests.serving import Server, Store, assert_sound, own_store, serve
from tests.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

LINES = [("A", 1)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with own_store(tmp_path / "store") as store:
        yield store


@pytest.fixture
def server(store: Store, tmp_path: Path) -> Iterator[Server]:
    with serve(tmp_path / "server", HOLDFAST_REDIS_URL=store.url) as server:
        yield server
        assert server.logged("internal error") == []


def calls(client: Client) -> dict[str, Awaitable[Any]]:
    """A call of every kind that reads or changes a tenant's stock or reservations."""
    return {
        "reserve": client.reserve("new", LINES),
        "replay": client.reserve("held", LINES),
        "confirm": client.confirm("held"),
        "release": client.release("held"),
        "set_stock": client.set_stock("A", 7),
        "adjust_stock": client.adjust_stock("A", 7, "a"),
        "get_reservation": client.get_reservation("held"),
        "list_reservations": anext(client.list_reservations()),
        "get_stock": client.get_stock("A"),
        "list_stock": anext(client.list_stock()),
    }


async def assert_refused(client: Client, tenant: str) -> None:
    for name, call in calls(client).items():
        with pytest.raises(HoldfastError) as caught:
            await call
        error = caught.value
        assert (error.code, error.reason, error.metadata) == (
            grpc.StatusCode.UNAVAILABLE,
            Reason.STORE_WENT_BACK,
            {"tenant": tenant},
        ), name


async def is_serving(server: Server) -> bool:
    async with grpc.aio.insecure_channel(server.target) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE_S)
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def test_an_emptied_store_is_refused_until_an_operator_accepts_it(
    server: Server, store: Store, tmp_path: Path
) -> None:
    async with Client(server.target, tenant="shop", attempts_max=1) as client:
        await client.set_stock("A", 10)
        await client.reserve("held", LINES)
        with store.client() as redis:
            redis.flushall()
            await assert_refused(client, "shop")
            keys: list[bytes] = redis.keys()
            assert [key for key in keys if b"{shop/0}" in key] == []

        async def noticed() -> bool:
            return not await is_serving(server)

        await eventually(noticed)
        assert "shop went back in time" in (await client.get_status()).trouble
        # Who knows nothing of the tenant's past can start it anew.
        async with Client(server.target, tenant="other", attempts_max=1) as other:
            assert (await other.set_stock("A", 3)).available == 3
            assert (await other.reserve("r", LINES)).applied
    assert server.stop() == 0
    with serve(tmp_path / "again", HOLDFAST_REDIS_URL=store.url) as again:
        async with Client(again.target, tenant="shop") as client:
            assert await client.get_stock("A") == []
            await client.set_stock("A", 10)
            assert (await client.reserve("held", LINES)).applied
            await assert_sound(client)
            assert await is_serving(again)


async def test_an_older_copy_is_refused_and_the_newest_is_served_from_again(
    server: Server, store: Store
) -> None:
    keys = partition_keys("shop")
    async with Client(server.target, tenant="shop", attempts_max=1) as client:
        await client.set_stock("A", 10)
        with store.client() as redis:
            older = {key: redis.dump(key) for key in keys}
            await client.reserve("held", LINES)
            newest = {key: redis.dump(key) for key in keys}
            restore(redis, older)
            await assert_refused(client, "shop")
            assert {key: redis.dump(key) for key in keys} == older
            restore(redis, newest)
        assert (await client.reserve("held", LINES)).replayed

        async def serving() -> bool:
            return await is_serving(server)

        await eventually(serving)
        await assert_sound(client)


def restore(redis: Any, copies: dict[str, bytes | None]) -> None:
    """Puts every key as it was, all in one step."""
    pipeline = redis.pipeline(transaction=True)
    for key, copy in copies.items():
        pipeline.delete(key)
        if copy is not None:
            pipeline.restore(key, 0, copy)
    pipeline.execute()
