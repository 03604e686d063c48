"""The database refuses books that do not balance, on SQLite and PostgreSQL."""

import random
from functools import partial

import pytest
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import DBAPIError

from order_service.order.ids import Ids
from order_service.order.journals import (
    Account,
    AccountKind,
    Journal,
    JournalKind,
    Move,
    account_no,
    postings_of,
)
from order_service.settlement.accounts import (
    BANK,
    COMPENSATION,
    ESCROW,
    REFUNDING,
    merchant,
    provider,
)
from order_service.storage.database import Database, RuleHeld, WriteRefused
from order_service.storage.ledger import write_journals
from order_service.storage.settlement_schema import accounts, balances, journals, postings
from tests.order_service.samples import A, B

_IDS = Ids(random.Random(7))
POSTING = "INSERT INTO postings (journal_id, posting_no, account, slot, amount_minor) VALUES "
JOURNAL = (
    "INSERT INTO journals (journal_id, order_id, at_ms, tenant, once_key, kind, currency, actor, "
    "corrects) VALUES "
)


def journal(once_key: str, *moves: Move, order_id: str = A, currency: str = "CNY") -> Journal:
    """A journal of an order."""
    return Journal(
        _IDS.next(2_000_000_000_000),
        "default",
        order_id,
        once_key,
        JournalKind.CAPTURED,
        currency,
        "test",
        2_000_000_000_000,
        postings_of(moves),
    )


def captured(amount_minor: int = 1_000, order_id: str = A) -> Journal:
    """Money of an order that came."""
    return journal("p1/captured", Move(provider("p"), ESCROW, amount_minor), order_id=order_id)


async def write(database: Database, *written: Journal) -> None:
    """Writes journals in one transaction."""
    await database.write(partial(write_journals, written=written))


def number(account: Account) -> int:
    """The number of an account in CNY."""
    return account_no("default", account, "CNY")


def execute(connection: Connection, *statements: str) -> None:
    """Runs raw SQL, in one transaction."""
    for statement in statements:
        connection.execute(text(statement))


def even(connection: Connection) -> None:
    """Holds that all sums are 0, and each balance is the sum of its postings."""
    assert (connection.scalar(select(func.sum(postings.c.amount_minor))) or 0) == 0
    of = (postings.c.account, postings.c.slot)
    summed = select(*of, func.sum(postings.c.amount_minor)).group_by(*of)
    stated = select(balances.c.account, balances.c.slot, balances.c.amount_minor)
    assert {tuple(row) for row in connection.execute(summed)} == {
        tuple(row) for row in connection.execute(stated)
    }


async def test_example_17_a_journal_that_does_not_sum_to_nothing_is_refused(
    database: Database,
) -> None:
    await write(database, captured())
    uneven = (
        f"{POSTING} (77, 0, {number(provider('p'))}, {int(A) % 64}, 100)",
        f"{POSTING} (77, 1, {number(ESCROW)}, {int(A) % 64}, -99)",
        f"{JOURNAL} (77, {A}, 0, 'default', 'x', 'CAPTURED', 'CNY', 'raw', '')",
    )
    with pytest.raises(WriteRefused):
        await database.write(partial(execute_all, statements=uneven))
    with pytest.raises(WriteRefused):  # and no posting is there without its journal
        await database.write(partial(execute_all, statements=uneven[:2]))
    await database.read(even)


def execute_all(connection: Connection, statements: tuple[str, ...]) -> None:
    """Runs raw SQL, and passes on what the database says."""
    execute(connection, *statements)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journals SET kind = 'EARNED'",
        "UPDATE postings SET amount_minor = amount_minor + 1",
        "UPDATE postings SET account_no = 7",
        "UPDATE accounts SET currency = 'USD'",
        "DELETE FROM journals",
        "DELETE FROM postings",
        "DELETE FROM accounts",
    ],
)
async def test_example_18_what_is_posted_is_neither_changed_nor_taken_out(
    database: Database, statement: str
) -> None:
    await write(database, captured(), journal("m0/earned", Move(ESCROW, merchant("m"), 500)))
    with pytest.raises(WriteRefused):
        await database.write(partial(execute_all, statements=(statement,)))


