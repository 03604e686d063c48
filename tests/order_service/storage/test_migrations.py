"""Migrations: both databases get the schema that the code has, also from processes at once."""

import asyncio
import sqlite3
import warnings
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    Table,
    create_engine,
    insert,
    inspect,
    make_url,
    select,
    text,
)

from order_service.audit.case import judge
from order_service.audit.history import RULES as HISTORY_RULES
from order_service.audit.money import RULES as MONEY_RULES
from order_service.audit.refunds import RULES as REFUND_RULES
from order_service.audit.sources import read_cases
from order_service.fulfilment.cash import cash_overdue
from order_service.order.ids import Ids
from order_service.order.model import ShipmentLine
from order_service.order.states import PaymentState, RefundEvent, RefundState
from order_service.order.tasks import CashDue, todos
from order_service.storage.database import Database, RuleHeld, StorageUnsafe, open_database
from order_service.storage.history import all_moves
from order_service.storage.migrate import alembic_config, migrate
from order_service.storage.orders import Orders
from order_service.storage.schema import METADATA, moves
from tests.order_service.clock import Clock
from tests.order_service.samples import A, B

PROCESSES = 4
OF_0_4_0 = Path(__file__).parent / "orders_0_4_0.sql"
"""A SQLite database that version 0.4.0 wrote: two orders, one with a part of each kind."""
HEAD = "0016"


def differences(connection: Connection) -> list[Any]:
    """The changes that a new migration would have to make."""
    with warnings.catch_warnings():
        # SQLite does not tell the expression of an index; PostgreSQL does.
        warnings.filterwarnings("ignore", message=".*expression-based index")
        found = compare_metadata(MigrationContext.configure(connection), METADATA)
    return list(found)


async def test_a_migrated_database_is_as_the_code_says(database: Database) -> None:
    assert await database.read(differences) == []


async def test_the_database_knows_the_moves_of_the_tables(database: Database) -> None:
    def known(connection: Connection) -> set[tuple[Any, ...]]:
        return {tuple(row) for row in connection.execute(select(moves))}

    assert await database.read(known) == {(move.number, *move) for move in all_moves()}


async def test_migrating_again_changes_nothing(database: Database) -> None:
    await migrate(database)
    assert await database.read(differences) == []


async def test_tables_of_another_version_are_refused_and_left_alone(database: Database) -> None:
    def stamped(connection: Connection) -> None:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'ffff'")

    await database.write(stamped)
    try:
        with pytest.raises(StorageUnsafe, match=r"revision ffff.*empty database"):
            await migrate(database)
    finally:
        head = f"UPDATE alembic_version SET version_num = '{HEAD}'"
        await database.write(lambda connection: connection.exec_driver_sql(head))


async def test_processes_that_start_at_once_migrate_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'orders.db'}"
    databases = [open_database(url) for _ in range(PROCESSES)]
    await asyncio.gather(*(migrate(database) for database in databases))
    assert await databases[0].read(differences) == []
    for database in databases:
        await database.close()


async def test_tables_of_sqlite_are_strict_and_its_keys_are_checked(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'orders.db'}")
    await migrate(database)

    def look(connection: Connection) -> tuple[int, str, int, list[str]]:
        loose = [
            str(row.name)
            for row in connection.exec_driver_sql("PRAGMA table_list")
            if row.name in inspect(connection).get_table_names()
            and not row.strict
            and row.name != "alembic_version"
        ]
        return (
            connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one(),
            connection.exec_driver_sql("PRAGMA journal_mode").scalar_one(),
            connection.exec_driver_sql("PRAGMA synchronous").scalar_one(),
            loose,
        )

    full = 2
    assert await database.write(look) == (1, "wal", full, [])
    await database.close()


