"""A process that dies at a step: the next one finishes the order, once.

A step is a commit, or a call to the engine, the provider or the carrier; the process dies before it
or after it. The shop asks again with the same keys, as it has to. In `make test` it dies at a few
steps of each way that an order may go, the same each time; in `make test-long` at each.
"""

import asyncio
import gc
import os
import warnings
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import make_url

from holdfast.client import Client
from holdfast.orders import OrderClient
from order_service import app as application
from order_service.app import App
from order_service.config import from_environment
from order_service.payment.providers.sandbox import SandboxProvider
from order_service.placing import backorders
from order_service.relay.relay import Relay, RelaySettings
from order_service.storage.clock import wall_ms
from order_service.storage.database import open_database
from order_service.storage.migrate import migrate
from tests.http import posted
from tests.order_service.conftest import KINDS
from tests.order_service.faults.mortal import Life, Mortal, Place
from tests.order_service.faults.shop import SKU, open_shop
from tests.order_service.faults.walks import WAYS, Way
from tests.order_service.processes import API_KEY, SECRET, Sandbox, sandbox_settings
from tests.order_service.sound import assert_books_sound
from tests.serving import Server
from tests.waiting import PATIENCE_S, eventually

# Leases of the dead are over for who comes after them; no payment is due yet.
LATER_MS = 60_000
POLL_S = 0.05
STEPS_MAX = 200
# So long the buyer waits for the answer of who has died.
CALL_MS_MAX = 1_000
# On PostgreSQL commits are the only thing that differs.
FEWER = {"sqlite": 1, "postgresql": 2}
LONG = "HOLDFAST_EXAMPLES" in os.environ

