"""The crossing audit, for tests to call in the end: whatever they did, the books are sound."""

import pytest
from msgspec import structs
from sqlalchemy import Connection, select

from holdfast.client import Client
from order_service.audit.protocol import Finding, Step, Unsettled
from order_service.audit.run import Patience, audit
from order_service.audit.sources import Sources
from order_service.order.model import Order
from order_service.payment.providers.port import Provider
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
    steps = await _audited(orders, client, provider, tenant)
    assert not _findings(steps), "\n".join(_findings(steps))
    unsettled = [step for step in steps if isinstance(step, Unsettled)]
    assert not (all_is_done and unsettled), unsettled


async def audit_in_the_end(
    request: pytest.FixtureRequest,
    orders: Orders,
    client: Client | None = None,
    provider: Provider | None = None,
    *,
    tenant: str = "default",
) -> None:
    """For a fixture: audits what a test has left. One that is marked `unsound` says why that has
    findings; then it must have some.
    """
    found = _findings(await _audited(orders, client, provider, tenant))
    if request.node.get_closest_marker("unsound"):
        assert found, "the books are sound: the test need not be marked"
    else:
        assert not found, "\n".join(found)


async def _audited(
    orders: Orders, client: Client | None, provider: Provider | None, tenant: str
) -> list[Step]:
    providers = None if provider is None else {"sandbox": provider}
    sources = Sources(orders, client, providers, tenant)
    return [step async for step in audit(sources, ONE_LOOK)]


def _findings(steps: list[Step]) -> list[str]:
    findings = [step for step in steps if isinstance(step, Finding)]
    return [f"{it.row}: {it.invariant}: {it.detail}" for it in findings]


def all_orders(connection: Connection) -> list[Order]:
    """All orders as they are on disk, the oldest first."""
    ids = list(connection.scalars(select(orders_table.c.order_id)))
    return [structs.replace(order) for _, order in sorted(load_orders(connection, ids).items())]
