"""Orders, an engine, the sandbox carrier and its callbacks: all real, over HTTP and gRPC."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from msgspec import structs
from starlette.applications import Starlette

from holdfast.client import Client
from holdfast.types import Line as StockLine
from order_service.aftersales.asking_carriers import InterceptTasks
from order_service.aftersales.taking_in import ReturnTasks
from order_service.fulfilment.carrier_rules import CarrierRule
from order_service.fulfilment.carriers.sandbox import SandboxCarrier
from order_service.fulfilment.handlers import FulfilmentTasks
from order_service.fulfilment.intake import TrackingIntake, carrier_callbacks
from order_service.fulfilment.queries import remarks_to_read
from order_service.fulfilment.review import ReviewInput
from order_service.fulfilment.timers import DAY_MS
from order_service.fulfilment.warehouse import confirm_packing, confirm_pick, hand_over
from order_service.order.draft import Draft
from order_service.order.model import Order, Shipment, Task
from order_service.order.states import OrderEvent, OrderState, PaymentEvent
from order_service.order.tasks import ReviewOrder, TaskKind
from order_service.payment.attempts import pay_on_delivery
from order_service.relay.attempt import Concluded, Unchanged, attempt
from order_service.relay.handler import Handler, handlers_of
from order_service.sandbox.carrier import SandboxCarrierApp
from order_service.storage.orders import Orders
from order_service.storage.tasks import Taken
from tests.http import Http
from tests.order_service.clock import Clock
from tests.order_service.fulfilment.parcels import ARTICLES, paid_order, units
from tests.order_service.payment.http import served
from tests.order_service.samples import payment

API_KEY = "key"
SECRET = "whsec_" + "c2VjcmV0" * 4
HOUR_MS = 3_600_000


class World:
    """The world that a test moves: the warehouse, the carrier's van, time."""

    def __init__(self, orders: Orders, clock: Clock, engine: Client) -> None:
        self.orders = orders
        self.clock = clock
        self.engine = engine
        self.outside: SandboxCarrierApp
        self.carrier: SandboxCarrier
        self.intake: TrackingIntake
        self.carrier_url = ""
        self.callbacks_url = ""
        self.control: Http
        self.handlers: dict[TaskKind, Handler]
        self.tenant = engine.tenant

    async def place(
        self, order_id: str = "4330000000000000000", on_delivery: bool = False, **values: Any
    ) -> Order:
        """An effective order, confirmed in the engine: a parcel of zone A and one of zone COLD."""
        order = paid_order(tenant=self.tenant, order_id=order_id, **values)
        lines = [StockLine(line.sku, line.quantity, line.location) for line in order.lines]
        assert (await self.engine.reserve(order_id, lines, buyer_id=order.buyer_id)).applied
        assert (await self.engine.confirm(order_id)).applied
        method = "cash_on_delivery" if on_delivery else "sandbox_card"
        new = structs.replace(
            order,
            state=OrderState.RESERVING,
            version=0,
            order_key=f"key-{order_id}",
            payment_method=method,
            parts={},
        )
        decide = _on_delivery if on_delivery else _paid
        return (await self.orders.place(new, decide, "test")).order

    async def order(self, order_id: str = "4330000000000000000") -> Order:
        """The order as it is on disk."""
        return await self.orders.get(order_id)

    async def change(
        self, decide: Callable[[Draft], Any], order_id: str = "4330000000000000000"
    ) -> Any:
        """Has a decision made."""
        return await self.orders.change(order_id, decide, "test")

    async def pack(self, shipment: Shipment, weight_g: int = 700) -> None:
        """Picks and packs a parcel, rightly."""

        def decide(draft: Draft) -> None:
            confirm_pick(draft, shipment.shipment_id, ())
            confirm_packing(draft, shipment.shipment_id, units(shipment), weight_g)

        await self.change(decide, shipment.order_id)

    async def ship(self, order_id: str = "4330000000000000000") -> Order:
        """Brings an order from its review to the van."""
        await self.do("REVIEW", order_id=order_id)
        for shipment in (await self.order(order_id)).shipments:
            await self.pack(shipment)
        await self.do("LABEL", "LABEL", order_id=order_id)
        await self.leave(order_id)
        return await self.order(order_id)

    async def leave(self, order_id: str = "4330000000000000000") -> None:
        """Hands everything that has a waybill over."""
        for shipment in (await self.order(order_id)).shipments:
            if shipment.waybill and not shipment.shipped_at_ms:
                leave = partial(hand_over, shipment_id=shipment.shipment_id)
                await self.change(leave, order_id)
        await self.do("SHIP", order_id=order_id)

    async def collect(self, **about: Any) -> None:
        """The carrier's van comes."""
        answer = await self.control.post("/control/collect", json=about)
        answer.raise_for_status()
        await self.outside.callbacks.all_sent()

    async def advance(self, ms: int) -> None:
        """Time passes, for the carrier and for us."""
        self.clock.advance(ms)
        await self.control.post("/control/advance", json={"ms": 0})
        await self.outside.callbacks.all_sent()

    async def misbehave(self, **about: Any) -> None:
        """Has the carrier go wrong."""
        (await self.control.post("/control/misbehave", json=about)).raise_for_status()

    async def do(self, *kinds: str, order_id: str = "4330000000000000000") -> list[object]:
        """Does the tasks of each kind that are due, as the relay would; what came of each."""
        done: list[object] = []
        for kind in kinds:
            tasks = (await self.order(order_id)).tasks
            due = [task for task in tasks if task.kind == kind and task.due_at_ms <= self.clock()]
            done += [await self.attempt(task) for task in due]
        return done

    async def attempt(self, task: Task) -> object:
        """Attempts one task."""
        taken = Taken(await self.order(task.order_id), task)
        came = await attempt(taken, self.handlers[TaskKind(task.kind)], self.orders, 10)
        if isinstance(came, Unchanged):
            await self.change(lambda draft: draft.done(task), task.order_id)
            return Concluded(False)
        return came


