"""Lists find their page by index, however many orders there are."""

from functools import partial

import pytest
from msgspec import structs
from sqlalchemy import Connection, insert, text, update

from order_service.order.ids import least_of
from order_service.order.states import OrderState
from order_service.storage.database import Database
from order_service.storage.reads import Summary, Wanted, _list_statement, list_orders
from order_service.storage.rows import order_row
from order_service.storage.schema import orders
from tests.order_service import samples
from tests.order_service.clock import START_MS

ORDERS, BUYERS = 3_000, 30


def fill(connection: Connection) -> None:
    """Writes orders of 30 buyers, a minute apart. One in a hundred is another shop's, and one is
    under way: of many, the primary key would find a page as quickly.
    """
    first = samples.order()
    rows = []
    for number in range(ORDERS):
        at_ms = START_MS + number * 60_000
        order = structs.replace(
            first,
            order_id=least_of(at_ms),
            tenant="small" if number % 100 == 0 else "default",
            order_key=f"key-{number}",
            buyer_id=f"buyer-{number % BUYERS}",
            state=OrderState.SHIPPED if number % 100 == 1 else OrderState.COMPLETED,
            created_at_ms=at_ms,
            sub_orders=tuple(
                structs.replace(first.sub_orders[0], merchant_id=f"merchant-{merchant}")
                for merchant in {number % BUYERS, 7 * (number % 2)}
            ),
        )
        rows.append(dict(zip(orders.c.keys(), order_row(order), strict=True)))
    connection.execute(insert(orders), rows)
    connection.execute(text("ANALYZE"))


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (Wanted("small"), "ix_orders_tenant"),
        (Wanted("default", buyer_id="buyer-7"), "ix_orders_buyer"),
        (Wanted("default", state="SHIPPED"), "ix_orders_state"),
        (Wanted("default", buyer_id="buyer-7", placed_from_at_ms=START_MS), "ix_orders_buyer"),
        (Wanted("default", merchant_id="merchant-7"), "order_merchants"),
    ],
    ids=["tenant", "buyer", "state", "buyer and time", "merchant"],
)
async def test_a_list_is_read_in_the_order_of_an_index(
    database: Database, wanted: Wanted, index: str
) -> None:
    await database.write(fill)
    plan = await database.read(lambda connection: _plan(connection, wanted))
    assert index in plan
    for sorting in ("TEMP B-TREE", "Sort", "SCAN"):
        assert sorting not in plan


def _plan(connection: Connection, wanted: Wanted) -> str:
    """How the database reads a page in the middle of a list."""
    middle = least_of(START_MS + ORDERS // 2 * 60_000)
    statement = _list_statement(wanted, 100, middle).compile(
        connection, compile_kwargs={"literal_binds": True}
    )
    explain = "EXPLAIN"
    if connection.dialect.name == "sqlite":
        explain = "EXPLAIN QUERY PLAN"
    else:  # a table of a few pages is read quicker as a whole
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        connection.execute(text("SET LOCAL enable_bitmapscan = off"))
    return "\n".join(str(row) for row in connection.execute(text(f"{explain} {statement}")))


async def test_pages_make_up_the_list_of_a_buyer_and_a_time(database: Database) -> None:
    await database.write(fill)
    wanted = Wanted(
        "default",
        buyer_id="buyer-7",
        placed_from_at_ms=START_MS + 7 * 60_000,
        placed_before_at_ms=START_MS + (7 + 50 * BUYERS) * 60_000,
    )
    found: list[Summary] = []
    pages: list[int] = []
    while not pages or pages[-1] == 20:
        after = found[-1].order_id if found else ""
        page = await database.read(partial(list_orders, wanted=wanted, size=20, after=after))
        found += page
        pages.append(len(page))
    assert pages == [20, 20, 10]
    assert [order.order_key for order in found] == [
        f"key-{7 + BUYERS * number}" for number in reversed(range(50))
    ]


async def test_pages_of_a_merchant_have_each_order_with_a_part_of_it_once(
    database: Database,
) -> None:
    await database.write(fill)
    wanted = Wanted("default", merchant_id="merchant-7", placed_before_at_ms=START_MS + 6_000_000)
    keys: list[str] = []
    after = ""
    while page := await database.read(partial(list_orders, wanted=wanted, size=20, after=after)):
        after = page[-1].order_id
        keys += [order.order_key for order in page]
    numbers = [number for number in reversed(range(100)) if number % 100]
    assert keys == [f"key-{number}" for number in numbers if number % 2 or number % BUYERS == 7]


async def test_a_merchant_whose_part_is_gone_does_not_have_the_order(database: Database) -> None:
    await database.write(fill)
    parts = '[["merchant-9",null]]'

    def lose_parts(connection: Connection) -> None:
        connection.execute(update(orders).values(sub_orders=parts))

    await database.write(lose_parts)
    counted = [
        len(
            await database.read(
                partial(
                    list_orders, wanted=Wanted("default", merchant_id=name), size=5_000, after=""
                )
            )
        )
        for name in ("merchant-7", "merchant-9")
    ]
    assert counted == [0, ORDERS - ORDERS // 100]
