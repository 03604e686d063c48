"""A store that forgets scripts, drops connections, becomes unsafe, goes away or falls silent."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from holdfast.client import Client
from holdfast.errors import HoldfastError, Reason
from holdfast.inventory.v1 import inventory_pb2 as pb
from holdfast.inventory.v1 import inventory_pb2_grpc as pb_grpc
from holdfast.types import StockLevel
from tests.faults.conftest import DEADLINE_MS_MAX
from tests.load import Load, stock_up
from tests.serving import Server, Store, assert_sound, contract_error, own_store, refusal, serve
from tests.waiting import PATIENCE_MS, PATIENCE_S, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

SERVING = health_pb2.HealthCheckResponse.SERVING
# What a slow machine may add to a deadline of the server's, without which a call has none.
LATE_S_MAX = 100.0


async def health(target: str) -> int:
    async with grpc.aio.insecure_channel(target) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE_S)
    return int(answer.status)


async def until_health(target: str, serving: bool) -> None:
    async def is_so() -> bool:
        return (await health(target) == int(SERVING)) is serving

    await eventually(is_so)


@contextmanager
def silenced(store: Store) -> Iterator[None]:
    """The store does not answer, and does not hang up either."""
    store.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        store.process.send_signal(signal.SIGCONT)


async def error_of(call: Awaitable[object]) -> HoldfastError:
    with pytest.raises(HoldfastError) as caught:
        await call
    return caught.value


async def again_and_again(act: Callable[[], object], pause_s: float, for_s: float) -> None:
    until_s = time.monotonic() + for_s
    while time.monotonic() < until_s:
        act()
        await asyncio.sleep(pause_s)


async def hot(client: Client) -> StockLevel:
    (level,) = await client.get_stock("HOT")
    return level


async def test_a_store_that_forgets_its_scripts_is_not_noticed(
    client: Client, foreign_store: Store
) -> None:
    await stock_up(client)
    load = Load(client)
    with foreign_store.client() as redis:
        async with load.running():
            await again_and_again(redis.script_flush, pause_s=0.02, for_s=1.0)
            await load.until_answered(20)
    assert load.errors == {}
    await load.check(client)
    await assert_sound(client)


async def test_a_store_that_drops_every_connection_is_noticed_by_nobody_who_retries(
    server: Server, tenant: str, foreign_store: Store
) -> None:
    async with Client(
        server.target, tenant=tenant, timeout_ms=PATIENCE_MS, attempts_max=1_000
    ) as client:
        await stock_up(client)
        load = Load(client)
        with foreign_store.client() as redis:
            async with load.running():
                await again_and_again(
                    lambda: redis.client_kill_filter(_type="normal", skipme=True),
                    pause_s=0.05,
                    for_s=1.0,
                )
                await load.until_answered(50)
        assert load.errors == {}
        await load.check(client)
        level = await hot(client)
        assert level.reserved + level.confirmed == 2 * len(load.answered)
        await assert_sound(client)


async def test_an_answer_lost_with_its_connection_is_given_to_who_asks_again(
    client: Client, foreign_store: Store
) -> None:
    await stock_up(client)
    load = Load(client)
    with foreign_store.client() as redis:

        def cut() -> object:
            return redis.client_kill_filter(_type="normal", skipme=True)

        async with load.running():
            await again_and_again(cut, pause_s=0.02, for_s=0.6)
            while not load.errors:  # on a busy machine no answer may have been on its way
                await again_and_again(cut, pause_s=0.003, for_s=0.1)
    assert set(load.errors) == {"STORE_UNREACHABLE"}
    for reservation_id in load.lost - load.answered.keys():
        lines = [("HOT", 1), ("HOT", 1), ("COLD", 1)]
        assert (await client.reserve(reservation_id, lines)).applied
    level = await hot(client)
    assert level.reserved + level.confirmed == 2 * len(load.answered.keys() | load.lost)
    await assert_sound(client)


async def test_a_store_that_becomes_unsafe_is_not_written_to_until_it_is_mended(
    client: Client, server: Server, foreign_store: Store
) -> None:
    await stock_up(client)
    # A connection that was cut before may still be the server's trouble.
    await until_health(server.target, serving=True)
    with foreign_store.client() as redis:
        redis.config_set("appendfsync", "everysec")
        try:
            await until_health(server.target, serving=False)
            for call in (
                lambda: client.reserve("r", [("HOT", 1)]),
                lambda: client.set_stock("HOT", 5),
                lambda: client.get_stock("HOT"),
            ):
                error = await error_of(call())
                if error.reason is None:  # the connection of the call broke on the way
                    error = await error_of(call())
                assert (error.code, error.reason) == (
                    grpc.StatusCode.UNAVAILABLE,
                    Reason.STORE_UNSAFE,
                )
                assert error.metadata["setting"] == "appendfsync"
            assert "appendfsync is everysec" in (await client.get_status()).trouble
        finally:
            redis.config_set("appendfsync", "always")
    await until_health(server.target, serving=True)
    assert (await client.get_status()).trouble == ""
    assert (await hot(client)).version == 1
    assert (await client.reserve("r", [("HOT", 1)])).applied


async def test_a_store_that_went_away_and_came_back_is_served_from_again(tmp_path: Path) -> None:
    with (
        own_store(tmp_path / "store") as store,
        serve(tmp_path, HOLDFAST_REDIS_URL=store.url) as server,
    ):
        async with Client(server.target, attempts_max=1) as client:
            await stock_up(client)
            assert (await client.reserve("before", [("HOT", 1)])).applied
            store.process.kill()
            store.process.wait()
            for call in (client.reserve("x", [("HOT", 1)]), client.get_stock("HOT")):
                assert (await error_of(call)).reason is Reason.STORE_UNREACHABLE
            await until_health(server.target, serving=False)
            assert "does not answer" in (await client.get_status()).trouble
            with own_store(tmp_path / "store"):
                await until_health(server.target, serving=True)
                assert (await client.reserve("before", [("HOT", 1)])).replayed
                assert (await client.reserve("x", [("HOT", 1)])).applied
                await assert_sound(client)


async def test_nobody_waits_longer_than_the_server_allows_for_a_store_that_is_silent(
    channel: grpc.aio.Channel, client: Client, tenant: str, foreign_store: Store
) -> None:
    await stock_up(client)
    inventory = pb_grpc.InventoryServiceStub(channel)
    reserve = pb.ReserveRequest(
        tenant=tenant, reservation_id="r", lines=[pb.Line(sku="HOT", quantity=1)]
    )
    calls = {
        "Reserve": lambda: inventory.Reserve(reserve),
        "Apply": lambda: inventory.Apply(pb.ApplyRequest(commands=[pb.Command(reserve=reserve)])),
        "GetStock": lambda: inventory.GetStock(pb.GetStockRequest(tenant=tenant, skus=["HOT"])),
        "ListReservations": lambda: inventory.ListReservations(
            pb.ListReservationsRequest(tenant=tenant)
        ),
    }
    took_s = {}
    with silenced(foreign_store):

        async def asked(name: str) -> None:
            began_s = time.monotonic()
            error = await refusal(calls[name]())
            took_s[name] = time.monotonic() - began_s
            assert error.reason in (Reason.DEADLINE_PASSED, Reason.STORE_UNREACHABLE)

        await asyncio.gather(*map(asked, calls))
    limit_s = DEADLINE_MS_MAX / 1000 + LATE_S_MAX
    assert {name: seconds for name, seconds in took_s.items() if seconds > limit_s} == {}
    again = await inventory.Reserve(reserve, timeout=PATIENCE_S)
    assert again.outcome == pb.OUTCOME_APPLIED
    assert (await hot(client)).reserved == 1


async def test_a_caller_with_a_deadline_of_its_own_waits_no_longer_and_has_one_effect(
    client: Client, foreign_store: Store
) -> None:
    await stock_up(client)
    with silenced(foreign_store):
        began_s = time.monotonic()
        errors = await asyncio.gather(
            *(error_of(client.reserve(f"r{n}", [("HOT", 1)], timeout_ms=300)) for n in range(50))
        )
        assert time.monotonic() - began_s < DEADLINE_MS_MAX / 1000
    assert {error.code for error in errors} == {grpc.StatusCode.DEADLINE_EXCEEDED}
    answers = await asyncio.gather(*(client.reserve(f"r{n}", [("HOT", 1)]) for n in range(50)))
    assert all(answer.applied for answer in answers)
    level = await hot(client)
    assert (level.reserved, level.version) == (50, 51)
    await assert_sound(client)


async def test_reads_wait_for_a_store_that_is_slow_for_a_moment(
    client: Client, foreign_store: Store
) -> None:
    await stock_up(client)
    with silenced(foreign_store):
        reads = [asyncio.ensure_future(hot(client)) for _ in range(300)]
        await asyncio.sleep(0.3)
    levels = await asyncio.gather(*reads)
    assert {level.available for level in levels} == {levels[0].available}


async def test_more_work_than_can_be_done_in_time_is_refused_with_a_time_to_come_back(
    channel: grpc.aio.Channel, client: Client, tenant: str, foreign_store: Store
) -> None:
    await stock_up(client)
    inventory = pb_grpc.InventoryServiceStub(channel)
    releases = [
        pb.Command(release=pb.ReleaseRequest(tenant=tenant, reservation_id=f"r{n}"))
        for n in range(1_000)
    ]
    with silenced(foreign_store):
        calls = [inventory.Apply(pb.ApplyRequest(commands=releases)) for _ in range(60)]
        first, *_ = await asyncio.wait(
            [asyncio.ensure_future(wait_for(call)) for call in calls],
            return_when=asyncio.FIRST_COMPLETED,
        )
        refused = first.pop().result()
    assert isinstance(refused, grpc.aio.AioRpcError)
    error = contract_error(refused)
    assert (error.code, error.reason) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        Reason.OVERLOADED,
    )
    assert error.retry_after_ms is not None
    assert error.retry_after_ms >= 1_000
    assert dict(refused.trailing_metadata() or ())["grpc-retry-pushback-ms"].isdigit()
    outcomes = await asyncio.gather(*map(wait_for, calls))
    assert any(not isinstance(outcome, grpc.aio.AioRpcError) for outcome in outcomes)
    await assert_sound(client)


async def wait_for(call: Awaitable[object]) -> object:
    """The answer of a call, or the error it ends with."""
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        return error


async def test_health_follows_what_a_write_would_be_answered(
    client: Client, server: Server, foreign_store: Store
) -> None:
    await client.set_stock("A", 1)
    with foreign_store.client() as redis:
        redis.config_set("min-replicas-to-write", "1")
        try:
            error = await error_of(client.reserve("r", [("A", 1)]))
            assert (error.reason, error.metadata["store_error"]) == (
                *(Reason.STORE_REFUSES, "NOREPLICAS"),
            )
            await until_health(server.target, serving=False)
            assert "min-replicas-to-write" in (await client.get_status()).trouble
        finally:
            redis.config_set("min-replicas-to-write", "0")
    await until_health(server.target, serving=True)
    assert (await client.reserve("r", [("A", 1)])).applied
