"""Sums of the ledger, to be held against orders and balances. Functions of a connection."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, func, select

from order_service.order.journals import Account, AccountKind
from order_service.storage.one_of import one_of
from order_service.storage.settlement_schema import accounts, balances, journals, postings

DIFFERENCES_MAX: Final = 100


def sums_of_orders(
    connection: Connection, order_ids: Sequence[str]
) -> Mapping[str, Mapping[tuple[str, str], int]]:
    """The sums of orders' journals, by account and currency; orders without journals have none."""
    named = (journals.c.order_id, accounts.c.kind, accounts.c.whose, accounts.c.currency)
    wanted = (
        select(*named, func.sum(postings.c.amount_minor))
        .select_from(
            journals.join(postings, postings.c.journal_id == journals.c.journal_id).join(
                accounts, accounts.c.account == postings.c.account
            )
        )
        .where(one_of(journals.c.order_id, "ids"))
        .group_by(*named)
    )
    sums: defaultdict[str, dict[tuple[str, str], int]] = defaultdict(dict)
    for order_id, kind, whose, currency, amount_minor in connection.execute(
        wanted, {"ids": list(order_ids)}
    ):
        name = Account(AccountKind(kind), whose).name
        sums[order_id][name, currency] = int(amount_minor)
    return sums


def uneven_balances(connection: Connection, tenant: str) -> list[tuple[str, str]]:
    """Balances that are not the sum of their postings: the account, and how they differ."""
    of = (postings.c.account, postings.c.slot)
    summed = select(*of, func.sum(postings.c.amount_minor).label("sum")).group_by(*of).subquery()
    same = (summed.c.account == balances.c.account) & (summed.c.slot == balances.c.slot)
    wanted = (
        select(
            accounts.c.kind,
            accounts.c.whose,
            accounts.c.currency,
            balances.c.amount_minor,
            func.coalesce(summed.c.sum, 0),
        )
        .select_from(
            accounts.join(balances, balances.c.account == accounts.c.account).outerjoin(
                summed, same
            )
        )
        .where(
            accounts.c.tenant == tenant,
            func.coalesce(summed.c.sum, 0) != balances.c.amount_minor,
        )
        .limit(DIFFERENCES_MAX)
    )
    return [
        (
            f"account {Account(AccountKind(kind), whose).name} in {currency}",
            f"its balance is {amount_minor}, its postings come to {int(sum_minor)}",
        )
        for kind, whose, currency, amount_minor, sum_minor in connection.execute(wanted)
    ]
