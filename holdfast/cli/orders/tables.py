"""Orders and their parts as tables, for people."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from holdfast.cli.lists import print_rows
from holdfast.cli.output import (
    NOTHING_FITS,
    TableOf,
    enum_name,
    plain,
    print_json,
    print_remark,
    print_table,
    table_of,
)
from holdfast.cli.times import left_or_ago, local_iso, now_ms
from holdfast.money import amount_text, money_text

if TYPE_CHECKING:
    from holdfast.cli.orders.connection import OrdersConnection

THERE_ARE_MORE = "There are more: raise --limit, or narrow the list."


def state_of(thing: Any) -> str:
    """The name of the state of an order, payment, refund or shipment."""
    return enum_name(thing.DESCRIPTOR.fields_by_name["state"].enum_type, thing.state)


def order_document(order: Any, personal: bool) -> dict[str, Any]:
    """An order as JSON has it; what is personal of it only if that is wanted."""
    document: dict[str, Any] = plain(order)
    if not personal:
        document.pop("delivery")
    return document


def print_order(order: Any, personal: bool) -> None:
    """Prints an order and all that belongs to it."""
    print_table(("Order", order.order_id), _facts(order, personal))
    print_lines = table_of(
        {
            "Line": "line_no",
            "SKU": "sku",
            "Title": "title",
            "From": "location",
            "Ordered": "quantity",
            "Shipped": "shipped",
            "Cancelled": "cancelled",
            "Returned": "returned",
            "Amount": lambda line: amount_text(line.amount_minor, order.currency),
        }
    )
    print_lines(order.lines)
    if order.payments or order.refunds:
        print_payments(order.payments, order.refunds, order.currency)
    if order.shipments:
        print_shipments(order.shipments)


def _facts(order: Any, personal: bool) -> Iterable[tuple[str, str]]:
    source = enum_name(order.DESCRIPTOR.fields_by_name["source"].enum_type, order.source)
    yield "State", f"{state_of(order)}{f': {order.closed_reason}' * bool(order.closed_reason)}"
    if order.held_at_ms:
        held = [part.merchant_id for part in order.sub_orders if part.held]
        of_part = f" (the part of {', '.join(held)})" if held else ""
        yield "On hold", f"since {local_iso(order.held_at_ms)}{of_part}"
    yield "Tenant", order.tenant
    yield "From", " ".join(filter(None, (source, order.channel, order.order_key)))
    yield "Buyer", order.buyer_id or "-"
    yield "Total", money_text(order.amounts.total_minor, order.currency)
    yield "Made up of", _amounts(order.amounts, order.currency)
    yield "Pays by", order.payment_method
    if state_of(order) == "AWAITING_PAYMENT":
        left = left_or_ago(order.payment_due_at_ms, now_ms())
        yield "Payment due", f"{local_iso(order.payment_due_at_ms)} ({left})"
    if personal:
        delivery = order.delivery
        yield "Deliver to", f"{delivery.name}, {delivery.phone} {delivery.email}".rstrip()
        parts = (delivery.street, delivery.district, delivery.city, delivery.region)
        place = (*parts, delivery.postcode, delivery.country)
        yield "", ", ".join(part for part in place if part)
    yield "Placed", local_iso(order.created_at_ms)
    yield "Changed", f"{local_iso(order.updated_at_ms)} (version {order.version})"


def _amounts(amounts: Any, currency: str) -> str:
    signed = [
        ("goods", amounts.goods_minor),
        ("discount", -amounts.discount_minor),
        ("coupon", -amounts.coupon_minor),
        ("freight", amounts.freight_minor),
        ("tax", amounts.tax_minor),
    ]
    shown = [f"{name} {amount_text(value, currency)}" for name, value in signed if value]
    return ", ".join(shown) or "nothing"


def print_payments(payments: Sequence[Any], refunds: Sequence[Any], currency: str) -> None:
    """Prints what was paid for an order, and what went back."""

    def captured(payment: Any, amount_minor: int) -> str:
        return amount_text(amount_minor, payment.captured_currency or currency)

    print_them = table_of(
        {
            "Payment": "payment_id",
            "State": "state",
            "Method": "method",
            "Asked for": lambda payment: amount_text(payment.amount_minor, currency),
            "Captured": lambda payment: captured(payment, payment.captured_minor),
            "Back": lambda payment: captured(payment, payment.refunded_minor),
            "At the provider": "provider_ref",
        }
    )
    print_them(payments)
    print_back = table_of(
        {
            "Refund": "refund_id",
            "State": "state",
            "Of payment": "payment_id",
            "Amount": lambda refund: money_text(refund.amount_minor, refund.currency or currency),
            "Why": lambda refund: refund.reason,
        }
    )
    if refunds:
        print_back(refunds)


def units_text(lines: Iterable[Any]) -> str:
    """Units as commands take them."""
    return " ".join(f"{line.sku}={line.quantity}" for line in lines)


print_shipments = table_of(
    {
        "Shipment": "shipment_id",
        "State": "state",
        "From": "location",
        "Instead of": lambda shipment: shipment.replaces.rpartition("-")[2] or "-",
        "Units": lambda shipment: units_text(shipment.lines),
        "Carrier": lambda shipment: f"{shipment.carrier} {shipment.service}".strip() or "-",
        "Waybill": "waybill",
        "Shipped": "shipped_at_ms",
        "Delivered": "delivered_at_ms",
    }
)


def print_list(
    connection: "OrdersConnection",
    request: Any,
    name: str,
    limit: int,
    print_them: TableOf | Callable[[Sequence[Any]], None],
) -> int:
    """Asks for a list and prints it as it comes: as a document under its name, or as `print_them`.

    `name` is the field of the answer that has the things; at most `limit` of them are printed.
    Returns how many there were.
    """

    def print_parts(parts: Iterator[Sequence[Any]]) -> None:
        if isinstance(print_them, TableOf):
            print_them.parts(parts)
        else:
            for part in parts:
                print_them(part)

    rows = connection.rows(request, name, limit)
    table = None if connection.as_json else print_parts
    found = print_rows(rows, name, limit, table, more=THERE_ARE_MORE)
    if not found and not connection.as_json:
        print_remark(NOTHING_FITS)
    return found


def print_found(
    connection: Any,
    name: str,
    found: Sequence[Any],
    print_them: Callable[[Sequence[Any]], None],
    **more: object,
) -> None:
    """Prints what was read: as a document under its name with `more`, or as `print_them` does."""
    if connection.as_json:
        print_json({name: list(found), **more})
        return
    print_them(found)
    if not found:
        print_remark(NOTHING_FITS)


def print_answer(connection: Any, answer: Any, text: str, *, key: str = "") -> None:
    """Prints the answer to a command: all of it as a document, or a line that says what was done.

    What was done before says so. The document has the key that repeats the command, if it has one.
    """
    if connection.as_json:
        document = plain(answer)
        if document.get("order"):
            document["order"].pop("delivery")
        print_json(document | ({"key": key} if key else {}))
    else:
        print(f"{text}{' It was so before; nothing was changed now.' * answer.replayed}")
