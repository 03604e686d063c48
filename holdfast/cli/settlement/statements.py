"""`holdfast settlement statements|statement|export|confirm|object|answer|pay|payout`."""

import csv
import sys
from typing import Annotated, Any, Final

from cyclopts import Parameter

from holdfast.cli.arguments import LIST_LIMIT_DEFAULT, Limit, named
from holdfast.cli.failures import usage_failure
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, OrdersConnection
from holdfast.cli.orders.tables import print_answer, print_list, state_of
from holdfast.cli.output import enum_name, print_json, print_table, table_of
from holdfast.cli.times import local_iso
from holdfast.money import amount_text, minor_units, money_text
from holdfast.order.v1 import settlement_pb2 as pb

LINES_MAX: Final = 10_000_000
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is a formula to a spreadsheet."""

STATES: Final = tuple(
    enum_name(pb.Statement.State.DESCRIPTOR, number)
    for number in pb.Statement.State.values()
    if number
)
StatementId = Annotated[str, Parameter(help="The statement, such as m1/CNY/3.")]
PayoutId = Annotated[str, Parameter(help="The payout, such as m1/CNY/3/1.")]
StateName = Annotated[str, named(STATES, "STATE")]
Reason = Annotated[str, Parameter(help="Why, for the statement's history; nothing personal.")]
Actor = Annotated[str, Parameter(help="Who says so.")]


def statements(
    *,
    merchant: str = "",
    state: StateName | None = None,
    limit: Limit = LIST_LIMIT_DEFAULT,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Lists merchants' statements.

    For example:
      holdfast settlement statements --merchant m1
      holdfast settlement statements --state paying -o json

    Parameters
    ----------
    merchant
        Only this merchant's.
    state
        Only those in this state: open, closed, objected, confirmed, paying,
        paid, returned or carried.
    """
    number = pb.Statement.State.Value(state or "STATE_UNSPECIFIED")
    request = pb.ListStatementsRequest(merchant_id=merchant, state=number)
    print_list(connection, request, "statements", limit, _print_statements)


_print_statements = table_of(
    {
        "Statement": "statement_id",
        "State": "state",
        "From": lambda each: local_iso(each.begins_at_ms),
        "To": lambda each: local_iso(each.ends_at_ms),
        "Opening": lambda each: amount_text(each.opening_minor, each.currency),
        "Closing": lambda each: (
            amount_text(each.closing_minor, each.currency) if state_of(each) != "OPEN" else "-"
        ),
        "Until": lambda each: local_iso(each.due_at_ms) if each.due_at_ms else "-",
    }
)


