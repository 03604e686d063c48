"""Statements and payouts, on SQLite and PostgreSQL: closed ranges, deadlines, what is owed."""

import random
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import TypeVar

import pytest
from msgspec import structs
from sqlalchemy import Connection

from order_service.catalogue.contracts import Contract, Period
from order_service.order.ids import Ids
from order_service.order.journals import Journal, JournalKind, Move, postings_of
from order_service.order.refusals import Refused
from order_service.settlement.accounts import BANK, COMPENSATION, between, merchant
from order_service.settlement.ledger_reads import (
    get_balances,
    statement_lines,
    statement_sums,
)
from order_service.settlement.statement_store import (
    Ledger,
    get_statement,
    list_statements,
    moves_of,
)
from order_service.settlement.statements import DAY_MS, Statement, StatementState
from order_service.storage.database import Database, WriteRefused
from order_service.storage.ledger import write_journals
from tests.order_service.samples import A
from tests.order_service.settlement.test_ledger_of_the_database import even, execute_all

MARCH_1 = 1_772_323_200_000
"""2026-03-01 00:00 UTC."""
CONTRACT = Contract(merchant_id="m", contract_no=1, period=Period.DAY)
S = StatementState
T = TypeVar("T")


class World:
    """A merchant's account, its statements, and a clock."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now_ms = MARCH_1 + 3_600_000
        self.contract = CONTRACT
        self._ids = Ids(random.Random(5))
        self._count = 0

    async def post(self, *moves: Move, currency: str = "CNY") -> None:
        """Something is posted now."""
        self._count += 1
        journal = Journal(
            self._ids.next(self.now_ms),
            "default",
            A,
            f"m0/{self._count}",
            JournalKind.EARNED,
            currency,
            "test",
            self.now_ms,
            postings_of(moves),
        )
        await self.database.write(partial(write_journals, written=[journal]))

    async def earn(self, amount_minor: int, currency: str = "CNY") -> None:
        """The merchant earns something, or owes it."""
        await self.post(Move(COMPENSATION, merchant("m"), amount_minor), currency=currency)

    async def change(self, decide: Callable[[Ledger], T], actor: str = "ann") -> T:
        """A change of statements, now."""

        def change(connection: Connection) -> T:
            contract_of = lambda _tenant, _merchant: self.contract  # noqa: E731
            return decide(Ledger(connection, self._ids, contract_of, self.now_ms, actor))

        return await self.database.write(change)

    async def look(self, at_ms: int = 0) -> None:
        """All that is due happens."""
        self.now_ms = at_ms or self.now_ms
        await self.change(Ledger.begin)
        while await self.change(Ledger.lapse):
            pass
        await self.database.read(even)

    async def statement(self, number: int = 1, currency: str = "CNY") -> Statement:
        """A statement as it is."""
        name = f"m/{currency}/{number}"
        return await self.database.read(partial(get_statement, tenant="default", statement_id=name))

    async def closed(self) -> Statement:
        """The first statement, closed at the first midnight."""
        await self.look(MARCH_1 + DAY_MS)
        return await self.statement()

    async def paid(self, number: int = 1) -> Statement:
        """A statement that is confirmed, paid, and sent by the bank."""
        name = f"m/CNY/{number}"
        await self.change(lambda ledger: ledger.confirm("default", name))
        paying, _ = await self.change(lambda ledger: ledger.pay("default", name))
        sent, _ = await self.change(
            lambda ledger: ledger.sent("default", paying.payout_id, "bank-1")
        )
        return sent

    async def due(self) -> int:
        """The money that is owed to the merchant."""
        read = partial(get_balances, tenant="default", account="merchant:m", currency="CNY")
        (balance,) = await self.database.read(read)
        return -balance.amount_minor

    async def lines(self, number: int) -> list[int]:
        """The amounts of a statement's lines."""
        statement = await self.statement(number)
        read = partial(statement_lines, statement=statement, after_no=0, size=1_000)
        return [line.amount_minor for line in await self.database.read(read)]


@pytest.fixture
def world(database: Database) -> World:
    """An empty ledger."""
    return World(database)


async def test_example_4_what_is_owed_nets_with_the_next_payout(world: World) -> None:
    await world.earn(9_870)
    await world.closed()
    assert (await world.paid()).payout_minor == 9_870
    await world.earn(-4_465)
    assert await world.due() == -4_465
    await world.earn(10_000)
    await world.look(MARCH_1 + 2 * DAY_MS)
    second = await world.statement(2)
    assert (second.opening_minor, second.closing_minor) == (9_870, 5_535)
    assert (await world.paid(2)).payout_minor == 5_535
    assert await world.due() == 0


async def test_example_5_a_refund_is_one_line_and_subtracted_once(world: World) -> None:
    await world.earn(9_870)
    await world.closed()
    await world.paid()
    await world.earn(-4_465)
    await world.look(MARCH_1 + 2 * DAY_MS)
    assert await world.lines(2) == [-9_870, -4_465]
    second = await world.statement(2)
    assert second.closing_minor == second.opening_minor - 9_870 - 4_465


