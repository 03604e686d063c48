"""`holdfast orders quarantine`: payments in a wrong amount, for a person to decide."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from cyclopts import App

from holdfast.cli.arguments import LIST_LIMIT_DEFAULT, MONEY, Limit
from holdfast.cli.orders.arguments import Reason
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, OrdersConnection
from holdfast.cli.orders.tables import print_answer, print_list
from holdfast.cli.output import print_table
from holdfast.cli.times import local_iso
from holdfast.money import money_text
from holdfast.order.v1 import payment_pb2 as pb

if TYPE_CHECKING:
    from holdfast.orders import OrderClient


quarantine = App(
    name="quarantine", group=MONEY, help="Payments in a wrong amount: for a person to decide."
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
    asked_in = _currencies(connection, found)
    rows = [
        (
            payment.payment_id,
            money_text(payment.amount_minor, currency),
            money_text(payment.captured_minor, payment.captured_currency),
            local_iso(payment.updated_at_ms),
        )
        for payment, currency in zip(found, asked_in, strict=True)
    ]
    print_table(("Payment", "Asked for", "Came", "Since"), rows)


def _currencies(connection: OrdersConnection, payments: Sequence[Any]) -> list[str]:
    """The currency of each payment's order; the captured money may be in another."""
    import asyncio

    async def read(client: "OrderClient") -> list[Any]:
        ids = [payment.payment_id.rpartition("-")[0] for payment in payments]
        return await asyncio.gather(*map(client.get, ids))

    return [order.currency for order in connection.run(read)]


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
