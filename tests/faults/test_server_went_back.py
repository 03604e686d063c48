"""A store that lost answers it had given: emptied, or put back to an older copy of itself."""

import json
import signal
from collections.abc import Awaitable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from engine.keys import partition_keys
from engine.seen_files import ACCEPTED
from holdfast.client import Client
from holdfast.errors import HoldfastError, Reason
from holdfast.types import Bucket
from tests.serving import (
    Server,
    Store,
    answer_or_error,
    assert_sound,
    audit,
    own_store,
    serve,
)
from tests.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

LINES = [("A", 1)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with own_store(tmp_path / "store") as store:
        yield store


@pytest.fixture
def server(store: Store, tmp_path: Path) -> Iterator[Server]:
    with served(store, tmp_path) as server:
        yield server
        assert server.logged("internal error") == []


def served(store: Store, tmp_path: Path, **settings: str) -> AbstractContextManager[Server]:
    """A server that remembers the store in a directory of the test's."""
    settings |= {"HOLDFAST_REDIS_URL": store.url, "HOLDFAST_SEEN_DIR": str(tmp_path / "seen")}
    return serve(tmp_path / "server", **settings)


def calls(client: Client) -> dict[str, Awaitable[Any]]:
    """A call of every kind that reads or changes a tenant's stock or reservations."""
    return {
        "reserve": client.reserve("new", LINES),
        "replay": client.reserve("held", LINES),
        "confirm": client.confirm("held"),
        "release": client.release("held"),
        "set_stock": client.set_stock("A", 7),
        "adjust_stock": client.adjust_stock("A", 7, "a"),
        "move_stock": client.move_stock("A", 7, "m", to_bucket=Bucket.DAMAGED),
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


async def test_an_emptied_store_is_refused_after_a_restart_too_until_a_person_accepts_it(
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
    server.kill()
    with served(store, tmp_path) as again:
        async with Client(again.target, tenant="shop", attempts_max=1) as client:
            assert not await is_serving(again)
            await assert_refused(client, "shop")
            with pytest.raises(HoldfastError, match="went back"):
                await audit(client)
            (accepted,) = await client.accept_store("emptied on purpose", all_tenants=True)
            assert (accepted.tenant, accepted.changes_now, accepted.replaced) == ("shop", 0, True)
            assert await client.get_stock("A") == []
            await client.set_stock("A", 10)
            assert (await client.reserve("held", LINES)).applied
            await assert_sound(client)
            assert await client.accept_store("again", all_tenants=True) == []

        async def serves() -> bool:
            return await is_serving(again)

        await eventually(serves)
        assert again.logged("store accepted")[0]["reason"] == "emptied on purpose"
    book = (tmp_path / "seen" / ACCEPTED).read_text().splitlines()
    assert [json.loads(line)["reason"] for line in book] == ["emptied on purpose"]


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


@pytest.mark.parametrize("reason", ["", "  ", "x" * 257])
async def test_nothing_is_accepted_without_a_reason(server: Server, reason: str) -> None:
    async with Client(server.target, attempts_max=1) as client:
        with pytest.raises(HoldfastError, match="reason"):
            await client.accept_store(reason)


async def test_workers_that_come_later_refuse_it_and_all_serve_it_once_one_accepted_it(
    store: Store, tmp_path: Path
) -> None:
    with served(store, tmp_path, HOLDFAST_WORKERS="2") as server:
        async with Client(server.target, tenant="shop") as client:
            await client.set_stock("A", 10)
            with store.client() as redis:
                older = {key: redis.dump(key) for key in partition_keys("shop")}
                await client.reserve("held", LINES)
                restore(redis, older)
        server.process.send_signal(signal.SIGHUP)
        await eventually(lambda: bool(server.logged("workers rolled")))
        assert await answers_of_workers(server) == {"STORE_WENT_BACK"}
        async with Client(server.target, tenant="shop") as client:
            (accepted,) = await client.accept_store("the backup is all there is")
            assert (accepted.changes_seen, accepted.changes_now) == (2, 1)
            assert not accepted.replaced
        assert await answers_of_workers(server) == {"APPLIED"}


async def answers_of_workers(server: Server) -> set[str]:
    """The answers to one Reserve over some connections, which the workers share."""
    found = set()
    for _ in range(12):
        async with Client(server.target, tenant="shop", attempts_max=1) as client:
            answer = await answer_or_error(client.reserve("held", LINES))
            found.add(str(answer.reason or answer.outcome.name))
    return found


def restore(redis: Any, copies: dict[str, bytes | None]) -> None:
    """Puts every key as it was, all in one step."""
    pipeline = redis.pipeline(transaction=True)
    for key, copy in copies.items():
        pipeline.delete(key)
        if copy is not None:
            pipeline.restore(key, 0, copy)
    pipeline.execute()
