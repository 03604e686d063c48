"""Servers and stores that die, leave or fall silent under a client that batches."""

import asyncio
import itertools
import signal
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import grpc
import pytest

from holdfast.client import Client
from tests.faults.conftest import DEADLINE_MS_MAX
from tests.serving import Store, answer_or_error, assert_sound, own_store, serve
from tests.waiting import PATIENCE_MS, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

TASKS = 200
# Far more than a server may take to leave a client that goes elsewhere by itself.
DRAIN_MS = "600000"
LEFT_S_MAX = 100.0
KILLS_MIN, KILLS_MAX = 3, 30


class Orders:
    """Tasks that reserve one unit after the other, each under an id of its own, until stopped.
    Whatever happens to the server, every one of them has to be applied.
    """

    def __init__(self, client: Client) -> None:
        self.applied = 0
        self.replayed = 0
        self._client = client
        self._numbers = itertools.count()
        self._stopping = False

    @asynccontextmanager
    async def placed(self) -> AsyncIterator[None]:
        """Orders while the context lasts."""
        await self._client.set_stock("HOT", 10_000_000)
        tasks = [asyncio.create_task(self._order()) for _ in range(TASKS)]
        try:
            yield
        finally:
            self._stopping = True
            await asyncio.gather(*tasks)

    async def until_applied(self, more: int) -> None:
        """Waits for so many more."""
        wanted = self.applied + more

        await eventually(lambda: self.applied >= wanted, f"{more} more are applied")

    async def check(self) -> None:
        """Checks that exactly the units of applied Reserves are held."""
        (level,) = await self._client.get_stock("HOT")
        assert level.reserved == self.applied
        await assert_sound(self._client)

    async def _order(self) -> None:
        while not self._stopping:
            result = await self._client.reserve(f"r{next(self._numbers)}", [("HOT", 1)])
            assert result.applied, result
            self.applied += 1
            self.replayed += result.replayed


def persistent(target: str) -> Client:
    """A client that gives up only when its time is up."""
    return Client(target, timeout_ms=PATIENCE_MS, attempts_max=100_000)


async def test_every_call_outlives_servers_that_are_killed_and_is_applied_once(
    tmp_path: Path, unused_tcp_port: int
) -> None:
    listen = f"127.0.0.1:{unused_tcp_port}"
    with own_store(tmp_path / "store") as store, ExitStack() as servers:
        settings = {"HOLDFAST_REDIS_URL": store.url, "HOLDFAST_LISTEN": listen}
        server = servers.enter_context(serve(tmp_path, **settings))
        async with persistent(server.target) as client:
            orders = Orders(client)
            async with orders.placed():
                for kills in range(1, KILLS_MAX + 1):
                    await orders.until_applied(2_000)
                    server.kill()
                    # In a thread, so that the calls go on failing meanwhile.
                    context = serve(tmp_path, **settings)
                    server = await asyncio.to_thread(servers.enter_context, context)
                    await orders.until_applied(TASKS)
                    # A kill between two batches loses no answer, and would prove little.
                    if kills >= KILLS_MIN and orders.replayed:
                        break
                await orders.until_applied(2_000)
            assert orders.replayed > 0
            await orders.check()


async def test_a_server_that_drains_is_left_under_load_and_no_call_is_lost(
    tmp_path: Path, unused_tcp_port: int
) -> None:
    listen = f"127.0.0.1:{unused_tcp_port}"
    with own_store(tmp_path / "store") as store, ExitStack() as servers:
        settings = {
            "HOLDFAST_REDIS_URL": store.url,
            "HOLDFAST_LISTEN": listen,
            "HOLDFAST_DRAIN_MS": DRAIN_MS,
        }
        server = servers.enter_context(serve(tmp_path, **settings))
        async with persistent(server.target) as client:
            orders = Orders(client)
            async with orders.placed():
                await orders.until_applied(2_000)
                began_s = time.monotonic()
                server.process.send_signal(signal.SIGTERM)
                assert await asyncio.to_thread(server.wait) == 0
                assert time.monotonic() - began_s < LEFT_S_MAX
                await asyncio.to_thread(servers.enter_context, serve(tmp_path, **settings))
                await orders.until_applied(2_000)
            await orders.check()


async def test_a_client_that_is_idle_does_not_hold_up_a_server_that_drains(
    tmp_path: Path,
) -> None:
    with serve(tmp_path, HOLDFAST_DRAIN_MS=DRAIN_MS) as server:
        async with Client(server.target) as client:
            await client.release("r")
            began_s = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(server.wait) == 0
            assert time.monotonic() - began_s < LEFT_S_MAX


async def test_a_silent_store_costs_each_call_its_own_time_and_no_more(
    client: Client, foreign_store: Store
) -> None:
    await client.set_stock("HOT", 100)
    foreign_store.process.send_signal(signal.SIGSTOP)
    try:
        hasty = [client.reserve(f"h{n}", [("HOT", 1)], timeout_ms=200) for n in range(20)]
        patient = [
            asyncio.create_task(client.reserve(f"p{n}", [("HOT", 1)], timeout_ms=DEADLINE_MS_MAX))
            for n in range(20)
        ]
        errors = await asyncio.gather(*map(answer_or_error, hasty))
        assert not any(call.done() for call in patient)
        assert {error.code for error in errors} == {grpc.StatusCode.DEADLINE_EXCEEDED}
    finally:
        foreign_store.process.send_signal(signal.SIGCONT)
    assert all(result.applied for result in await asyncio.gather(*patient))
    # What was given up may have been done; asked for again it is done once.
    again = [client.reserve(f"h{n}", [("HOT", 1)]) for n in range(20)]
    assert all(result.applied for result in await asyncio.gather(*again))
    (level,) = await client.get_stock("HOT")
    assert level.reserved == 40
    await assert_sound(client)


async def test_a_server_that_falls_silent_holds_up_nobody_beyond_the_deadline(
    tmp_path: Path,
) -> None:
    with serve(tmp_path) as server:
        async with Client(server.target, timeout_ms=400) as client:
            await client.set_stock("HOT", 100, timeout_ms=PATIENCE_MS)
            await client.reserve("before", [("HOT", 1)], timeout_ms=PATIENCE_MS)
            server.process.send_signal(signal.SIGSTOP)
            try:
                for wave in range(3):
                    calls = [client.reserve(f"{wave}-{n}", [("HOT", 1)]) for n in range(10)]
                    began_s = time.monotonic()
                    errors = await asyncio.gather(*map(answer_or_error, calls))
                    assert time.monotonic() - began_s < LEFT_S_MAX
                    # UNAVAILABLE over a connection that was not made before.
                    codes = {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE}
                    assert {error.code for error in errors} <= codes
            finally:
                server.process.send_signal(signal.SIGCONT)
            assert (await client.reserve("after", [("HOT", 1)], timeout_ms=PATIENCE_MS)).applied
            await assert_sound(client)
