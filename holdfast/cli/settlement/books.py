"""`holdfast settlement balances|journals|remitted`: the ledger."""

from typing import Annotated, Any

from cyclopts import Parameter

from holdfast.cli.arguments import LIST_LIMIT_DEFAULT, Limit, MomentMs
from holdfast.cli.failures import usage_failure
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, OrdersConnection
from holdfast.cli.orders.tables import print_answer, print_found, print_list
from holdfast.cli.output import table_of
from holdfast.cli.times import local_iso
from holdfast.money import amount_text, minor_units, money_text
from holdfast.order.v1 import settlement_pb2 as pb

AccountName = Annotated[str, Parameter(help="An account, such as escrow or merchant:m1.")]


def balances(
    account: AccountName = "",
    /,
    *,
    currency: str = "",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Shows what is on the accounts: debits above 0, credits below.

    For example:
      holdfast settlement balances
      holdfast settlement balances merchant --currency CNY -o json

    Parameters
    ----------
    currency
        Only in this currency.
    """
    request = pb.GetBalancesRequest(account=account, currency=currency)
    print_found(connection, "balances", connection.ask(request).balances, _print_balances)


_print_balances = table_of(
    {
        "Account": "account",
        "Currency": "currency",
        "Balance": lambda balance: amount_text(balance.amount_minor, balance.currency),
    }
)


def journals(
    order_id: str = "",
    /,
    *,
    account: str = "",
    since: MomentMs | None = None,
    before: MomentMs | None = None,
    limit: Limit = LIST_LIMIT_DEFAULT,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Lists events that moved money, the oldest first, with all their postings.

    For example:
      holdfast settlement journals 3766223186315821678
      holdfast settlement journals --account merchant:m1 --since 2030-01-31

    Parameters
    ----------
    order_id
        Only of this order.
    account
        Only those that post to this account.
    since
        Only those from then on: an ISO time, or milliseconds since 1970.
    before
        Only those before then.
    """
    request = pb.ListJournalsRequest(
        order_id=order_id, account=account, from_at_ms=since or 0, before_at_ms=before or 0
    )
    print_list(connection, request, "journals", limit, _print_journals)


_print_journals = table_of(
    {
        "When": lambda journal: local_iso(journal.at_ms),
        "What": "kind",
        "Order": lambda journal: journal.order_id or "-",
        "About": lambda journal: journal.part or journal.corrects or "-",
        "Debit": lambda journal: _side(journal, 1),
        "Credit": lambda journal: _side(journal, -1),
    }
)


def _side(journal: Any, sign: int) -> str:
    return ", ".join(
        f"{posting.account} {amount_text(sign * posting.amount_minor, journal.currency)}"
        for posting in journal.postings
        if sign * posting.amount_minor > 0
    )


def remitted(
    account: AccountName,
    amount: str,
    currency: str,
    /,
    *,
    key: str,
    fee: str = "0",
    actor: str = "finance",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Enters that a provider or a carrier has paid us what it had, less its fee.

    For example:
      holdfast settlement remitted carrier:sf 9980 CNY --fee 20 --key sf-2030-01
      holdfast settlement remitted provider:stripe 0 CNY --fee 60 --key fees-jan

    Parameters
    ----------
    amount
        What came to our bank.
    currency
        Its currency.
    key
        The number of the statement: the same one is entered once.
    fee
        What was kept.
    actor
        Who says so.
    """
    request = pb.RecordRemittanceRequest(
        account=account,
        currency=currency,
        amount_minor=_minor("AMOUNT", amount, currency),
        fee_minor=_minor("--fee", fee, currency),
        key=key,
        actor=actor,
    )
    answer = connection.decide_once(request, key)
    before = "had been entered before" if answer.replayed else "is entered"
    text = f"{money_text(request.amount_minor, currency)} of {account} {before}."
    print_answer(connection, answer, text, key=key)


def _minor(name: str, amount: str, currency: str) -> int:
    try:
        return minor_units(amount, currency)
    except ValueError as error:
        raise usage_failure(f"{name}: {error}") from error
