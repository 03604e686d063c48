"""`holdfast orders pay|payments|refund|refunds|quarantine|reconcile|books`: orders' money."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from cyclopts import App

from holdfast.cli.arguments import LIST_LIMIT_DEFAULT, MONEY, Limit, MomentMs
from holdfast.cli.asking import Yes, make_sure
from holdfast.cli.failures import Failure, usage_failure
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
from holdfast.money import amount_text, minor_units, money_text
from holdfast.order.v1 import payment_pb2 as pb

if TYPE_CHECKING:
    from holdfast.orders import OrderClient

RECONCILE_MS_MAX = 600_000
ALL = "all"

refunds = App(
    name="refunds",
    group=MONEY,
    help="Refunds that the provider refused, and those of cash: for a person to see to.",
)
quarantine = App(
    name="quarantine", group=MONEY, help="Payments in a wrong amount: for a person to decide."
)


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


def refund(
    order_id: OrderId,
    amount: str,
    reason: Reason,
    /,
    *,
    line: list[str] | None = None,
    freight: bool = False,
    goodwill: bool = False,
    key: str = "",
    yes: Yes = False,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Sends money of an order back, never twice for the same units.

    Never more than was captured. Units whose money goes back whole and that have
    not left stay in the warehouse. An amount alone is a part of the price of what
    the buyer keeps.

    For example:
      holdfast orders refund 3766223186315821678 all "a mug came broken" --line 1:1
      holdfast orders refund 3766223186315821678 12.50 "scratched" --line 2
      holdfast orders refund 3766223186315821678 all "nothing came"

    Parameters
    ----------
    amount
        How much, in the order's currency; `all` is what is left of its money, or of that of the
        lines.
    line
        Units whose money goes back: LINE, LINE:UNITS or LINE:UNITS:SHIPMENT; may be given again.
    freight
        The freight goes back as well.
    goodwill
        A present, for no units.
    key
        The refund's key: the same key is the same refund [default: a new one].
    """
    currency = connection.run(lambda client: client.get(order_id)).currency
    amount_minor = _refund_minor(amount, currency)
    if amount == ALL:
        make_sure(f"Send back all that was paid for {order_id}?", yes=yes)
    key = new_key(key)
    request = pb.RefundOrderRequest(
        order_id=order_id,
        refund_key=key,
        amount_minor=amount_minor,
        reason=reason,
        lines=[_refund_line(text) for text in line or ()],
        freight=freight,
        goodwill=goodwill,
    )
    try:
        answer = connection.decide_once(request, key)
    except Failure as failure:
        if failure.reason != "AMOUNT_EXCEEDED" or goodwill or line:
            raise
        raise _more_than_is_left(connection, order_id, amount_minor) from failure
    goes_back = sum(part.amount_minor for part in answer.refunds)
    text = f"{money_text(goes_back, currency)} go back for {order_id}."
    print_answer(connection, answer, text, key=key)


def _refund_line(text: str) -> pb.RefundLine:
    """The units that LINE, LINE:UNITS or LINE:UNITS:SHIPMENT names."""
    line_no, _, more = text.partition(":")
    units, _, shipment_id = more.partition(":")
    numbers = (line_no, units or "0")
    if not all(number.isascii() and number.isdecimal() and len(number) < 10 for number in numbers):
        raise usage_failure(f"--line: must be LINE:UNITS or LINE:UNITS:SHIPMENT; got {text!r}")
    return pb.RefundLine(line_no=int(line_no), units=int(units or 0), shipment_id=shipment_id)


def _refund_minor(amount: str, currency: str) -> int:
    """The amount of a refund, as the contract has it: 0 is all that is left.

    Failure for a 0 that was typed: nobody who means all types it, and money sent back is gone.
    """
    if amount == ALL:
        return 0
    try:
        amount_minor = minor_units(amount, currency)
    except ValueError as error:
        raise usage_failure(f"AMOUNT: {error}") from error
    if amount_minor == 0:
        raise usage_failure(
            f"AMOUNT: must be more than 0; got {amount!r}. For what is left of the order's money "
            f"say {ALL}"
        )
    return amount_minor


def _more_than_is_left(connection: OrdersConnection, order_id: str, amount_minor: int) -> Failure:
    """The refusal of a refund, with amounts as people write them."""
    order = connection.run(lambda client: client.get(order_id))
    left_minor = sum(
        payment.captured_minor - payment.refunded_minor
        for payment in order.payments
        if state_of(payment) == "CAPTURED"
    )
    left = money_text(left_minor, order.currency)
    asked = f"{money_text(amount_minor, order.currency)} are more than the {left} that are left"
    return Failure(
        f"{asked} of what was captured for {order_id}"
        if amount_minor
        else f"nothing is left of what was captured for {order_id}",
        reason="AMOUNT_EXCEEDED",
        details={"left_minor": left_minor, "currency": order.currency},
    )


def settle(
    refund_id: str,
    reason: str,
    /,
    *,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Says that a person has sent back what the provider would not, or cash.

    `holdfast orders refunds list` shows what waits for it.

    For example:
      holdfast orders settle 3766223186315821678-r1 "by bank transfer"

    Parameters
    ----------
    refund_id
        The refund, which is FAILED.
    reason
        How it was sent back; nothing personal.
    """
    answer = connection.decide(pb.SettleRefundRequest(refund_id=refund_id, reason=reason))
    print_answer(connection, answer, f"{refund_id} is settled.")


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


@refunds.command(name="list")
def list_failed_refunds(
    *,
    limit: Limit = LIST_LIMIT_DEFAULT,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Lists refunds that are FAILED, of all orders, the oldest order first.

    Those of cash are among them: pay such back, then `holdfast orders settle`.

    For example:
      holdfast orders refunds list
    """
    print_list(connection, pb.ListFailedRefundsRequest(), "refunds", limit, _print_failed_refunds)


_print_failed_refunds = table_of(
    {
        "Refund": lambda failed: failed.refund.refund_id,
        "Provider": "provider",
        "Amount": lambda failed: amount_text(failed.refund.amount_minor, failed.currency),
        "Currency": "currency",
        "Since": lambda failed: local_iso(failed.refund.updated_at_ms),
        "Why": lambda failed: failed.refund.reason,
    }
)


@refunds.command
def retry(refund_id: str, /, *, connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION) -> None:
    """Has the provider asked again for a refund that it refused.

    For example:
      holdfast orders refunds retry 3766223186315821678-r1

    Parameters
    ----------
    refund_id
        The refund, which is FAILED.
    """
    answer = connection.decide(pb.RetryRefundRequest(refund_id=refund_id))
    print_answer(connection, answer, f"{refund_id} is tried again.")


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