pytestmark = [
    pytest.mark.more,
    pytest.mark.timeout(3_000 if LONG else 900),
    # Who has died closes nothing.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]


@pytest.fixture(autouse=True)
def closed_by_the_kernel() -> Iterator[None]:
    """Closes what the dead have left open; no later test shall hear of it."""
    yield
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()


@pytest.fixture(params=KINDS)
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "postgres":
        return str(request.getfixturevalue("empty_postgres_url"))
    url = f"sqlite:///{tmp_path / 'orders.db'}"
    fresh = open_database(url)
    await migrate(fresh)
    await fresh.close()
    return url


class Process:
    """An order service in this process, which dies with its `life`."""

    def __init__(self, app: App, life: Life, port: int, tenant: str) -> None:
        self.app = app
        self.life = life
        self.client = OrderClient(
            f"127.0.0.1:{port}", tenant=tenant, timeout_ms=CALL_MS_MAX, attempts_max=1
        )

    async def post(self, body: bytes, headers: dict[str, str]) -> int:
        """Hands a callback over; returns the status."""
        try:
            return await posted(self.app.callbacks, "/callbacks/sandbox", body, headers)
        except Exception:  # noqa: BLE001 - as a server answers it
            return HTTPStatus.INTERNAL_SERVER_ERROR

    async def end(self) -> None:
        """Ends the process as the kernel does: nothing is finished."""
        self.life.dead.set()
        for loop in self.app._loops:
            loop.cancel()
            with suppress(BaseException):
                await loop
        await self.app.grpc_server.stop(None)
        await self.client.close()
        with suppress(BaseException):
            await self.app.close()


class World:
    """A shop that is served by one order service at a time, and by another when it has died."""

    def __init__(
        self, url: str, engine: Server, sandbox: Sandbox, tenant: str, patched: pytest.MonkeyPatch
    ) -> None:
        self.process: Process
        self.stock = Client(engine.target, tenant=tenant)
        self.sandbox_url = sandbox.url
        self._provider = SandboxProvider(f"{sandbox.url}/provider", API_KEY, [SECRET])
        self._tenant = tenant
        self._settings = {
            "HOLDFAST_TARGET": engine.target,
            "HOLDFAST_DATABASE_URL": url,
            **sandbox_settings(sandbox),
        }
        self._patched = patched
        self._lives = 0
        self._walk: Way | None = None

    async def begin(self, dies_at: Place = 0) -> None:
        """Starts an order service that dies at a step."""
        life = Life(dies_at)
        clock_ms = partial(self._clock_ms, self._lives)
        self._lives += 1
        patch = self._patched.setattr
        patch(
            application, "open_database", lambda url: Mortal(open_database(url), life, "database")
        )
        patch(
            application,
            "Client",
            lambda target, **settings: Mortal(Client(target, **settings), life, "engine"),
        )
        app = App(from_environment(self._settings), CollectorRegistry(), clock_ms)
        for parts, name in ((app.outside.providers, "provider"), (app.outside.carriers, "carrier")):
            for key, part in parts.items():
                _put(parts, key, Mortal(part, life, name))
        port = app.grpc_server.add_insecure_port("127.0.0.1:0")
        await app.start()
        self.process = Process(app, life, port, self._tenant)

    async def begin_anew(self, dies_at: Place) -> None:
        """A process that knows nothing of the one before, in a world where nothing is due."""
        await self.process.end()
        self._lives = 0
        await self.begin(dies_at)

    async def revive(self) -> None:
        """Starts another, which does not die, if this one has."""
        if self.process.life.dead.is_set():
            await self.process.end()
            await self.begin()

    async def walk(self, kind: type[Way], name: str, dies_at: Place) -> Life:
        """Has an order go its way, and looks at its end. The first process dies at a step."""
        walk = kind(name, self.sandbox_url, lambda: self.process.client, self._post)
        self._walk = walk
        await self.begin_anew(dies_at)
        life = self.process.life
        walk.stock = self.stock
        async with asyncio.timeout(PATIENCE_S):
            for step in walk.steps():
                await walk.do(step, self.revive)

        async def is_at_its_end() -> bool:
            await self.revive()
            return await walk.is_at_its_end(await walk.order())

        await eventually(is_at_its_end)
        await assert_books_sound(
            self.process.app.orders, self.stock, self._provider, tenant=self._tenant
        )
        return life

    def _clock_ms(self, life: int) -> int:
        return wall_ms() + life * LATER_MS + (self._walk.late_ms if self._walk else 0)

    async def _post(self, body: bytes, headers: dict[str, str]) -> int:
        return await self.process.post(body, headers)

    async def close(self) -> None:
        """Ends everything."""
        await self.process.end()
        await self.stock.close()
        await self._provider.aclose()


def _put(parts: Any, key: str, part: Any) -> None:
    parts[key] = part


@asynccontextmanager
async def world_of(
    url: str, engine: Server, sandbox: Sandbox, tenant: str, kind: type[Way]
) -> AsyncIterator[World]:
    """A shop with the stock of a way."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(application, "Relay", partial(Relay, settings=RelaySettings(poll_s=POLL_S)))
        patched.setattr(backorders, "LOOK_S", POLL_S)
        world = World(url, engine, sandbox, tenant, patched)
        await world.begin()
        try:
            await open_shop(world.process.client, *kind.on_hand)
            for location, units in kind.on_hand.items():
                await world.stock.set_stock(SKU, units, location=location)
            yield world
        finally:
            await world.close()


@pytest.mark.parametrize("kind", WAYS)
async def test_wherever_it_dies_the_order_comes_to_its_end_once(
    kind: type[Way], database_url: str, engine: Server, sandbox: Sandbox, tenant: str
) -> None:
    async with world_of(database_url, engine, sandbox, tenant, kind) as world:
        undisturbed = await world.walk(kind, "cart", 0)
        assert set(kind.dies_at) <= set(undisturbed.steps), undisturbed.steps
        few = kind.dies_at[:: FEWER[make_url(database_url).get_backend_name()]]
        places: Iterable[Place] = range(1, STEPS_MAX) if LONG else few
        for number, place in enumerate(places):
            life = await world.walk(kind, f"cart-{number}", place)
            if LONG and not life.dead.is_set():
                break  # it came through alive: there is no such step
            assert life.dead.is_set(), place
        else:
            assert not LONG, "it dies wherever"
