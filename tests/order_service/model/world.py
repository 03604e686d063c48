"""A shop with its engine, provider, carrier and two order services, on a clock of the story's."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, func, select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from engine.model import Expire, Purge
from holdfast.client import Client
from holdfast.order.v1 import catalogue_pb2
from order_service.order.model import Order
from order_service.payment.providers.sandbox import SandboxProvider
from order_service.sandbox.callbacks import Callbacks, Misbehaviour
from order_service.sandbox.carrier import SandboxCarrierApp
from order_service.sandbox.carrier_journey import Mishaps
from order_service.sandbox.provider import SandboxProviderApp
from order_service.sandbox.provider_books import day_of
from order_service.storage.database import open_database
from order_service.storage.schema import tasks as tasks_table
from tests.http import Http
from tests.order_service.clock import START_MS, Clock
from tests.order_service.model.process import Process, begin
from tests.order_service.model.stage import Stage
from tests.order_service.sound import all_orders
from tests.partition import Partition

API_KEY = "key"
SECRET = "whsec_" + "c2VjcmV0" * 4
PRICES_MINOR = {"MUG": 1_250, "TEA": 480}
MERCHANTS = {"MUG": "merchant-1", "TEA": "merchant-2"}
WAREHOUSES = ("east", "west")
# By so much the clock of the second process is behind.
SKEWS_MS = (0, 700)
DAY_MS = 86_400_000
ROUNDS_MAX = 400
SWEPT_MAX = 1_000
ROUNDS_AT_A_TIME_MAX = 30
PATHS = {"provider": "/callbacks/sandbox", "carrier": "/callbacks/carrier/sandbox"}


@dataclass(frozen=True)
class Letter:
    """A callback on its way: whose it is, and what it says. It is signed when it arrives."""

    sender: str
    event_id: str
    body: bytes


class World:
    """A story's world. `open` makes one; after it, `close`."""

    def __init__(self, stage: Stage, database_url: str) -> None:
        stage.stories += 1
        self.stage = stage
        self.clock = Clock(START_MS)
        self.tenant = f"shop-{stage.stories}"
        self.database = open_database(database_url)
        self.engine = Client(stage.target, tenant=self.tenant)
        self._partition = Partition(stage.store, self.tenant)
        about: dict[str, Any] = {
            "api_key": API_KEY,
            "secret": SECRET,
            "clock_ms": self.clock,
            "callback_url": f"{stage.url}/letters",
        }
        self.provider_app = SandboxProviderApp(**about)
        self.carrier_app = SandboxCarrierApp(**about)
        self.provider_app.callbacks.url += "/provider"
        self.carrier_app.callbacks.url += "/carrier"
        self.provider = SandboxProvider(f"{stage.url}/provider", API_KEY, [SECRET])
        self.letters: list[Letter] = []
        self.put_in: dict[str, int] = dict.fromkeys(PRICES_MINOR, 0)
        """The units that were ever put on hand, by SKU."""
        self.processes: list[Process] = []
        self._control = Http(base_url=stage.url, headers={"authorization": f"Bearer {API_KEY}"})
        self._settings = {
            "HOLDFAST_TARGET": stage.target,
            "HOLDFAST_DATABASE_URL": database_url,
            "HOLDFAST_SANDBOX_URL": stage.url,
            "HOLDFAST_SANDBOX_API_KEY": API_KEY,
            "HOLDFAST_SANDBOX_SECRETS": SECRET,
            "HOLDFAST_DEADLINE_MS_MAX": "60000",
        }
        self._begun = 0

    async def open(self, processes: int = len(SKEWS_MS)) -> None:
        """Opens the shop, which has nothing on hand yet, with a number of order services."""
        self.stage.app = Starlette(
            routes=[
                Mount("/provider", app=self.provider_app.app),
                Mount("/carrier", app=self.carrier_app.app),
                Route("/letters/{sender}", self._take_letter, methods=["POST"]),
            ]
        )
        for sku in PRICES_MINOR:
            for location in WAREHOUSES:
                await self.engine.set_stock(sku, 0, location=location)
        await self._move_clock(START_MS)
        self.processes = [await self._process(number) for number in range(processes)]
        articles = [
            catalogue_pb2.Article(
                sku=sku,
                merchant_id=MERCHANTS[sku],
                title=sku.title(),
                price_minor=price_minor,
                currency="GBP",
            )
            for sku, price_minor in PRICES_MINOR.items()
        ]
        await self.processes[0].ask(catalogue_pb2.PutArticlesRequest(articles=articles))
        warehouses = [
            catalogue_pb2.Warehouse(location=location, country="GB") for location in WAREHOUSES
        ]
        await self.processes[0].ask(catalogue_pb2.PutWarehousesRequest(warehouses=warehouses))
        for process in self.processes:
            await process.app.catalogue.refresh()

    async def close(self) -> None:
        """Ends everything."""
        for process in self.processes:
            await process.end()
        await self._control.aclose()
        await self.provider.aclose()
        await self.provider_app.aclose()
        await self.carrier_app.aclose()
        await self.engine.close()
        await self.database.close()

    async def replace(self, process: Process) -> None:
        """Ends a process, and begins another in its place."""
        number = self.processes.index(process)
        await process.end()
        self.processes[number] = await self._process(number)

    async def restock(self, sku: str, location: str, units: int) -> None:
        """Puts units on hand."""
        self.put_in[sku] += units
        # Ids of adjustments are kept for a day only, and no two are alike.
        adjustment_id = f"delivery-{self.clock()}-{sum(self.put_in.values())}"
        await self.engine.adjust_stock(sku, units, adjustment_id, location=location)

    async def orders(self) -> list[Order]:
        """All orders as they are on disk, the oldest first."""
        return await self.database.read(all_orders)

    def forget_what_is_old(self) -> None:
        """Has the engine forget reservations that ended long ago."""
        self._partition.run([Purge(SWEPT_MAX)], self.clock())

    def days(self) -> list[str]:
        """All days so far, as statements name them."""
        return [day_of(at_ms).isoformat() for at_ms in range(START_MS, self.clock() + 1, DAY_MS)]

    def misbehave(self, **shares: Any) -> None:
        """Has the provider go wrong; nothing given: no more."""
        self.provider_app.callbacks.misbehaviour = Misbehaviour(**shares)

    async def at_the_provider(self, what: str, payment_id: str, **about: Any) -> None:
        """A buyer does something there, such as `pay`; the provider tells of it by letter."""
        body = {"payment_id": payment_id, **about}
        await self._control.post(f"/provider/control/{what}", json=body)
        await self.provider_app.callbacks.all_sent()

    async def collect(self, shipment_id: str, mishaps: Mishaps) -> None:
        """The carrier's van takes a parcel, to which something may happen on its way."""
        self.carrier_app.mishaps = mishaps
        await self._control.post("/carrier/control/collect", json={"shipment_ids": [shipment_id]})
        await self.carrier_app.callbacks.all_sent()

    async def letters_posted(self) -> None:
        """Waits until what provider and carrier have to tell is on its way, so that every story is
        the same each time.
        """
        await self.provider_app.callbacks.all_sent()
        await self.carrier_app.callbacks.all_sent()

    async def deliver(self, letter: Letter, process: Process, *, damaged: bool = False) -> bool:
        """Hands a letter over, signed now; whether it was taken. Otherwise it comes again."""
        headers = self._sender(letter.sender).headers(letter.event_id, letter.body)
        body = letter.body
        if damaged:
            body = bytes([body[0] ^ 1]) + body[1:]
        status = await process.post(PATHS[letter.sender], body, headers)
        assert status in ((400,) if damaged else (0, 200, 503)), status
        if status == 200 and letter in self.letters:
            self.letters.remove(letter)
        return status == 200

    async def pass_time(self, ms: int, workers: Sequence[Process] = ()) -> None:
        """Time passes. `workers` do what becomes due, each thing about when it is due."""
        until_ms = self.clock() + ms
        for _ in range(ROUNDS_AT_A_TIME_MAX if workers else 0):
            for worker in workers:
                await worker.work()
            due_at_ms = await self.next_due_at_ms()
            if not due_at_ms or due_at_ms > until_ms:
                break
            await self._move_clock(max(self.clock(), due_at_ms) + max(SKEWS_MS))
        await self._move_clock(max(self.clock(), until_ms))

    async def calm_down(self) -> None:
        """Everything goes well again, and all that is to be done is done, however late that is."""
        self.misbehave()
        for process in self.processes:
            for link in process.links.all:
                link.mend()
            await process.go_on()
        for _ in range(ROUNDS_MAX):
            for process in self.processes:
                await process.app.catalogue.refresh()
                await process.work()
            due_at_ms = await self.next_due_at_ms()
            if not due_at_ms:
                return
            await self._move_clock(max(self.clock(), due_at_ms) + max(SKEWS_MS))
        raise AssertionError(f"there is no end to what is to be done: {await self.orders()}")

    async def next_due_at_ms(self) -> int:
        """When the next task can be done that is not dead; 0 if there is none."""
        return await self.database.read(_next_due_at_ms)

    async def _process(self, number: int) -> Process:
        self._begun += 1
        clock_ms = partial(_behind, self.clock, SKEWS_MS[number])
        return await begin(self._settings, self.tenant, clock_ms, self._begun)

    async def _move_clock(self, now_ms: int) -> None:
        """Moves all clocks: ours, the engine's and the carrier's, whose parcels travel on."""
        self.clock.now_ms = now_ms
        self.stage.store.hset(self._partition.keys.meta, "now", now_ms)
        self._partition.run([Expire(SWEPT_MAX)], now_ms)
        self.carrier_app.catch_up()
        await self.carrier_app.callbacks.all_sent()

    async def _take_letter(self, request: Request) -> Response:
        event_id, body = request.headers["webhook-id"], await request.body()
        self.letters.append(Letter(request.path_params["sender"], event_id, body))
        # However they were sent, they are read in the order in which they were written.
        self.letters.sort(key=lambda letter: (letter.sender, _number_of(letter)))
        return Response()

    def _sender(self, name: str) -> Callbacks:
        return (self.provider_app if name == "provider" else self.carrier_app).callbacks


def _behind(clock: Clock, ms: int) -> int:
    return clock() - ms


def _number_of(letter: Letter) -> int:
    return int(letter.event_id.rpartition("_")[2])


def _next_due_at_ms(connection: Connection) -> int:
    later = func.max if connection.dialect.name == "sqlite" else func.greatest
    due = later(tasks_table.c.due_at_ms, tasks_table.c.lease_until_ms)
    statement = select(func.min(due)).where(tasks_table.c.dead == 0)
    return connection.scalar(statement) or 0
