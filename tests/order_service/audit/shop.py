"""A shop whose orders, stock and money are real: a database, an engine, a sandbox provider."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import text

from holdfast.client import Client
from holdfast.types import Line
from order_service.audit.protocol import Finding, Step, Summary, Unsettled
from order_service.audit.run import Patience, audit
from order_service.audit.sources import Sources
from order_service.order.draft import Draft
from order_service.order.model import Order
from order_service.payment.providers.port import Providers
from order_service.placing.decisions import record
from order_service.storage.orders import Orders
from tests.order_service import samples
from tests.order_service.audit import lives
from tests.order_service.payment.world import World
from tests.order_service.unguarded import unguarded

AT_ONCE = Patience(looks=2, pause_s=0)
LINES = [Line("SKU-1", 2)]


class Shop:
    """Brings orders from one stage to the next, in the database, the engine and the provider."""

    def __init__(self, world: World, tenant: str) -> None:
        self.world = world
        self.tenant = tenant
        self.orders: Orders = world.orders
        self.engine: Client = world.client
        self.providers: Providers = {"sandbox": world.provider}

    async def place(self, order_id: str, **values: Any) -> Order:
        """An order that is only recorded."""
        about = {"tenant": self.tenant, "payment_method": "sandbox_card"}
        order = samples.order(order_id, **(about | values))
        return (await self.orders.place(order, lambda draft: record(draft, ""), "test")).order

    async def reserve(self, order_id: str, **values: Any) -> None:
        """An order that waits for its payment."""
        await self.place(order_id, **values)
        taken = await self.engine.reserve(order_id, LINES, buyer_id="buyer-1", tenant=self.tenant)
        assert taken.applied
        await self.change(order_id, lives.reserved)

    async def pay(self, order_id: str, **about: Any) -> str:
        """The buyer pays, and the provider tells us, unless it misbehaves."""
        begun = await self.world.desk.start(self.tenant, order_id, "try-1", "")
        await self.world.pay(begun.payment, **about)
        await self.world.until_called_back()
        return begun.payment.payment_id

    async def confirm(self, order_id: str) -> None:
        """Confirms an order's stock, which is sold with it."""
        assert (await self.engine.confirm(order_id, tenant=self.tenant)).applied
        await self.change(order_id, lives.confirmed)

    async def sell(self, order_id: str) -> None:
        """An order that is effective."""
        await self.reserve(order_id)
        await self.pay(order_id)
        await self.confirm(order_id)

    async def ship(self, order_id: str) -> None:
        """The parcel of an order that is effective has left."""
        await self.change(order_id, lives.passed, lives.labelled)
        shipped = await self.engine.ship(order_id, f"{order_id}-s1", tenant=self.tenant)
        assert shipped.applied
        await self.change(order_id, lives.shipped)

    async def cancel(self, order_id: str) -> None:
        """An order that is effective is cancelled; its money is about to go back."""
        assert (await self.engine.cancel(order_id, "c-1", tenant=self.tenant)).applied
        await self.change(order_id, lives.cancelled)

    async def change(self, order_id: str, *decisions: Callable[[Draft], object]) -> None:
        """Makes decisions on an order."""
        for decide in decisions:
            await self.orders.change(order_id, decide, "test")

    async def spoil(self, statement: str, **values: Any) -> None:
        """Writes to the database behind the order service's back."""
        await self.orders.write(
            lambda connection: unguarded(connection).execute(text(statement), values)
        )

    def sources(self) -> Sources:
        """The sources that an audit of the shop reads."""
        return Sources(self.orders, self.engine, self.providers, self.tenant)


class Audited:
    """The result of an audit: its findings, what stayed unsettled, and its summary."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.findings = [step for step in steps if isinstance(step, Finding)]
        self.unsettled = [step for step in steps if isinstance(step, Unsettled)]
        assert isinstance(steps[-1], Summary)
        self.summary = steps[-1]
        assert self.summary.findings == len(self.findings)
        assert self.summary.unsettled == len(self.unsettled)

    @property
    def found(self) -> list[tuple[str, str]]:
        """The invariants that are broken, and by which row."""
        return [(finding.invariant, finding.row) for finding in self.findings]


async def audited(sources: Sources) -> Audited:
    """Runs an audit, which waits for nothing."""
    return Audited([step async for step in audit(sources, AT_ONCE)])
