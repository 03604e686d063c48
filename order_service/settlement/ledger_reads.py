"""Reads the ledger: balances, journals, and the lines of statements. Functions of a connection."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Connection, Select, and_, func, select

from order_service.order.ids import least_of
from order_service.order.journals import Account, AccountKind, JournalKind, account_no, account_of
from order_service.settlement.statements import Statement
from order_service.storage.ledger import NO_ORDER, order_of
from order_service.storage.settlement_schema import accounts, balances, journals, postings

_SIGNED: Final = {AccountKind.MERCHANT, AccountKind.HELD, AccountKind.DEPOSIT, AccountKind.PAYOUT}


class Balance(Struct, frozen=True):
    """The balance of an account in one currency: a debit above 0, a credit below."""

    account: str
    currency: str
    amount_minor: int
    last_no: int = 0
    """The number of its last posting; 0 where its postings have none."""


class PostedLine(Struct, frozen=True):
    """A posting of a journal."""

    account: str
    amount_minor: int
    account_no: int = 0
    balance_after_minor: int = 0


class PostedJournal(Struct, frozen=True):
    """A journal as it stands in the ledger."""

    journal_id: str
    order_id: str
    part: str
    kind: JournalKind
    currency: str
    actor: str
    at_ms: int
    once_key: str
    corrects: str
    postings: tuple[PostedLine, ...]


class StatementLine(Struct, frozen=True):
    """A line of a statement, as the merchant sees it: above 0 it is the merchant's."""

    account_no: int
    at_ms: int
    kind: JournalKind
    order_id: str
    part: str
    amount_minor: int
    balance_minor: int
    journal_id: str
    corrects: str


class StatementSum(Struct, frozen=True):
    """The lines of one kind in a statement, added up."""

    kind: JournalKind
    lines: int
    amount_minor: int


def get_balances(connection: Connection, tenant: str, account: str, currency: str) -> list[Balance]:
    """The balances of a shop, by account and currency; "" means all. Raises ValueError."""
    wanted = (
        select(
            accounts.c.kind,
            accounts.c.whose,
            accounts.c.currency,
            func.sum(balances.c.amount_minor),
            func.max(balances.c.last_no),
        )
        .join(balances, balances.c.account == accounts.c.account)
        .where(accounts.c.tenant == tenant)
        .group_by(accounts.c.kind, accounts.c.whose, accounts.c.currency)
        .order_by(accounts.c.kind, accounts.c.whose, accounts.c.currency)
    )
    if account:
        named = account_of(account)
        wanted = wanted.where(accounts.c.kind == str(named.kind))
        if named.whose:
            wanted = wanted.where(accounts.c.whose == named.whose)
    if currency:
        wanted = wanted.where(accounts.c.currency == currency)
    return [
        Balance(Account(AccountKind(row[0]), row[1]).name, row[2], int(row[3]), row[4] or 0)
        for row in connection.execute(wanted)
    ]


def journals_of_order(connection: Connection, tenant: str, order_id: str) -> list[PostedJournal]:
    """All journals of an order, the oldest first."""
    wanted = select(journals).where(journals.c.order_id == order_id, journals.c.tenant == tenant)
    return _with_postings(connection, wanted.order_by(journals.c.journal_id))


def list_journals(
    connection: Connection,
    tenant: str,
    order_id: str,
    account: str,
    from_at_ms: int,
    before_at_ms: int,
    size: int,
    after: str,
) -> list[PostedJournal]:
    """Journals, the oldest first, those after one: of an order or an account, or of a time.

    Raises ValueError for an account of no kind.
    """
    wanted = select(journals).where(journals.c.tenant == tenant)
    if order_id:
        wanted = wanted.where(journals.c.order_id == order_id)
    if account:
        named = account_of(account)
        of_account = (
            select(postings.c.journal_id)
            .join(accounts, accounts.c.account == postings.c.account)
            .where(
                postings.c.journal_id == journals.c.journal_id,
                accounts.c.kind == str(named.kind),
                accounts.c.whose == named.whose,
            )
        )
        wanted = wanted.where(of_account.exists())
    # Ids begin with their time.
    if from_at_ms:
        wanted = wanted.where(journals.c.journal_id >= least_of(from_at_ms))
    if before_at_ms:
        wanted = wanted.where(journals.c.journal_id < least_of(before_at_ms))
    wanted = wanted.where(journals.c.journal_id > (after or NO_ORDER))
    return _with_postings(connection, wanted.order_by(journals.c.journal_id).limit(size))


