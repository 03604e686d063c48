"""`holdfast orders pay|payments|pending|quarantine|reconcile|books`: orders' money."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from cyclopts import App

from holdfast.cli.arguments import LIST_LIMIT_DEFAULT, Limit, MomentMs
from holdfast.cli.failures import Failure
from holdfast.cli.orders.arguments import OrderId, Reason
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, OrdersConnection, new_key
from holdfast.cli.orders.tables import (
    print_answer,
    print_found,
    print_list,
    print_payments,
    state_of,
)
from holdfast.cli.output import print_json, print_table, table_of
from holdfast.cli.times import local_iso
from holdfast.money import money_text
from holdfast.order.v1 import payment_pb2 as pb

if TYPE_CHECKING:
    from holdfast.orders import OrderClient

RECONCILE_MS_MAX = 600_000

quarantine = App(name="quarantine", help="Payments in a wrong amount: for a person to decide.")


def pay(
    order_id: OrderId,
    /,
    *,
    method: str = "",
    key: str = "",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Begins an attempt to pay an order, and prints where the buyer goes on.

    A failed attempt does not lose the order: try again, or another method.

    For example:
      holdfast orders pay 3766223186315821678
      holdfast orders pay 3766223186315821678 --method sandbox_transfer --key try-2

    Parameters
    ----------
    method
        How the buyer pays [default: as the order says].
    key
        The attempt's key: the same key is the same attempt [default: a new one].
    """
    key = new_key(key)
    request = pb.StartPaymentRequest(order_id=order_id, payment_key=key, method=method)
    answer = connection.decide_once(request, key)
    payment = answer.payment
    going_on = f" The buyer goes on at {answer.action_url}" * bool(answer.action_url)
    text = f"Payment {payment.payment_id} is {state_of(payment)}.{going_on}"
    print_answer(connection, answer, text, key=key)


def payments(
    order_id: OrderId, /, *, connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION
) -> None:
    """Lists the attempts to pay an order, and what went back.

    For example:
      holdfast orders payments 3766223186315821678
    """
    order = connection.run(lambda client: client.get(order_id))
    if connection.as_json:
        print_json({"payments": list(order.payments), "refunds": list(order.refunds)})
    else:
        print_payments(order.payments, order.refunds, order.currency)


def pending(
    *,
    provider: str = "",
    before: MomentMs | None = None,
    limit: Limit = LIST_LIMIT_DEFAULT,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Lists attempts to pay that have come to no end yet, the oldest first.

    For example:
      holdfast orders pending
      holdfast orders pending --provider stripe --before 2030-01-31T09:00 -o json

    Parameters
    ----------
    provider
        Only those at this provider.
    before
        Only those that began then or before: an ISO time, or milliseconds since 1970.
    """
    request = pb.ListPendingPaymentsRequest(provider=provider, created_before_at_ms=before or 0)
    print_list(connection, request, "payments", limit, _print_pending)


_print_pending = table_of(
    {
        "Payment": "payment_id",
        "State": "state",
        "Method": "method",
        "Provider": "provider",
        "At the provider": "provider_ref",
        "Began": "created_at_ms",
    }
)


def reconcile(
    provider: str,
    day: str,
    /,
    *,
    report_only: bool = False,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Holds a provider's statement of a day against our books, both ways.

    Money that the provider has and we do not know of (掉单) is applied to its
    order. Exit status 1 if a difference is left.

    For example:
      holdfast orders reconcile sandbox 2030-01-31
      holdfast orders reconcile sandbox 2030-01-31 --report-only -o json

    Parameters
    ----------
    provider
        Whose statement.
    day
        Which day, by UTC.
    report_only
        Repair nothing.
    """
    request = pb.ReconcileRequest(provider=provider, day=day, report_only=report_only)
    report = connection.run(lambda client: client.ask(request, timeout_ms=RECONCILE_MS_MAX))
    if connection.as_json:
        print_json({"report": report})
    else:
        if report.differences:
            _print_differences(report.differences)
        print(f"{report.matched:,} of {report.entries:,} entries match our books.")
    left = sum(not found.repaired for found in report.differences)
    if left:
        raise Failure(
            f"{left:,} differences between {provider} and our books are left for {day}",
            reason="BOOKS_DIFFER",
            details={"differences": left},
        )


_print_differences = table_of(
    {
        "Difference": "kind",
        "Ours": lambda found: found.refund_id or found.payment_id or "-",
        "Theirs": "provider_ref",
        "Here": "here_minor",
        "There": "there_minor",
        "Currency": "currency",
        "Repaired": "repaired",
    }
)


def books(*, connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION) -> None:
    """Sums up our books: what was captured and what went back, by provider.

    For example:
      holdfast orders books
    """
    found = connection.ask(pb.GetPaymentBooksRequest()).books
    print_found(connection, "books", found, _print_books)


_print_books = table_of(
    {
        "Provider": "provider",
        "Currency": "currency",
        "Payments": "payments",
        "Captured": "captured_minor",
        "Refunded": "refunded_minor",
        "On its way back": "refunding_minor",
        "Quarantined": "quarantined_minor",
    }
)


@quarantine.command(name="list")
def list_quarantined(
    *,
    limit: Limit = LIST_LIMIT_DEFAULT,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Lists payments that came in a wrong amount or currency, the oldest first.

    For example:
      holdfast orders quarantine list
    """
    print_quarantined = partial(_print_quarantined, connection)
    print_list(connection, pb.ListQuarantinedRequest(), "payments", limit, print_quarantined)


def _print_quarantined(connection: OrdersConnection, found: Sequence[Any]) -> None:
    """Asks for the currency of each payment's order; the captured money may be in another."""
    import asyncio

    async def read(client: "OrderClient") -> list[Any]:
        ids = [payment.payment_id.rpartition("-")[0] for payment in found]
        return await asyncio.gather(*map(client.get, ids))

    rows = [
        (
            payment.payment_id,
            money_text(payment.amount_minor, order.currency),
            money_text(payment.captured_minor, payment.captured_currency),
            local_iso(payment.updated_at_ms),
        )
        for payment, order in zip(found, connection.run(read), strict=True)
    ]
    print_table(("Payment", "Asked for", "Came", "Since"), rows)


@quarantine.command
def approve(
    payment_id: str,
    reason: Reason,
    /,
    *,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Takes a quarantined payment as it is.

    For example:
      holdfast orders quarantine approve 3766223186315821678-p1 "agreed by phone"

    Parameters
    ----------
    payment_id
        The payment.
    """
    _resolve(payment_id, reason, "APPROVE", f"Took {payment_id} as it is.", connection)


@quarantine.command(name="return")
def return_(
    payment_id: str,
    reason: Reason,
    /,
    *,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Sends all of a quarantined payment back.

    For example:
      holdfast orders quarantine return 3766223186315821678-p1 "wrong currency"

    Parameters
    ----------
    payment_id
        The payment.
    """
    _resolve(payment_id, reason, "RETURN", f"{payment_id} goes back.", connection)


def _resolve(
    payment_id: str, reason: str, resolution: str, text: str, connection: OrdersConnection
) -> None:
    value = pb.QuarantineResolution.Value(f"QUARANTINE_RESOLUTION_{resolution}")
    answer = connection.decide(
        pb.ResolveQuarantinedRequest(payment_id=payment_id, resolution=value, reason=reason)
    )
    print_answer(connection, answer, text)