def statement(
    statement_id: StatementId,
    /,
    *,
    limit: Limit = LIST_LIMIT_DEFAULT,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Shows a statement as it can be printed: sums, lines and history.

    For example:
      holdfast settlement statement m1/CNY/3
      holdfast settlement statement m1/CNY/3 --limit 10000
    """
    found = connection.decide(pb.GetStatementRequest(statement_id=statement_id))
    if connection.as_json:
        print_json(
            {
                "statement": found.statement,
                "sums": list(found.sums),
                "moves": list(found.moves),
                "lines": list(_lines(connection, statement_id, limit)),
            }
        )
        return
    currency = found.statement.currency
    print_table(("Statement", statement_id), _facts(found))
    _lines_table(currency)(_lines(connection, statement_id, limit))
    if found.moves:
        _print_moves(found.moves)


def _facts(found: Any) -> list[tuple[str, str]]:
    about, currency = found.statement, found.statement.currency
    facts = [
        ("Merchant", about.merchant_id),
        ("Period", f"{local_iso(about.begins_at_ms)} to {local_iso(about.ends_at_ms)}"),
        ("State", f"{state_of(about)}{f': {about.why}' * bool(about.why)}"),
        ("Opening", money_text(about.opening_minor, currency)),
        *((each.kind, f"{amount_text(each.amount_minor, currency)}") for each in found.sums),
    ]
    if state_of(about) != "OPEN":
        facts.append(("Closing", money_text(about.closing_minor, currency)))
    if about.payout_id:
        ref = f", at the bank {about.payout_ref}" * bool(about.payout_ref)
        payout = money_text(about.payout_minor, currency)
        facts.append(("Payout", f"{about.payout_id}: {payout}{ref}"))
    if about.approved_by:
        facts.append(("Waits", f"for a second person; {about.approved_by} was the first"))
    return facts


def _lines(connection: OrdersConnection, statement_id: str, limit: int) -> Any:
    request = pb.ListStatementLinesRequest(statement_id=statement_id)
    for count, line in enumerate(connection.rows(request, "lines", limit)):
        if count == limit:
            return
        yield line


def _lines_table(currency: str) -> Any:
    return table_of(
        {
            "No": "account_no",
            "When": lambda line: local_iso(line.at_ms),
            "What": "kind",
            "Order": lambda line: line.order_id or line.corrects or "-",
            "Amount": lambda line: amount_text(line.amount_minor, currency),
            "Balance": lambda line: amount_text(line.balance_minor, currency),
        }
    )


_print_moves = table_of(
    {
        "When": lambda move: local_iso(move.at_ms),
        "What": "event",
        "To": "to_state",
        "By": "actor",
        "Why": lambda move: move.why or "-",
    }
)


def export(
    statement_id: StatementId,
    /,
    *,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Prints all lines of a statement as CSV.

    For example:
      holdfast settlement export m1/CNY/3 > statement.csv
    """
    found = connection.decide(pb.GetStatementRequest(statement_id=statement_id)).statement
    writer = csv.writer(sys.stdout, quoting=csv.QUOTE_MINIMAL)
    writer.writerow(
        ("no", "at", "what", "order", "part", "amount", "balance", "currency", "corrects")
    )
    for line in _lines(connection, statement_id, LINES_MAX):
        amounts = (line.amount_minor, line.balance_minor)
        texts = (line.kind, line.order_id, line.part)
        writer.writerow(
            (
                line.account_no,
                local_iso(line.at_ms),
                *map(cell, texts),
                *(amount_text(minor, found.currency) for minor in amounts),
                found.currency,
                cell(line.corrects),
            )
        )


def cell(text: str) -> str:
    """A text for a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def confirm(
    statement_id: StatementId,
    /,
    *,
    actor: Actor = "finance",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Says that the merchant agrees with a statement.

    For example:
      holdfast settlement confirm m1/CNY/3
    """
    _done(connection, pb.ConfirmStatementRequest(statement_id=statement_id, actor=actor))


def object_(
    statement_id: StatementId,
    reason: Reason,
    /,
    *,
    actor: Actor = "merchant",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Says that the merchant does not agree with a statement.

    For example:
      holdfast settlement object m1/CNY/3 "order 3766223186315821678 is missing"
    """
    _done(
        connection,
        pb.ObjectStatementRequest(statement_id=statement_id, reason=reason, actor=actor),
    )


def answer(
    statement_id: StatementId,
    reason: Reason,
    /,
    *,
    correction: str = "0",
    actor: Actor = "finance",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Answers an objection; a correction is a line of the next statement.

    For example:
      holdfast settlement answer m1/CNY/3 "it was" --correction 5.00
      holdfast settlement answer m1/CNY/3 "it is in the next"

    Parameters
    ----------
    correction
        What the merchant gets; below 0, what is taken.
    """
    parts = statement_id.split("/")
    negative = correction.startswith("-")
    try:
        minor = minor_units(correction.removeprefix("-"), parts[1] if len(parts) > 1 else "")
    except ValueError as error:
        raise usage_failure(f"--correction: {error}") from error
    request = pb.AnswerStatementRequest(
        statement_id=statement_id,
        correction_minor=-minor if negative else minor,
        reason=reason,
        actor=actor,
    )
    _done(connection, request)


def pay(
    statement_id: StatementId,
    /,
    *,
    actor: Actor = "finance",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Pays a confirmed statement out; a large payout takes two people.

    For example:
      holdfast settlement pay m1/CNY/3 --actor ann
    """
    _done(connection, pb.PayStatementRequest(statement_id=statement_id, actor=actor))


def payout(
    payout_id: PayoutId,
    /,
    *,
    ref: str = "",
    failed: str = "",
    actor: Actor = "finance",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Records that the bank has paid a payout, or that it failed.

    For example:
      holdfast settlement payout m1/CNY/3/1 --ref BANK-77
      holdfast settlement payout m1/CNY/3/1 --failed "the account is closed"

    Parameters
    ----------
    ref
        The bank's number of it.
    failed
        Why the bank did not pay it, or has sent it back.
    """
    result = pb.RecordPayoutRequest.FAILED if failed else pb.RecordPayoutRequest.SENT
    request = pb.RecordPayoutRequest(
        payout_id=payout_id, result=result, payout_ref=ref, reason=failed, actor=actor
    )
    _done(connection, request)


def _done(connection: OrdersConnection, request: Any) -> None:
    result = connection.decide(request)
    found = result.statement
    text = f"Statement {found.statement_id} is {state_of(found)}."
    if found.approved_by and state_of(found) in ("CONFIRMED", "RETURNED"):
        text += f" {found.approved_by} has said so: a second person is needed."
    elif state_of(found) == "PAYING":
        amount = money_text(found.payout_minor, found.currency)
        text += f" Payout {found.payout_id}: {amount}."
    print_answer(connection, result, text)
