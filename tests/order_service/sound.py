"""The crossing audit, for tests to call in the end: whatever they did, the books are sound."""

from holdfast.client import Client
from order_service.audit.protocol import Finding
from order_service.audit.run import Patience, audit
from order_service.audit.sources import Sources
from order_service.payment.port import Provider
from order_service.storage.orders import Orders

ONE_LOOK = Patience(looks=1, pause_s=0)


async def assert_books_sound(
    orders: Orders,
    client: Client | None = None,
    provider: Provider | None = None,
    *,
    tenant: str = "default",
) -> None:
    """Audits a tenant's orders against the engine (`client`) and the sandbox `provider`.

    What is None is not asked. What waits for a task that nobody does in the test is no finding.
    """
    providers = None if provider is None else {"sandbox": provider}
    sources = Sources(orders, client, providers, tenant)
    steps = [step async for step in audit(sources, ONE_LOOK)]
    findings = [step for step in steps if isinstance(step, Finding)]
    assert not findings, "\n".join(f"{it.row}: {it.invariant}: {it.detail}" for it in findings)