@asynccontextmanager
async def world_of(orders: Orders, clock: Clock, engine: Client) -> AsyncIterator[World]:
    """A world in which nothing goes wrong yet. There are 10 of each SKU in the north."""
    world = World(orders, clock, engine)
    for sku in ("SKU-1", "SKU-2"):
        await engine.set_stock(sku, 10, location="north")
    world.outside = SandboxCarrierApp(api_key=API_KEY, secret=SECRET, clock_ms=clock, seed=7)
    async with served(world.outside.app) as carrier_url:
        world.carrier_url = carrier_url
        world.carrier = SandboxCarrier(carrier_url, API_KEY, [SECRET])
        carriers = {"sandbox": world.carrier}
        intake = world.intake = TrackingIntake(orders, carriers)
        route = carrier_callbacks(intake, carriers, lambda: clock() / 1000)

        async def read(order: Order) -> ReviewInput:
            remarks = await orders.read(
                lambda connection: remarks_to_read(connection, order.order_id)
            )
            return ReviewInput(remarks, ARTICLES)

        rules = [CarrierRule("sandbox")]
        world.handlers = handlers_of(
            FulfilmentTasks(engine, carriers, rules, read, DAY_MS),
            intake,
            ReturnTasks(engine),
            InterceptTasks(carriers),
        )
        async with served(Starlette(routes=[route])) as callbacks_url:
            world.callbacks_url = f"{callbacks_url}/callbacks/carrier/sandbox"
            world.outside.callbacks.url = world.callbacks_url
            headers = {"authorization": f"Bearer {API_KEY}"}
            async with Http(base_url=carrier_url, headers=headers) as world.control:
                yield world
            await world.outside.aclose()
        await world.carrier.aclose()


def _paid(draft: Draft) -> None:
    order = draft.order
    draft.move(order, OrderEvent.STOCK_RESERVED)
    money = payment(
        f"{order.order_id}-p1", amount_minor=order.amounts.total_minor, order_id=order.order_id
    )
    draft.add(money)
    draft.update(money, captured_minor=money.amount_minor, captured_currency=order.currency)
    draft.move(money, PaymentEvent.CAPTURE)
    draft.move(order, OrderEvent.PAID)
    _confirmed(draft)


def _on_delivery(draft: Draft) -> None:
    pay_on_delivery(draft, "cash", "cash_on_delivery")
    draft.forget(TaskKind.CONFIRM)
    _confirmed(draft)


def _confirmed(draft: Draft) -> None:
    draft.move(draft.order, OrderEvent.STOCK_CONFIRMED)
    draft.send(ReviewOrder())