async def test_example_6_a_merchant_who_owes_is_carried(world: World) -> None:
    await world.earn(-130)
    await world.look(MARCH_1 + DAY_MS)
    await world.look(MARCH_1 + 5 * DAY_MS)
    first = await world.statement()
    assert (first.state, first.closing_minor) == (S.CARRIED, -130)
    assert (await world.statement(2)).opening_minor == -130


async def test_example_11_what_is_held_is_not_paid_out(world: World) -> None:
    await world.earn(9_870)
    await world.closed()
    await world.post(between(JournalKind.HOLD, "m", 4_700))
    assert (await world.paid()).payout_minor == 5_170


async def test_example_13_what_comes_late_is_in_the_next(world: World) -> None:
    for _ in range(3):
        await world.earn(100)
    closed = await world.closed()
    read = partial(statement_lines, statement=closed, after_no=0, size=1_000)
    before = await world.database.read(read)
    assert closed.to_no == 3
    # It was begun before the statement was closed, and is written after.
    world.now_ms = MARCH_1 + DAY_MS - 1
    await world.earn(-50)
    await world.look(MARCH_1 + 2 * DAY_MS)
    assert await world.database.read(read) == before
    assert await world.statement() == closed
    assert await world.lines(2) == [-50]


async def test_a_statement_that_is_closed_late_has_what_was_posted_in_its_time(
    world: World,
) -> None:
    await world.earn(100)
    await world.look()
    world.now_ms = MARCH_1 + DAY_MS
    await world.earn(7)
    await world.look(MARCH_1 + DAY_MS + 5_000)
    closed = await world.statement()
    assert (closed.closing_minor, closed.entered_at_ms) == (100, MARCH_1 + DAY_MS)
    assert (await world.statement(2)).from_no == closed.to_no == 1


async def test_example_14_silence_confirms_at_the_deadline_and_not_before(world: World) -> None:
    await world.earn(500)
    await world.closed()
    ends_ms = MARCH_1 + 4 * DAY_MS
    await world.look(ends_ms - 1)
    assert (await world.statement()).state is S.CLOSED
    await world.look(ends_ms)
    confirmed = await world.statement()
    assert (confirmed.state, confirmed.entered_at_ms) == (S.CONFIRMED, ends_ms)
    await world.look(ends_ms + DAY_MS - 1)
    assert (await world.statement()).state is S.CONFIRMED
    await world.look(ends_ms + DAY_MS)
    assert (await world.statement()).state is S.PAYING


async def test_an_objection_after_the_deadline_is_too_late_though_no_timer_came(
    world: World,
) -> None:
    await world.earn(500)
    await world.closed()
    world.now_ms = MARCH_1 + 4 * DAY_MS
    with pytest.raises(Refused, match="not possible"):
        await world.change(lambda ledger: ledger.object("default", "m/CNY/1", "no"))


async def test_example_15_a_payout_that_the_bank_returns_is_the_merchants_again(
    world: World,
) -> None:
    await world.earn(9_870)
    await world.closed()
    sent = await world.paid()
    world.now_ms += 5 * DAY_MS
    fail = lambda ledger: ledger.failed("default", sent.payout_id, "the account is closed")  # noqa: E731
    returned, replayed = await world.change(fail)
    assert (returned.state, returned.why, replayed) == (S.RETURNED, "the account is closed", False)
    assert await world.due() == 9_870
    assert (await world.change(fail))[1]
    again, _ = await world.change(lambda ledger: ledger.pay("default", "m/CNY/1"))
    assert again.payout_id == "m/CNY/1/2"
    assert await world.due() == 0
    await world.database.read(even)


async def test_example_16_a_payout_has_one_number_however_often_it_is_asked_for(
    world: World,
) -> None:
    await world.earn(9_870)
    await world.closed()
    await world.change(lambda ledger: ledger.confirm("default", "m/CNY/1"))
    pay = lambda ledger: ledger.pay("default", "m/CNY/1")  # noqa: E731
    first, _ = await world.change(pay)
    # The process is killed before it has an answer, and another asks again.
    assert await world.change(pay) == (first, True)
    assert first.payout_id == "m/CNY/1/1"
    send = lambda ledger: ledger.sent("default", first.payout_id, "bank-1")  # noqa: E731
    assert not (await world.change(send))[1]
    assert (await world.change(send))[1]
    assert await world.due() == 0


async def test_example_22_each_currency_has_a_statement_of_its_own(world: World) -> None:
    await world.earn(500)
    await world.earn(700, "JPY")
    await world.look(MARCH_1 + DAY_MS)
    assert (await world.statement()).closing_minor == 500
    assert (await world.statement(1, "JPY")).closing_minor == 700


