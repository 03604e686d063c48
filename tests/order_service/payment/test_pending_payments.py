"""Attempts to pay that have come to no end are listed, those that began first at the top."""

from functools import partial

from sqlalchemy import Connection, update

from order_service.order.states import PaymentState
from order_service.payment.books import pending_payments
from order_service.storage import schema
from order_service.storage.orders import Orders
from tests.order_service import samples
from tests.order_service.samples import A, B
from tests.order_service.storage.test_needs import add


def paying(connection: Connection) -> None:
    """Order A has three attempts, the first declined; order B of another shop has one."""
    for order_id, number, provider, at_ms in (
        (A, 1, "stripe", 1),
        (A, 2, "stripe", 3),
        (A, 3, "sandbox", 2),
        (B, 1, "stripe", 1),
    ):
        add(
            connection,
            schema.payments,
            order_id=order_id,
            payment_no=number,
            payment_key=f"pay-{number}",
            state=PaymentState.CREATED,
            provider=provider,
            created_at_ms=at_ms,
        )
    first = (schema.payments.c.order_id == A) & (schema.payments.c.payment_no == 1)
    connection.execute(update(schema.payments).where(first).values(state=PaymentState.DECLINED))


async def test_pending_payments_are_listed_filtered_and_paged(orders: Orders) -> None:
    await orders.place(samples.order(A), lambda _: None, "test")
    await orders.place(samples.order(B, tenant="other"), lambda _: None, "test")
    await orders.write(paying)

    async def listed(
        provider: str = "", before: int = 0, size: int = 10, after: tuple[int, str] = (0, "")
    ) -> list[str]:
        read = partial(
            pending_payments,
            tenant="default",
            provider=provider,
            created_before_ms=before,
            size=size,
            after=after,
        )
        return [payment.payment_id for payment in await orders.read(read)]

    assert await listed() == [f"{A}-p3", f"{A}-p2"]
    assert await listed(provider="stripe") == [f"{A}-p2"]
    assert await listed(before=2) == [f"{A}-p3"]
    assert await listed(size=1) == [f"{A}-p3"]
    assert await listed(after=(2, f"{A}-p3")) == [f"{A}-p2"]
