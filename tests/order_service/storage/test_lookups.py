"""The numbers that people hold in their hands find the order, each by an index."""

from functools import partial
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import Connection, update

from order_service.order.placed import Delivery
from order_service.storage import schema
from order_service.storage.columns import PHONE_AT
from order_service.storage.lookups import LOOKUPS, Found, Number, find_orders
from order_service.storage.orders import Orders
from tests.order_service import samples
from tests.order_service.samples import DELIVERY, A, B
from tests.order_service.storage.test_needs import add

PHONE = "+442079460000"


def numbered(connection: Connection) -> None:
    """Gives the parts of order A their numbers."""
    add(
        connection,
        schema.payments,
        order_id=A,
        payment_no=1,
        payment_key="pay",
        state="CREATED",
        provider_ref="pi_3Px",
    )
    # What a refund is for is written before it.
    add(
        connection,
        schema.refund_rows,
        order_id=A,
        refund_no=1,
        row_no=1,
        what="EXCESS",
        amount_minor=1,
    )
    add(
        connection,
        schema.refunds,
        order_id=A,
        refund_no=1,
        payment_no=1,
        state="REQUESTED",
        amount_minor=1,
        provider_ref="re_3Px",
    )
    add(
        connection,
        schema.shipments,
        order_id=A,
        shipment_no=1,
        state="PLANNED",
        lines="[]",
        waybill="1Z999",
    )


def with_phone(phone: str) -> Delivery:
    return structs.replace(DELIVERY, phone=phone)


async def placed(orders: Orders, phone: str = PHONE) -> None:
    nothing: Any = lambda draft: None  # noqa: E731
    await orders.place(
        samples.order(A, tenant="shop", buyer_id="ann", delivery=with_phone(phone)), nothing, "test"
    )
    await orders.place(
        samples.order(B, buyer_id="ann", delivery=with_phone(phone)), nothing, "test"
    )
    await orders.write(numbered)


async def found(orders: Orders, typed: str, phone: str = "", tenant: str = "shop") -> list[Found]:
    wanted = Number(typed, phone)
    return list(await orders.read(partial(find_orders, tenant=tenant, number=wanted, size=10)))


NUMBERS = {
    "order or part of it": [A, f"{A}-p1", f"{A}-s1"],
    "order key": [f"key-{A}"],
    "payment's number at its provider": ["pi_3Px"],
    "refund's number at its provider": ["re_3Px"],
    "waybill": ["1Z999"],
    "buyer": ["ann"],
    "receiver's phone number": [PHONE],
}


def test_every_way_is_tried() -> None:
    assert set(NUMBERS) == {lookup.by for lookup in LOOKUPS}


def test_a_delivery_has_its_phone_number_where_it_is_looked_for() -> None:
    assert Delivery.__struct_fields__[PHONE_AT] == "phone"


async def test_each_number_finds_its_order_in_its_shop_only(orders: Orders) -> None:
    await placed(orders)
    for by, numbers in NUMBERS.items():
        for typed in numbers:
            phone = typed if by == "receiver's phone number" else ""
            assert [(one.order.order_id, one.by) for one in await found(orders, typed, phone)] == [
                (A, by)
            ]
            assert A not in {
                one.order.order_id for one in await found(orders, typed, phone, "default")
            }


@pytest.mark.parametrize("kept", [PHONE, f"{PHONE};ext=101"])
async def test_a_phone_is_found_with_and_without_its_extension(orders: Orders, kept: str) -> None:
    await placed(orders, kept)
    assert [one.order.order_id for one in await found(orders, PHONE, PHONE)] == [A]
    longer = f"{PHONE}1"
    assert await found(orders, longer, longer) == []


async def test_the_part_that_has_the_number_is_named(orders: Orders) -> None:
    await placed(orders)
    parts = {
        "pi_3Px": f"{A}-p1",
        "re_3Px": f"{A}-r1",
        "1Z999": f"{A}-s1",
        f"{A}-r1": f"{A}-r1",
        f"{A}-s1": f"{A}-s1",
        f"{A}-s2": "",
        A: "",
        "ann": "",
    }
    assert {typed: (await found(orders, typed))[0].part_id for typed in parts} == parts


async def test_an_order_that_is_found_in_two_ways_is_named_once(orders: Orders) -> None:
    await placed(orders)

    def rename(connection: Connection) -> None:
        connection.execute(update(schema.orders).values(order_key="ann"))

    await orders.write(rename)
    (one,) = await found(orders, "ann")
    assert one.by == "order key"


@pytest.mark.parametrize("typed", ["", "nobody", "%", "'", "4" * 19, f"{A}-p99"])
async def test_other_numbers_find_nothing_or_the_order_itself(orders: Orders, typed: str) -> None:
    await placed(orders)
    assert {one.order.order_id for one in await found(orders, typed)} <= {A}


async def test_no_look_up_reads_all_orders(orders: Orders) -> None:
    """Of SQLite, whose plan says so in words."""
    await placed(orders)

    def plans(connection: Connection) -> dict[str, list[str]]:
        if connection.dialect.name != "sqlite":
            return {}
        shown = {}
        for lookup in LOOKUPS:
            condition = lookup.condition(Number(A, PHONE))
            assert condition is not None
            statement = schema.orders.select().where(schema.orders.c.tenant == "shop", condition)
            text = str(
                statement.compile(
                    dialect=connection.dialect, compile_kwargs={"literal_binds": True}
                )
            )
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")
            shown[lookup.by] = [row[-1] for row in rows]
        return shown

    for by, steps in (await orders.read(plans)).items():
        assert not [step for step in steps if step.startswith("SCAN")], (by, steps)
