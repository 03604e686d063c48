"""Waves are listed with what is left to pick of each, the newest first."""

from functools import partial

import pytest
from sqlalchemy import Connection

from order_service.fulfilment.waves import WaveInHand, list_waves
from order_service.storage import schema
from order_service.storage.orders import Orders
from tests.order_service import samples
from tests.order_service.samples import A, B
from tests.order_service.storage.test_needs import add

FIRST = (1 << 62, "")


def waved(connection: Connection) -> None:
    """A wave of two parcels, one of which is picked; an older one that is done; another shop's."""
    for number, state in ((1, "PLANNED"), (2, "PICKED")):
        add(
            connection,
            schema.shipments,
            order_id=A,
            shipment_no=number,
            state="PLANNED",
            lines="[]",
            wave_id="w2",
        )
        if state != "PLANNED":
            connection.execute(
                schema.shipments.update()
                .where(schema.shipments.c.shipment_no == number)
                .values(state=state)
            )
    add(
        connection,
        schema.shipments,
        order_id=B,
        shipment_no=1,
        state="PLANNED",
        lines="[]",
        wave_id="w2",
    )
    for tenant, wave_id, location, at_ms in (
        ("default", "w1", "north", 1),
        ("default", "w2", "south", 2),
        ("other", "w2", "south", 3),
    ):
        add(
            connection,
            schema.waves,
            tenant=tenant,
            wave_id=wave_id,
            location=location,
            shipment_ids="[]",
            created_at_ms=at_ms,
        )


@pytest.fixture
async def shop(orders: Orders) -> Orders:
    await orders.place(samples.order(A), lambda _: None, "test")
    await orders.place(samples.order(B, tenant="other"), lambda _: None, "test")
    await orders.write(waved)
    return orders


async def listed(
    orders: Orders,
    location: str = "",
    unfinished: bool = False,
    size: int = 10,
    after: tuple[int, str] = FIRST,
) -> list[tuple[str, int]]:
    found: list[WaveInHand] = await orders.read(
        partial(
            list_waves,
            tenant="default",
            location=location,
            unfinished=unfinished,
            size=size,
            after=after,
        )
    )
    return [(one.wave.wave_id, one.to_pick) for one in found]


async def test_the_newest_comes_first_with_what_is_left(shop: Orders) -> None:
    assert await listed(shop) == [("w2", 1), ("w1", 0)]


async def test_waves_are_filtered_and_paged(shop: Orders) -> None:
    assert await listed(shop, unfinished=True) == [("w2", 1)]
    assert await listed(shop, location="north") == [("w1", 0)]
    assert await listed(shop, size=1) == [("w2", 1)]
    assert await listed(shop, after=(2, "w2")) == [("w1", 0)]
