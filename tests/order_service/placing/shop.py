"""A shop to test with: its engine, its catalogue, and what places its orders."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from holdfast.client import Client
from order_service.catalogue.catalogue import Catalogue
from order_service.catalogue.model import Warehouse
from order_service.engine_clock import EngineClock
from order_service.order.draft import Draft
from order_service.order.model import Order
from order_service.order.tasks import TaskKind
from order_service.payment.attempts import start_payment
from order_service.payment.facts import learn
from order_service.payment.methods import Methods
from order_service.payment.providers.port import Fact, FactKind
from order_service.placing.backorders import Backorders
from order_service.placing.place import Placed, Placing
from order_service.placing.queue import StockDesk
from order_service.placing.reserving import Reserving
from order_service.placing.stock_tasks import StockTasks
from order_service.relay.handler import handlers_of
from order_service.storage.orders import Orders
from tests.order_service.placing.wanted import METHODS, order


def placing_of(
    orders: Orders, engine: Client, catalogue: Catalogue, methods: Methods = METHODS
) -> Placing:
    """A process's way to place orders."""
    return Placing(
        orders,
        StockDesk(orders, Reserving(engine, catalogue, methods, EngineClock(orders.clock_ms))),
        catalogue,
        methods,
    )


class Shop(NamedTuple):
    """The parts of a shop that a test needs."""

    orders: Orders
    engine: Client
    catalogue: Catalogue
    desk: StockDesk
    placing: Placing
    backorders: Backorders
    stock_tasks: StockTasks

    async def stock(self, location: str = "default", **quantities: int) -> None:
        """Puts units on hand, besides what is held already."""
        known = await self.levels(*quantities)
        for sku, quantity in quantities.items():
            held = known.get((sku, location), (0, 0))
            await self.engine.set_stock(sku, quantity + sum(held), location=location)

    async def levels(self, *skus: str) -> dict[tuple[str, str], tuple[int, int]]:
        """Units reserved and confirmed, by SKU and location."""
        return {
            (level.sku, level.location): (level.reserved, level.confirmed)
            for level in await self.engine.get_stock(*skus)
        }

    async def reserved(self, sku: str, location: str = "default") -> int:
        """Units that are reserved."""
        return (await self.levels(sku))[sku, location][0]

    async def open_warehouses(self, *locations: str) -> None:
        """Opens warehouses, the most preferred first, at places that are not known."""
        put = [Warehouse(each, "CN", priority=number) for number, each in enumerate(locations)]
        await self.catalogue.put(self.engine.tenant, put)

    async def place(
        self, quantities: dict[str, int] | None = None, *, key: str = "key-1", **values: Any
    ) -> Placed:
        """Places an order."""
        wanted = order(quantities, tenant=self.engine.tenant, order_key=key, **values)
        return await self.placing.place(wanted, "buyer")

    async def record(
        self, quantities: dict[str, int] | None = None, *, key: str = "key-1", **values: Any
    ) -> Order:
        """Leaves an order as a process does that dies before it has reserved anything."""
        unreachable = Client("127.0.0.1:1", timeout_ms=50, attempts_max=1)
        placing = placing_of(self.orders, unreachable, self.catalogue)
        wanted = order(quantities, tenant=self.engine.tenant, order_key=key, **values)
        placed = await placing.place(wanted, "buyer")
        await unreachable.close()
        return placed.order

    async def do(self, order_id: str, kind: TaskKind) -> Order:
        """Does the order's first task of a kind, as the relay does."""
        order = await self.orders.get(order_id)
        task = next(task for task in order.tasks if task.kind == kind)
        decide = await handlers_of(self.stock_tasks)[TaskKind(kind)](order, task)

        def conclude(draft: Draft) -> None:
            if decide is not None:
                decide(draft)
            draft.done(task)

        await self.orders.change(order_id, conclude, "relay")
        return await self.orders.get(order_id)

    async def pay(self, order_id: str) -> Order:
        """Has the order paid in full."""

        def decide(draft: Draft) -> None:
            payment, _ = start_payment(draft, "attempt-1", "", METHODS)
            amount_minor = draft.order.amounts.total_minor
            fact = Fact(
                FactKind.CAPTURED,
                payment_id=payment.payment_id,
                amount_minor=amount_minor,
                currency="CNY",
            )
            learn(draft, payment.provider, fact)

        await self.orders.change(order_id, decide, "test")
        return await self.orders.get(order_id)


def places(order: Order) -> Sequence[tuple[str, int, str]]:
    """Where the units of an order come from."""
    return [(line.sku, line.quantity, line.location) for line in order.lines]


def tasks(order: Order) -> list[str]:
    """The stock tasks that are still to be done for an order."""
    stock = {TaskKind.RESERVE, TaskKind.CONFIRM, TaskKind.RELEASE, TaskKind.CANCEL}
    return [task.kind for task in order.tasks if task.kind in stock]
