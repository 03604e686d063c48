"""The audit holds the ledger against orders, and balances against postings."""

from sqlalchemy import text

from order_service.audit.case import Case, judge
from order_service.audit.ledger import RULES
from order_service.payment.providers.port import FactKind
from order_service.storage.database import Database
from order_service.storage.ledger_sums import sums_of_orders, uneven_balances
from tests.order_service.samples import A
from tests.order_service.settlement.running import Books, earned
from tests.order_service.settlement.test_ledger_of_the_database import captured, write


def problems(books: Books, **posted: int) -> list[str]:
    """The problems that the rules find in X, with sums that were posted otherwise."""
    sums = {(name, "CNY"): minor for name, minor in books.sums.items()}
    sums |= {(name, "CNY"): minor for name, minor in posted.items()}
    case = Case(books.order, [], books.now_ms, posted=sums)
    return [problem.detail for problem in judge(case, RULES)]


def test_what_was_posted_as_it_happened_is_found_right() -> None:
    books = Books()
    assert problems(books) == []
    books.capture()
    refund = books.refund()
    assert problems(books) == []
    books.reported(refund, FactKind.REFUNDED)
    assert problems(books) == []
    books.earn()
    assert problems(books) == []
    books.refund()
    assert problems(books) == []


def test_money_that_is_posted_otherwise_is_named() -> None:
    books = Books()
    books.capture()
    assert problems(books, escrow=-9_000) == ["escrow: -9000 CNY are posted, the order has -10000"]
    assert problems(books, refunding=-1) == ["refunding: -1 CNY are posted, the order has 0"]
    assert problems(earned(), escrow=-1) == ["escrow: -1 CNY are posted, the order has 0"]


def test_money_of_before_there_was_a_ledger_is_not_missed() -> None:
    books = Books()
    books.capture()
    books.order.payments[0].booked = False
    assert problems(books, escrow=0) == []


async def test_a_balance_that_was_changed_by_hand_is_found(database: Database) -> None:
    await write(database, captured())
    assert await database.read(lambda connection: uneven_balances(connection, "default")) == []
    change = "UPDATE balances SET amount_minor = amount_minor - 1 WHERE side = -1"
    await database.write(lambda connection: connection.execute(text(change)))
    found = await database.read(lambda connection: uneven_balances(connection, "default"))
    assert found == [("account escrow in CNY", "its balance is -1001, its postings come to -1000")]


async def test_the_sums_of_an_order_are_read_from_its_journals(database: Database) -> None:
    await write(database, captured())
    sums = await database.read(lambda connection: sums_of_orders(connection, [A]))
    assert sums == {A: {("escrow", "CNY"): -1_000, ("provider:p", "CNY"): 1_000}}
