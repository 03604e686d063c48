"""Writes journals, and reads the ledger. Nothing here changes what was written."""

from collections.abc import Container, Iterator, Sequence
from functools import lru_cache
from typing import Final

from sqlalchemy import Connection

from order_service.order.journals import (
    OF_MERCHANTS,
    SIDES,
    Account,
    Journal,
    account_no,
)
from order_service.storage.bulk import Bulk, Row, insert_into
from order_service.storage.columns import KNOWN_IS_KEPT
from order_service.storage.settlement_schema import accounts, journals, postings

accounts.info[KNOWN_IS_KEPT] = True
_ACCOUNTS: Final = insert_into(accounts)
_JOURNALS: Final = insert_into(journals)
_COLUMNS: Final = ("journal_id", "posting_no", "account", "slot", "amount_minor")
# The other columns are a trigger's to fill.
_POSTINGS: Final = Bulk(
    [postings.c[name] for name in _COLUMNS],
    f"INSERT INTO postings ({', '.join(_COLUMNS)}) VALUES (?1, ?2, ?3, ?4, ?5)",
    f"INSERT INTO postings ({', '.join(_COLUMNS)}) SELECT * FROM {{given}}",
)
ACCOUNTS_KEPT_MAX: Final = 8_192

_number = lru_cache(ACCOUNTS_KEPT_MAX)(account_no)


def accounts_of(journal: Journal) -> Iterator[int]:
    """The numbers of the accounts that a journal posts to."""
    for account, _ in journal.postings:
        yield _number(journal.tenant, account, journal.currency)


def write_journals(
    connection: Connection, written: Sequence[Journal], known: Container[int] = ()
) -> None:
    """Writes journals with their postings; accounts that are not `known` are made where needed."""
    rows: list[Row] = []
    new: dict[int, Row] = {}
    for journal in written:
        for number, (account, amount_minor) in enumerate(journal.postings):
            name = _number(journal.tenant, account, journal.currency)
            slot = account.slot(journal.order_id)
            rows.append((journal.journal_id, number, name, slot, amount_minor))
            if name not in known and name not in new:
                new[name] = _account_row(name, journal.tenant, account, journal.currency)
    # All writers lock balances in one order, so none waits for one that waits for it.
    rows.sort(key=lambda row: (row[2], row[3], row[0]))
    _ACCOUNTS.execute(connection, [new[name] for name in sorted(new)])
    _POSTINGS.execute(connection, rows)
    _JOURNALS.execute(connection, list(map(_journal_row, written)))


def _account_row(number: int, tenant: str, account: Account, currency: str) -> Row:
    kind, whose = account
    side, numbered = SIDES.get(kind, 0), int(kind in OF_MERCHANTS)
    return (number, tenant, kind, whose, currency, side, numbered)


def _journal_row(journal: Journal) -> Row:
    return (
        journal.journal_id,
        journal.order_id or NO_ORDER,
        journal.at_ms,
        journal.tenant,
        journal.once_key,
        journal.kind,
        journal.currency,
        journal.actor,
        journal.corrects,
    )


NO_ORDER: Final = "0" * 19
"""Stands for the order of what is of none: its keys are there once as well."""


def order_of(order_id: str) -> str:
    """The order that a stored number names; "" for none."""
    return "" if order_id == NO_ORDER else order_id
