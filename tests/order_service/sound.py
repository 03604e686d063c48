"""The crossing audit, for tests to call in the end: whatever they did, the books are sound."""

from msgspec import structs
from sqlalchemy import Connection, select

from holdfast.client import Client
from order_service.audit.protocol import Finding, Unsettled
from order_service.audit.run import Patience, audit
from order_service.audit.sources import Sources
from order_service.model import Order
from order_service.payment.port import Provider
from order_service.storage.load import load_orders
from order_service.storage.orders import Orders
from order_service.storage.schema import orders as orders_table

ONE_LOOK = Patience(looks=1, pause_s=0)


async def assert_books_sound(
    orders: Orders,
    client: Client | None = None,
    provider: Provider | None = None,
    *,
    tenant: str = "default",
    all_is_done: bool = False,
) -> None:
    """Audits a tenant's orders against the engine (`client`) and the sandbox `provider`.

    What is None is not asked. What waits for a task that nobody does in the test is no finding,
    unless the test says that `all_is_done`.
    """
    providers = None if provider is None else {"sandbox": provider}
    sources = Sources(orders, client, providers, tenant)
    steps = [step async for step in audit(sources, ONE_LOOK)]
    findings = [step for step in steps if isinstance(step, Finding)]
    assert not findings, "\n".join(f"{it.row}: {it.invariant}: {it.detail}" for it in findings)
    unsettled = [step for step in steps if isinstance(step, Unsettled)]
    assert not (all_is_done and unsettled), unsettled


def all_orders(connection: Connection) -> list[Order]:
    """All orders as they are on disk, the oldest first."""
    ids = list(connection.scalars(select(orders_table.c.order_id)))
    return [structs.replace(order) for _, order in sorted(load_orders(connection, ids).items())]
