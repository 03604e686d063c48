"""A process that dies at each of its steps in turn: the next one finishes the order, once.

A step is a commit, or a call to the engine, the provider or the carrier; the process dies before it
and after it. The shop asks again with the same keys, as it has to.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from holdfast.client import Client
from holdfast.order.v1 import order_pb2
from holdfast.orders import OrderClient
from order_service import app as application
from order_service.app import App, build, now_ms
from order_service.config import from_environment
from order_service.payment.sandbox import SandboxProvider
from order_service.relay.relay import Relay, RelaySettings
from order_service.storage.database import open_database
from order_service.storage.migrate import migrate
from tests.order_service.faults.mortal import Life, Mortal
from tests.order_service.faults.shop import SKU, Walk, open_shop
from tests.order_service.processes import (
    API_KEY,
    SECRET,
    Sandbox,
    sandbox_settings,
    serve_sandbox,
)
from tests.order_service.sound import assert_books_sound
from tests.serving import Server, eventually, serve

# Leases of the dead are over for who comes after them; no payment is due yet.
LATER_MS = 60_000
UNITS = 1_000
STEPS_MIN, STEPS_MAX = 30, 100
STEPS_WANTED = (
    "database.write run_batch",
    "engine.reserve",
    "engine.confirm",
    "engine.ship",
    "provider.start",
    "carrier.label",
)
# Every so many steps are tried; `make test-long` tries them all. On PostgreSQL commits are the only
# thing that differs.
LONG = "HOLDFAST_EXAMPLES" in os.environ
STRIDES = {"sqlite": 1 if LONG else 2, "postgres": 1 if LONG else 6}

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[tuple[Server, Sandbox]]:
    """An engine and a sandbox that outlive every order service of a test."""
    with serve(tmp_path / "engine") as engine, serve_sandbox(tmp_path) as sandbox:
        yield engine, sandbox


@pytest.fixture(params=sorted(STRIDES))
def database(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, int]:
    """The URL of a database, and of how many steps one is tried."""
    url = f"sqlite:///{tmp_path / 'orders.db'}"
    if request.param == "postgres":
        url = request.getfixturevalue("empty_postgres_url")
    return url, STRIDES[request.param]


class Process:
    """An order service in this process, which dies with its `life`."""

    def __init__(self, app: App, life: Life, port: int) -> None:
        self.app = app
        self.life = life
        self.client = OrderClient(f"127.0.0.1:{port}", timeout_ms=3_000, attempts_max=1)
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app.callbacks, raise_app_exceptions=False),
            base_url="http://orders",
        )

    async def post(self, body: bytes, headers: dict[str, str]) -> int:
        """Hands a callback over; returns the status."""
        answer = await self.http.post("/callbacks/sandbox", content=body, headers=headers)
        return answer.status_code

    async def end(self) -> None:
        """What the kernel does: nothing is finished."""
        self.life.dead.set()
        for loop in self.app._loops:
            loop.cancel()
            with suppress(BaseException):
                await loop
        await self.app.grpc_server.stop(None)
        await self.client.close()
        await self.http.aclose()
        with suppress(BaseException):
            await self.app.close()


class World:
    """One order service at a time, and another when it has died."""

    def __init__(self, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.lives = 0
        self.process: Process
        self._settings = settings
        self._monkeypatch = monkeypatch

    async def begin(self, dies_at: int) -> None:
        """Starts an order service that dies at a step."""
        life = Life(dies_at)
        clock_ms = partial(_later, self.lives * LATER_MS)
        self.lives += 1
        patch = self._monkeypatch.setattr
        patch(
            application, "open_database", lambda url: Mortal(open_database(url), life, "database")
        )
        patch(application, "Client", lambda target: Mortal(Client(target), life, "engine"))
        relay = partial(Relay, settings=RelaySettings(poll_s=0.05))
        patch(application, "Relay", relay)
        app = build(from_environment(self._settings), CollectorRegistry(), clock_ms)
        for parts, name in ((app.outside.providers, "provider"), (app.outside.carriers, "carrier")):
            for key, part in parts.items():
                _put(parts, key, Mortal(part, life, name))
        port = app.grpc_server.add_insecure_port("127.0.0.1:0")
        await app.start()
        self.process = Process(app, life, port)

    async def revive(self) -> None:
        """Starts another, which does not die, if this one has."""
        if self.process.life.dead.is_set():
            await self.process.end()
            await self.begin(0)

    async def walk(self, walk: Walk) -> None:
        """Has an order walk its whole way."""
        for step in walk.steps():
            await walk.do(step, self.revive)


def _put(parts: Any, key: str, part: Any) -> None:
    parts[key] = part


def _later(ms: int) -> int:
    return now_ms() + ms


@asynccontextmanager
async def world_of(url: str, outside: tuple[Server, Sandbox], dies_at: int) -> AsyncIterator[World]:
    """A world whose first order service dies at a step."""
    engine, sandbox = outside
    settings = {
        "HOLDFAST_TARGET": engine.target,
        "HOLDFAST_DATABASE_URL": url,
        **sandbox_settings(sandbox),
    }
    with pytest.MonkeyPatch.context() as monkeypatch:
        world = World(settings, monkeypatch)
        await world.begin(dies_at)
        try:
            yield world
        finally:
            await world.process.end()


async def shipped(stock: Client, order_id: str) -> bool:
    """Whether the engine has heard that the parcel has left; its task is done on its own."""
    reservation = await stock.get_reservation(order_id)
    return [line.shipped for line in reservation.lines] == [2]


async def test_whenever_it_dies_the_order_comes_to_its_end_once(
    database: tuple[str, int], outside: tuple[Server, Sandbox]
) -> None:
    url, stride = database
    fresh = open_database(url)
    await migrate(fresh)
    await fresh.close()
    engine, sandbox = outside
    seed = random.Random(url).randrange(10**6)
    async with world_of(url, outside, 0) as world, Client(engine.target) as stock:
        await open_shop(world.process.client)
        await stock.set_stock(SKU, UNITS)
    died_at: list[str] = []
    for number in range(1, STEPS_MAX, stride):
        async with world_of(url, outside, number) as world, Client(engine.target) as stock:
            process = world.process
            walk = Walk(
                f"cart-{seed}-{number}",
                sandbox.url,
                lambda world=world: world.process.client,  # type: ignore[misc]
                lambda body, headers, world=world: world.process.post(body, headers),  # type: ignore[misc]
            )
            async with asyncio.timeout(60):
                await world.walk(walk)
            order = await walk.order()
            assert order.state == order_pb2.Order.COMPLETED
            assert [line.shipped for line in order.lines] == [2]
            assert [payment.captured_minor for payment in order.payments] == [2_500]
            assert not order.refunds
            await eventually(partial(shipped, stock, walk.order_id), 10)
            if not process.life.dead.is_set():
                break  # it came through alive: there is no such step
            died_at.append(process.life.steps[number - 1])
            provider = SandboxProvider(f"{sandbox.url}/provider", API_KEY, [SECRET])
            await assert_books_sound(world.process.app.orders, stock, provider)
            await provider.aclose()
    assert len(died_at) >= STEPS_MIN // stride, died_at
    for step in (
        "database.write run_batch",
        "provider.start",
        "carrier.label",
        "engine.reserve",
        "engine.confirm",
        "engine.ship",
    ):
        assert any(name.endswith(step) for name in died_at) or stride > 1, (step, died_at)
