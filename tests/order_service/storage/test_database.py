"""Databases as they are opened and read."""

import asyncio
import traceback

import pytest
from sqlalchemy import Connection, text

from holdfast.errors import Reason
from order_service.edge.failures import TRANSLATIONS
from order_service.order.draft import Draft
from order_service.order.model import Line
from order_service.storage.database import (
    Database,
    KeyTaken,
    PostgresDatabase,
    RuleHeld,
    StorageUnavailable,
    WriteRefused,
    open_database,
)
from order_service.storage.orders import Orders
from serving.guard import contract_error
from tests.order_service.samples import A, B, order, payment


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "mysql://host/orders", "orders.db", ""]
)
def test_what_is_no_database_to_keep_orders_in_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"must|URL"):
        open_database(url)


async def test_a_read_sees_one_moment(database: Database) -> None:
    def counts(connection: Connection) -> list[int]:
        return [connection.scalar(text("SELECT count(*) FROM moves")) or 0 for _ in range(2)]

    first, second = await database.read(counts)
    assert first == second > 0
    if isinstance(database, PostgresDatabase):

        def level(connection: Connection) -> object:
            return connection.scalar(text("SHOW transaction_isolation"))

        assert await database.read(level) == "repeatable read"
        assert await database.write(level) == "read committed"


async def test_a_read_cannot_write(database: Database) -> None:
    if not isinstance(database, PostgresDatabase):
        pytest.skip("SQLite's readers are kept from it by nothing")
    with pytest.raises(StorageUnavailable):
        await database.read(lambda connection: connection.execute(text("DELETE FROM moves")))


@pytest.mark.parametrize("value", ["a\0b", "\ud800", 2**63, -(2**63) - 1, b"no text", "x" * 10**6])
async def test_a_value_that_cannot_be_written_is_told_from_a_database_that_is_not_there(
    orders: Orders, database: Database, value: object
) -> None:
    """Only what a database takes differs: neither says that it does not answer."""

    def poison(draft: Draft) -> None:
        name = "closed_reason" if not isinstance(value, int) else "payment_due_at_ms"
        draft.update(draft.order, **{name: value})
        draft.note("poisoned")

    for order_id in (A, B):
        await orders.place(order(order_id), lambda _: None, "test")
    poisoned, sound = await asyncio.gather(
        orders.change(A, poison, "test"),
        orders.change(B, lambda draft: draft.note("sound"), "test"),
        return_exceptions=True,
    )
    assert sound is None
    assert not isinstance(poisoned, StorageUnavailable)
    assert (await orders.get(B)).version == 2


async def test_an_error_of_a_statement_is_no_lost_connection(database: Database) -> None:
    if not isinstance(database, PostgresDatabase):
        pytest.skip("SQLite has one error for both")
    with pytest.raises(WriteRefused):
        await database.write(lambda connection: connection.execute(text("SELECT 1 / 0")))


@pytest.mark.parametrize(
    ("statement", "meaning"),
    [
        ("UPDATE orders SET goods_minor = -1", RuleHeld),
        ("UPDATE orders SET tenant = NULL", RuleHeld),
        ("UPDATE order_lines SET order_id = 1", RuleHeld),
        ("UPDATE order_lines SET line_no = 1", KeyTaken),
    ],
)
async def test_a_rule_of_the_database_is_told_from_another_writer_and_what_breaks_it_not_at_all(
    orders: Orders, database: Database, statement: str, meaning: type[Exception]
) -> None:
    lines = [Line(number, 0, f"SKU-{number}", "A thing", 1, 500, 500) for number in (1, 2)]
    await orders.place(order(A, lines=lines), lambda _: None, "test")
    with pytest.raises(meaning) as broken:
        await database.write(lambda connection: connection.execute(text(statement)))
    assert type(broken.value) is meaning
    assert broken.value.__cause__ is None
    assert "Li Na" not in "".join(traceback.format_exception(broken.value))
    # Whoever asked is told of a fault here, and not to send the same again.
    assert contract_error(broken.value, TRANSLATIONS).reason == Reason.INTERNAL


async def test_a_key_that_is_taken_for_good_is_no_contention(orders: Orders) -> None:
    await orders.place(order(A), lambda draft: draft.add(payment()), "test")

    def add_another_of_its_key(draft: Draft) -> None:
        draft.add(payment(f"{A}-p2", payment_key=draft.order.payments[0].payment_key))

    with pytest.raises(KeyTaken):
        await orders.change(A, add_another_of_its_key, "test")
    assert len((await orders.get(A)).payments) == 1


async def test_a_write_whose_caller_has_gone_ends_before_its_database_is_closed(
    empty_postgres_url: str,
) -> None:
    database = open_database(empty_postgres_url)
    begun = asyncio.Event()

    def slow(connection: Connection) -> None:
        begun.set()
        connection.execute(text("SELECT pg_sleep(0.2)"))

    caller = asyncio.ensure_future(database.write(slow))
    await begun.wait()
    caller.cancel()
    await database.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not [task for task in others if "_run" in repr(task)]