def _with_postings(connection: Connection, wanted: "Select[Any]") -> list[PostedJournal]:
    rows = list(connection.execute(wanted))
    lines = _postings_of(connection, [row.journal_id for row in rows])
    return [
        PostedJournal(
            journal_id=row.journal_id,
            order_id=order_of(row.order_id),
            part=row.once_key.partition("/")[0] if order_of(row.order_id) else "",
            kind=JournalKind(row.kind),
            currency=row.currency,
            actor=row.actor,
            at_ms=row.at_ms,
            once_key=row.once_key,
            corrects=row.corrects,
            postings=tuple(lines[row.journal_id]),
        )
        for row in rows
    ]


def _postings_of(connection: Connection, ids: Iterable[str]) -> dict[str, list[PostedLine]]:
    lines: defaultdict[str, list[PostedLine]] = defaultdict(list)
    wanted = (
        select(postings, accounts.c.kind, accounts.c.whose)
        .join(accounts, accounts.c.account == postings.c.account)
        .where(postings.c.journal_id.in_(list(ids)))
        .order_by(postings.c.journal_id, postings.c.posting_no)
    )
    for row in connection.execute(wanted):
        account = Account(AccountKind(row.kind), row.whose)
        numbers = (row.account_no or 0, row.balance_after_minor or 0)
        lines[row.journal_id].append(PostedLine(account.name, row.amount_minor, *numbers))
    return lines


def statement_lines(
    connection: Connection, statement: Statement, after_no: int, size: int
) -> list[StatementLine]:
    """The lines of a statement by their numbers, those after one."""
    wanted = (
        select(
            postings.c.account_no,
            journals.c.at_ms,
            journals.c.kind,
            journals.c.order_id,
            journals.c.once_key,
            postings.c.amount_minor,
            postings.c.balance_after_minor,
            journals.c.journal_id,
            journals.c.corrects,
        )
        .join(journals, journals.c.journal_id == postings.c.journal_id)
        .where(_in_statement(statement), postings.c.account_no > after_no)
        .order_by(postings.c.account_no)
        .limit(size)
    )
    return [
        StatementLine(
            account_no=row[0],
            at_ms=row[1],
            kind=JournalKind(row[2]),
            order_id=order_of(row[3]),
            part=row[4].partition("/")[0] if order_of(row[3]) else "",
            amount_minor=-row[5],
            balance_minor=-row[6],
            journal_id=row[7],
            corrects=row[8],
        )
        for row in connection.execute(wanted)
    ]


def statement_sums(connection: Connection, statement: Statement) -> list[StatementSum]:
    """The lines of a statement by their kind."""
    wanted = (
        select(journals.c.kind, func.count(), func.sum(postings.c.amount_minor))
        .join(postings, postings.c.journal_id == journals.c.journal_id)
        .where(_in_statement(statement))
        .group_by(journals.c.kind)
        .order_by(journals.c.kind)
    )
    return [
        StatementSum(JournalKind(row[0]), row[1], -int(row[2]))
        for row in connection.execute(wanted)
    ]


def _in_statement(statement: Statement) -> Any:
    account = Account(AccountKind.MERCHANT, statement.merchant_id)
    number = account_no(statement.tenant, account, statement.currency)
    inside = [postings.c.account == number, postings.c.account_no > statement.from_no]
    if statement.to_no or statement.state != "OPEN":
        inside.append(postings.c.account_no <= statement.to_no)
    return and_(*inside)