@pytest.mark.parametrize(
    "moves",
    [
        pytest.param((Move(ESCROW, provider("p"), 1_001),), id="more leaves escrow than is there"),
        pytest.param((Move(REFUNDING, provider("p"), 1),), id="more is sent than was asked for"),
        pytest.param(
            (Move(provider("p"), Account(AccountKind.CHARGEBACK), 1),), id="a bank owes us less"
        ),
        pytest.param((Move(Account(AccountKind.HELD, "m"), merchant("m"), 1),), id="unheld unheld"),
    ],
)
async def test_a_balance_on_the_wrong_side_is_refused(
    database: Database, moves: tuple[Move, ...]
) -> None:
    await write(database, captured())
    with pytest.raises(RuleHeld):
        await write(database, journal("late", *moves))
    await database.read(even)


async def test_only_a_merchant_may_owe(database: Database) -> None:
    owes = journal("m0/x", Move(merchant("m"), BANK, 70))
    await write(database, owes, journal("m0/y", Move(COMPENSATION, merchant("m"), 100)))
    rows = select(postings.c.account_no, postings.c.balance_after_minor)
    of_m = rows.where(postings.c.account == number(merchant("m")))

    def numbers(connection: Connection) -> list[tuple[int, int]]:
        return [(row[0], row[1]) for row in connection.execute(of_m.order_by("account_no"))]

    assert await database.read(numbers) == [(1, 70), (2, -30)]


async def test_a_journal_mixes_no_currencies_and_no_shops(database: Database) -> None:
    await write(database, captured())
    in_yen = account_no("default", ESCROW, "JPY")
    mixed = (
        f"""
        INSERT INTO accounts (account, tenant, kind, whose, currency, side, numbered)
        VALUES ({in_yen}, 'default', 'escrow', '', 'JPY', -1, 0)
        """,
        f"{POSTING} (78, 0, {number(provider('p'))}, 0, 100)",
        f"{POSTING} (78, 1, {in_yen}, 0, -100)",
        f"{JOURNAL} (78, {A}, 0, 'default', 'x', 'CAPTURED', 'CNY', 'raw', '')",
    )
    with pytest.raises(WriteRefused):
        await database.write(partial(execute_all, statements=mixed))


async def test_a_key_is_posted_once_and_nothing_joins_a_journal_later(database: Database) -> None:
    first = captured()
    await write(database, first)
    with pytest.raises(Exception, match=r"UNIQUE|23505"):
        await write(database, captured())
    await write(database, captured(order_id=B))
    late = f"{POSTING} ({first.journal_id}, 7, {number(ESCROW)}, 0, -1)"
    with pytest.raises((WriteRefused, DBAPIError)):
        await database.write(partial(execute_all, statements=(late,)))
    await database.read(even)


async def test_a_posting_to_an_unknown_account_is_refused(database: Database) -> None:
    with pytest.raises(WriteRefused):
        await database.write(partial(execute_all, statements=(f"{POSTING} (79, 0, 5, 0, 1)",)))


async def test_example_30_random_events_leave_the_books_even(database: Database) -> None:
    chance = random.Random(3)
    ends = [provider("p"), BANK, ESCROW, REFUNDING, merchant("m"), merchant("n"), COMPENSATION]
    refused = 0
    for batch in range(60):
        written = [
            journal(
                f"{batch}/{number}",
                *(
                    Move(debit, credit, chance.randint(1, 900))
                    for debit, credit in (chance.sample(ends, 2) for _ in range(3))
                ),
                order_id=chance.choice((A, B)),
            )
            for number in range(chance.randint(1, 4))
        ]
        try:
            await write(database, *(each for each in written if len(each.postings) > 1))
        except RuleHeld:
            refused += 1
        await database.read(even)
    assert 0 < refused < 60
    counts = [select(func.count()).select_from(table) for table in (accounts, journals)]
    made = await database.read(lambda connection: [connection.scalar(each) for each in counts])
    assert all(made)
