"""`holdfast orders refund|refunds|settle`: money that goes back."""

from cyclopts import App

from holdfast.cli.arguments import LIST_LIMIT_DEFAULT, Limit
from holdfast.cli.asking import Yes, make_sure
from holdfast.cli.failures import Failure, usage_failure
from holdfast.cli.orders.arguments import OrderId, Reason
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, OrdersConnection, new_key
from holdfast.cli.orders.tables import print_answer, print_list, state_of
from holdfast.cli.output import table_of
from holdfast.cli.times import local_iso
from holdfast.money import amount_text, minor_units, money_text
from holdfast.order.v1 import payment_pb2 as pb

ALL = "all"

app = App(
    name="refunds",
    help="Refunds that the provider refused, and those of cash: for a person to see to.",
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


@app.command(name="list")
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


@app.command
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