async def test_example_27_what_is_let_go_is_paid_out(world: World) -> None:
    await world.earn(9_870)
    await world.post(between(JournalKind.HOLD, "m", 4_700))
    await world.closed()
    await world.post(between(JournalKind.UNHOLD, "m", 4_700))
    # It had come to 5,170 by the end of the period: the rest is the next statement's.
    assert (await world.paid()).payout_minor == 5_170
    await world.look(world.now_ms + DAY_MS)
    assert (await world.paid(2)).payout_minor == 4_700


async def test_example_29_a_correction_is_a_line_of_the_next_that_names_the_old(
    world: World,
) -> None:
    await world.earn(9_870)
    closed = await world.closed()
    objection = lambda ledger: ledger.object("default", "m/CNY/1", "500 are missing")  # noqa: E731
    objected, _ = await world.change(objection, actor="merchant")
    assert objected.state is S.OBJECTED
    assert (await world.change(objection))[1]
    answered, _ = await world.change(
        lambda ledger: ledger.answer("default", "m/CNY/1", 500, "they are")
    )
    assert answered.state is S.CLOSED
    assert (answered.to_no, answered.closing_minor) == (closed.to_no, closed.closing_minor)
    await world.look(MARCH_1 + 2 * DAY_MS)
    second = await world.statement(2)
    (line,) = await world.database.read(
        partial(statement_lines, statement=second, after_no=0, size=9)
    )
    assert (line.amount_minor, line.corrects) == (500, "m/CNY/1")
    moves = await world.database.read(partial(moves_of, statement=answered))
    assert [str(move.event) for move in moves] == ["CLOSE", "OBJECT", "ANSWER"]


async def test_a_large_payout_takes_two_people(world: World) -> None:
    await world.earn(1_000_001)
    await world.closed()
    await world.look(MARCH_1 + 5 * DAY_MS)  # nobody pays it by itself
    assert (await world.statement()).state is S.CONFIRMED
    pay = lambda ledger: ledger.pay("default", "m/CNY/1")  # noqa: E731
    first, _ = await world.change(pay, actor="ann")
    assert (first.state, first.approved_by) == (S.CONFIRMED, "ann")
    with pytest.raises(Refused, match="two people"):
        await world.change(pay, actor="ann")
    second, _ = await world.change(pay, actor="bob")
    assert (second.state, second.payout_minor) == (S.PAYING, 1_000_001)


async def test_a_million_takes_one(world: World) -> None:
    await world.earn(1_000_000)
    await world.closed()
    await world.look(MARCH_1 + 5 * DAY_MS)
    assert (await world.statement()).state is S.PAYING


@pytest.mark.parametrize(("amount", "state"), [(99, S.CARRIED), (100, S.PAYING)])
async def test_less_than_the_least_is_carried(world: World, amount: int, state: S) -> None:
    await world.earn(amount)
    await world.closed()
    await world.look(MARCH_1 + 5 * DAY_MS)
    assert (await world.statement()).state is state


async def test_a_service_that_stood_still_closes_each_period_as_of_its_end(world: World) -> None:
    await world.earn(1_000)
    await world.look(MARCH_1 + 30 * DAY_MS)
    read = partial(
        list_statements,
        tenant="default",
        merchant_id="m",
        state="",
        size=100,
        after=("", "", 0),
    )
    found = await world.database.read(read)
    assert len(found) == 31
    assert [each.state for each in found[:2]] == [S.PAYING, S.CARRIED]
    assert all(
        one.closing_minor == other.opening_minor and one.to_no == other.from_no
        for one, other in pairwise(found)
        if one.state is not S.OPEN
    )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE statements SET closing_minor = 1 WHERE state <> 'OPEN'",
        "UPDATE statements SET to_no = 99 WHERE state <> 'OPEN'",
        "DELETE FROM statements",
    ],
)
async def test_the_database_keeps_what_a_closed_statement_says(
    world: World, statement: str
) -> None:
    await world.earn(500)
    await world.closed()
    with pytest.raises(WriteRefused):
        await world.database.write(partial(execute_all, statements=(statement,)))


@pytest.mark.parametrize("name", ["", "m", "m/CNY", "m/CNY/x", "m/CNY/9", "n/CNY/1", "m/CNY/1/1"])
async def test_an_unknown_statement_is_not_found(world: World, name: str) -> None:
    await world.earn(500)
    await world.closed()
    with pytest.raises(Refused, match="there is no statement"):
        await world.change(lambda ledger: ledger.confirm("default", name))
    with pytest.raises(Refused, match="there is no"):
        await world.change(lambda ledger: ledger.sent("default", name, ""))


async def test_another_shops_statement_is_not_found(world: World) -> None:
    await world.earn(500)
    await world.closed()
    with pytest.raises(Refused):
        await world.change(lambda ledger: ledger.confirm("other", "m/CNY/1"))


async def test_sums_of_a_statement_come_to_its_closing(world: World) -> None:
    await world.earn(900)
    await world.post(Move(BANK, merchant("m"), 33))
    closed = await world.closed()
    sums = await world.database.read(partial(statement_sums, statement=closed))
    assert closed.opening_minor + sum(each.amount_minor for each in sums) == closed.closing_minor
    assert structs.replace(closed) == closed