def as_of_0_4_0(connection: Connection, path: Path) -> None:
    """Makes the tables of 0.4.0, by its migrations, and puts in the rows that it wrote."""
    command.upgrade(alembic_config(connection), "0003")
    with sqlite3.connect(path) as file:
        file.executescript(OF_0_4_0.read_text("utf-8"))
    engine = create_engine(f"sqlite:///{path}")
    then = MetaData()
    then.reflect(engine)
    with engine.connect() as written:
        for table in METADATA.sorted_tables:
            if table.name not in then.tables:
                continue
            known = [column for column in table.c if column.name in then.tables[table.name].c]
            if rows := [row._asdict() for row in written.execute(select(*known))]:
                connection.execute(insert(table), rows)
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
async def of_0_4_0(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database of 0.4.0 with two orders, not migrated yet."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'orders.db'}"
        with sqlite3.connect(tmp_path / "orders.db") as file:
            file.executescript(OF_0_4_0.read_text("utf-8"))
        database = open_database(url)
    else:
        url = request.getfixturevalue("postgres_url")
        server = await asyncpg.connect(url)
        await server.execute("DROP DATABASE IF EXISTS of_0_4_0")
        await server.execute("CREATE DATABASE of_0_4_0")
        await server.close()
        parsed = make_url(url).set(database="of_0_4_0")
        database = open_database(parsed.render_as_string(hide_password=False))
        await database.write(partial(as_of_0_4_0, path=tmp_path / "old.db"))
    yield database
    await database.close()


async def test_a_database_of_0_4_0_is_brought_up_to_date_with_its_orders(
    of_0_4_0: Database, clock: Clock, ids: Ids
) -> None:
    await migrate(of_0_4_0)
    assert await of_0_4_0.read(differences) == []
    orders = Orders(of_0_4_0, clock, ids)
    order = await orders.get(A)
    assert (order.state, order.version, order.lines[0].shipped) == ("SHIPPED", 2, 2)
    assert order.payment(f"{A}-p1").captured_minor == 1_100
    assert order.refund(f"{A}-r1").payment_id == f"{A}-p1"
    assert order.refund(f"{A}-r1").currency == "CNY"
    assert order.shipment(f"{A}-s1").lines == (ShipmentLine(1, "SKU-1", 2),)
    assert order.incident(f"{A}-i1").shipment_id == f"{A}-s1"
    for case in await orders.read(lambda connection: read_cases(connection, [A, B], 0)):
        assert case.history
        assert [each.detail for each in judge(case, HISTORY_RULES)] == []
    # Whatever 0.4.0 wrote can be changed, and what it refused is still refused.
    await orders.change(
        A, lambda draft: draft.move(draft.order.refund(f"{A}-r1"), RefundEvent.SENT_BACK), "test"
    )
    assert (await orders.get(A)).refund(f"{A}-r1").state is RefundState.DONE
    await orders.drain()


_R2 = (
    "INSERT INTO refunds (order_id, refund_no, payment_no, refund_key, state, amount_minor, reason,"
    f" provider_ref, created_at_ms, updated_at_ms) VALUES ({A}, 2, 1, '%s', 'DONE', 1000, '', '', "
    "%s, 2000000000000)"
)
# Another refund like the first, without a row of its own.
_COLUMNS = ", ".join(column.name for column in METADATA.tables["refunds"].c)
_COPIED = ", ".join(
    {"refund_no": "9", "refund_key": "'another'"}.get(column.name, column.name)
    for column in METADATA.tables["refunds"].c
)
_ALL_BACK = f"UPDATE payments SET refunded_minor = 1100 WHERE order_id = {A}"


@pytest.mark.parametrize(
    ("written", "rule", "rows"),
    [
        (
            (_R2 % (f"{A}-i1", 2_000_000_000_001), "UPDATE incidents SET state = 'REFUNDED'"),
            "no_units_money_goes_back_twice",
            [("ADJUST", 100), ("UNITS", 900), ("EXCESS", 100)],
        ),
        (
            (
                _R2 % ("by-hand", 1_999_999_999_999),
                "UPDATE refunds SET created_at_ms = 1999999999999",
            ),
            "no_unit_leaves_whose_money_went_back",
            [("ADJUST", 100), ("ADJUST", 900), ("FREIGHT", 100)],
        ),
    ],
)
async def test_refunds_of_0_4_0_get_rows_and_show_what_was_wrong(
    of_0_4_0: Database,
    clock: Clock,
    ids: Ids,
    written: tuple[str, ...],
    rule: str,
    rows: list[tuple[str, int]],
) -> None:
    for statement in (*written, _ALL_BACK):
        await of_0_4_0.write(partial(_execute, statement))
    await migrate(of_0_4_0)
    orders = Orders(of_0_4_0, clock, ids)
    (case,) = await orders.read(lambda connection: read_cases(connection, [A], 0))
    assert [(row.what, row.amount_minor) for row in case.order.refund_rows] == rows
    assert [each.rule.name for each in judge(case, REFUND_RULES)] == [rule]
    await orders.drain()


_SAID = (
    "INSERT INTO tracking_events (order_id, shipment_no, carrier, event_id, kind, happened_at_ms, "
    f"received_at_ms, place, amount_minor, currency) VALUES ({A}, 1, 'sandbox', 'e', "
    "'CASH_COLLECTED', 1, 1, '', 300, 'JPY')"
)


@pytest.mark.parametrize(("said", "currency"), [((), "CNY"), ((_SAID,), "JPY")])
async def test_cash_that_0_4_0_only_noted_waits_for_a_person(
    of_0_4_0: Database, clock: Clock, ids: Ids, said: tuple[str, ...], currency: str
) -> None:
    for statement in (*said, "UPDATE shipments SET collected_minor = 300"):
        await of_0_4_0.write(partial(_execute, statement))
    await migrate(of_0_4_0)
    orders = Orders(of_0_4_0, clock, ids)
    await orders.change(A, lambda draft: draft.note("something else"), "test")
    (cash,) = todos(await orders.get(A), CashDue)
    await orders.change(A, partial(cash_overdue, currency=cash.payload.currency), "test")
    payment = (await orders.get(A)).payments[-1]
    found = (payment.state, payment.captured_minor, payment.captured_currency)
    assert found == (PaymentState.QUARANTINED, 300, currency)
    (case,) = await orders.read(lambda connection: read_cases(connection, [A], 0))
    broken = {each.rule.name for each in judge(case, MONEY_RULES)}
    assert "cash_is_what_carriers_collected" not in broken
    await orders.drain()


async def test_the_database_holds_refunds_against_their_rows(of_0_4_0: Database) -> None:
    await migrate(of_0_4_0)
    for statement in (
        f"INSERT INTO refunds ({_COLUMNS}) SELECT {_COPIED} FROM refunds",
        "UPDATE refunds SET amount_minor = 99",
        "UPDATE refund_rows SET amount_minor = 99",
        "DELETE FROM refund_rows",
        "UPDATE order_lines SET refunded_shipped = 3",
        "UPDATE order_lines SET refunded_unshipped = 1",
        "UPDATE order_lines SET refunded_minor = 1001",
        "UPDATE orders SET freight_refunded_minor = 101",
    ):
        with pytest.raises(RuleHeld):
            await of_0_4_0.write(partial(_execute, statement))


@pytest.mark.parametrize(
    ("table", "states"),
    [
        ("orders", ("NOWHERE", "PICKED")),
        ("payments", ("", "SHIPPED")),
        ("refunds", ("order", "CAPTURED")),
        ("shipments", ("NOWHERE", "AWAITING_PAYMENT")),
        ("incidents", ("NOWHERE", "PICKED")),
    ],
)
async def test_states_that_no_machine_has_are_refused_by_the_database(
    of_0_4_0: Database, table: str, states: tuple[str, str]
) -> None:
    await migrate(of_0_4_0)
    for state in states:
        with pytest.raises(RuleHeld):
            await of_0_4_0.write(partial(_execute, f"UPDATE {table} SET state = '{state}'"))
        with pytest.raises(RuleHeld):
            await of_0_4_0.write(partial(_insert_copy, METADATA.tables[table], state))


async def test_a_new_state_is_a_row_and_needs_no_migration(of_0_4_0: Database) -> None:
    await migrate(of_0_4_0)
    new = "INSERT INTO moves VALUES (1, 'order', 'SHIPPED', 'AUCTION', 'AUCTIONED')"
    await of_0_4_0.write(partial(_execute, new))
    await of_0_4_0.write(partial(_execute, "UPDATE orders SET state = 'AUCTIONED'"))


def _execute(statement: str, connection: Connection) -> None:
    connection.execute(text(statement))


def _name(column: "Column[Any]") -> str:
    return column.name


def _insert_copy(table: Table, state: str, connection: Connection) -> None:
    """Inserts the first row again in another state, under another number of its order's."""
    row = connection.execute(select(table)).first()
    assert row is not None
    values = row._asdict() | {"state": state}
    number = next((name for name in map(_name, table.primary_key) if name != "order_id"), "")
    unique = {number: 9} if number else {"order_id": "4990000000000000000"}
    keys = {name: "another" for name in map(_name, table.c) if name.endswith("_key")}
    connection.execute(insert(table), values | unique | keys)
