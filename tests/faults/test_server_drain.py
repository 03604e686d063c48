"""SIGTERM under load: what is under way is answered, nothing is lost, nothing is left behind."""

import asyncio
import json
import signal
from pathlib import Path

import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from holdfast.client import Client
from tests.embedded import is_alive
from tests.load import Load, stock_up
from tests.serving import Server, assert_sound, own_store, serve
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

# How a call ends that meets the server's end: refused by it, or left unanswered by gRPC.
GONE = {"DRAINING", "UNAVAILABLE", "CANCELLED", "DEADLINE_EXCEEDED"}


def store_pid(server: Server) -> int:
    """The process of the server's own store."""
    return int(server.logged("store_ready")[-1]["pid"])


async def test_a_server_that_is_asked_to_stop_finishes_what_it_has_begun(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        ready = tmp_path / "server.json"
        assert json.loads(ready.read_text()) == {"pid": server.pid, "target": server.target}
        store = store_pid(server)
        async with Client(server.target, timeout_ms=3_000, attempts_max=1) as client:
            await stock_up(client)
            load = Load(client)
            async with load.running():
                await load.until_answered(300)
                server.process.send_signal(signal.SIGTERM)
                await eventually(lambda: server.process.poll() is not None)
        assert server.process.returncode == 0
        assert not ready.exists()
        assert not is_alive(store)
        assert [record["level"] for record in server.logged("stopped")] == ["info"]
        assert server.logged("internal error") == []
    assert set(load.errors) <= GONE
    with serve(tmp_path) as server:
        async with Client(server.target) as client:
            await load.check(client)
            await assert_sound(client)


async def test_every_call_under_way_is_answered_while_the_server_drains(tmp_path: Path) -> None:
    with (
        own_store(tmp_path / "store") as store,
        serve(tmp_path, HOLDFAST_REDIS_URL=store.url) as server,
    ):
        async with Client(server.target, attempts_max=1) as client:
            await stock_up(client)
            store.process.send_signal(signal.SIGSTOP)
            calls = [
                asyncio.ensure_future(client.reserve(f"r{n}", [("HOT", 1)])) for n in range(20)
            ]
            # Nothing tells that a server has a call; after so many answers it has those before.
            for _ in range(50):
                await client.get_status()
            server.process.send_signal(signal.SIGTERM)
            await eventually(lambda: server.logged("draining"))
            store.process.send_signal(signal.SIGCONT)
            answers = await asyncio.gather(*calls)
        assert [answer.applied for answer in answers] == [True] * 20
        assert await asyncio.to_thread(server.wait) == 0


async def test_health_checks_fail_while_the_server_drains(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        async with grpc.aio.insecure_channel(server.target) as channel:
            watching = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
            first = await watching.read()
            assert first.status == health_pb2.HealthCheckResponse.SERVING
            server.process.send_signal(signal.SIGTERM)
            second = await watching.read()
            assert second.status == health_pb2.HealthCheckResponse.NOT_SERVING
            watching.cancel()
        assert server.wait() == 0


async def test_a_silent_stream_does_not_hold_up_the_end_for_longer_than_was_set(
    tmp_path: Path,
) -> None:
    with serve(tmp_path, HOLDFAST_DRAIN_MS="300") as server:
        async with grpc.aio.insecure_channel(server.target) as channel:
            stream = channel.stream_stream("/holdfast.inventory.v1.InventoryService/ApplyStream")()
            await stream.write(b"\x0a\x00")
            await stream.read()
            server.process.send_signal(signal.SIGTERM)
            await eventually(lambda: server.process.poll() is not None)
        assert server.process.returncode == 0
        assert server.logged("internal error") == []


async def test_a_second_signal_while_draining_changes_nothing(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        async with Client(server.target, attempts_max=1) as client:
            await stock_up(client)
            load = Load(client)
            async with load.running():
                await load.until_answered(100)
                for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
                    server.process.send_signal(number)
                assert await asyncio.to_thread(server.wait) == 0
        assert "Traceback" not in server.log()


async def test_a_server_ends_with_the_standard_input_of_whoever_started_it(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        store = store_pid(server)
        assert server.process.stdin is not None
        server.process.stdin.write(b"a line means nothing\n")
        server.process.stdin.flush()
        async with Client(server.target) as client:
            assert (await client.get_status()).trouble == ""
        server.process.stdin.close()
        await eventually(lambda: server.process.poll() is not None)
        assert server.process.returncode == 0
        assert not is_alive(store)


async def test_a_server_leaves_a_store_that_is_not_its_own_running(tmp_path: Path) -> None:
    with own_store(tmp_path / "store") as store:
        with serve(tmp_path, HOLDFAST_REDIS_URL=store.url) as server:
            async with Client(server.target, timeout_ms=3_000, attempts_max=1) as client:
                await stock_up(client)
                load = Load(client)
                async with load.running():
                    await load.until_answered(200)
                    assert await asyncio.to_thread(server.stop) == 0
            assert len(server.logged("stopped")) == 1
            assert "Traceback" not in server.log()
        assert set(load.errors) <= GONE
        with serve(tmp_path, HOLDFAST_REDIS_URL=store.url) as server:
            async with Client(server.target) as client:
                await load.check(client)
                await assert_sound(client)
