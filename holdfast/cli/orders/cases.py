"""`holdfast orders cases`: all money that waits for a person."""

from cyclopts import App

from holdfast.cli.arguments import LIST_LIMIT_DEFAULT, Limit
from holdfast.cli.orders.arguments import Reason
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, OrdersConnection
from holdfast.cli.orders.tables import print_answer, print_list
from holdfast.cli.output import table_of
from holdfast.cli.times import local_iso
from holdfast.money import money_text
from holdfast.order.v1 import payment_pb2 as pb

cases = App(
    name="cases",
    help="All money that waits for a person, with an owner and a due time.",
)


@cases.command(name="list")
def list_cases(
    *,
    limit: Limit = LIST_LIMIT_DEFAULT,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Lists money that waits for a person, the oldest first.

    Quarantined payments end by `holdfast orders quarantine`, refunds by
    `holdfast orders refunds` and `holdfast orders settle`, all others by
    `holdfast orders cases close`.

    For example:
      holdfast orders cases list
    """
    print_list(connection, pb.ListMoneyCasesRequest(), "cases", limit, _print_cases)


_print_cases = table_of(
    {
        "Case": "case_id",
        "What": "kind",
        "Order": lambda case: case.order_id or "-",
        "Provider": "provider",
        "Theirs": lambda case: case.provider_ref or "-",
        "Money": lambda case: money_text(case.amount_minor, case.currency),
        "Owner": "owner",
        "Due": lambda case: f"{local_iso(case.due_at_ms)}{' (over)' * case.is_overdue}",
        "Why": "why",
    }
)


@cases.command
def close(
    case_id: str, reason: Reason, /, *, connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION
) -> None:
    """Says that a person has seen to a case.

    For example:
      holdfast orders cases close 5d41402abc4b2a76 "another shop's, passed on"

    Parameters
    ----------
    case_id
        The case.
    """
    answer = connection.decide(pb.CloseMoneyCaseRequest(case_id=case_id, reason=reason))
    print_answer(connection, answer, f"{case_id} is closed.")
