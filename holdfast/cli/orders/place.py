"""`holdfast orders place|cancel|complete`: an order's beginning and its ends."""

from holdfast.cli.asking import Yes, make_sure
from holdfast.cli.orders.arguments import (
    OrderId,
    Reason,
    ShortageName,
    SourceName,
    WantedLines,
    wanted_line,
)
from holdfast.cli.orders.connection import (
    DEFAULT_ORDERS_CONNECTION,
    OrdersConnection,
    accepted,
    new_key,
)
from holdfast.cli.orders.options import NO_AMOUNTS, AmountOptions, DeliveryOptions, minor
from holdfast.cli.orders.tables import print_answer, state_of
from holdfast.money import money_text
from holdfast.order.v1 import order_pb2 as pb


def place(
    *,
    line: WantedLines,
    buyer: str,
    key: str = "",
    source: SourceName = "SHOP",
    channel: str = "",
    currency: str = "CNY",
    method: str = "cash_on_delivery",
    shortage: ShortageName = "ALL_OR_NOTHING",
    remark: str = "",
    amounts: AmountOptions = NO_AMOUNTS,
    delivery: DeliveryOptions,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Places an order: its stock is reserved, and its total is what it adds up to.

    The same key sent twice is one order. Exit status 1 if it is refused.

    For example:
      holdfast orders place --line MUG=2@12.50 --buyer customer-7 --key cart-91 \\
        --method sandbox_card --currency GBP --name "A. Lee" --phone 02079460000 \\
        --country GB --postcode "SW1A 1AA" --city London --street "1 High Street"

    Parameters
    ----------
    line
        What is ordered, and what a unit costs; may be given more than once.
    buyer
        Who buys.
    key
        The order's key, unique in its source and channel [default: a new one].
    source
        Where the order came from: web, app, phone, shop or import.
    channel
        The marketplace or shop that has made its key, where there are several.
    currency
        The currency of all amounts.
    method
        How it will be paid.
    shortage
        What happens when not all can be reserved: all-or-nothing, ship-available
        or wait.
    remark
        A special request of the buyer.
    """
    lines = [wanted_line(text) for text in line]
    request = pb.PlaceOrderRequest(
        source=pb.OrderSource.Value(f"ORDER_SOURCE_{source}"),
        order_key=new_key(key),
        channel=channel,
        buyer_id=buyer,
        currency=currency,
        payment_method=method,
        shortage_policy=pb.ShortagePolicy.Value(f"SHORTAGE_POLICY_{shortage}"),
        remark=remark,
        amounts=amounts.with_lines(lines, currency),
        delivery=delivery.message(),
    )
    for wanted in lines:
        price_minor = minor("line", wanted.price, currency)
        request.lines.add(sku=wanted.sku, quantity=wanted.quantity, unit_price_minor=price_minor)
    result = connection.decide_once(request, request.order_key)
    order = result.order
    total = money_text(order.amounts.total_minor, order.currency)
    notes = [*filter(None, [result.detail]), *result.findings]
    otherwise = f" Note: {'; '.join(notes)}." if notes else ""
    text = f"Placed {order.order_id}: {state_of(order)}, {total}.{otherwise}"
    print_answer(connection, result, text, key=request.order_key)


def cancel(
    order_id: OrderId,
    reason: Reason,
    /,
    *,
    merchant: str = "",
    force: bool = False,
    actor: str = "",
    yes: Yes = False,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Cancels an order that has not left the warehouse; what was paid goes back.

    For example:
      holdfast orders cancel 3766223186315821678 "the buyer changed his mind"
      holdfast orders cancel 3766223186315821678 "sold out" --merchant tea-house

    Parameters
    ----------
    merchant
        Leave out this merchant's part only; the order goes on with the others.
    force
        Also while a payment provider does not say whether it was paid, because it is gone: what it
        may still take becomes a case (holdfast orders cases list).
    actor
        Who asks, for the history, such as staff:7.
    """
    what = f"{merchant}'s part of order {order_id}" if merchant else f"order {order_id}"
    make_sure(f"Cancel {what}? What was paid goes back.", yes=yes)
    result = connection.run(
        lambda client: client.cancel(
            order_id, reason, merchant_id=merchant, actor=actor, force=force
        )
    )
    print_answer(connection, accepted(result), f"Cancelled {what.removeprefix('order ')}.")


def complete(
    order_id: OrderId,
    /,
    *,
    actor: str = "",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Says that the buyer has received a delivered order.

    It is completed by itself some days after it was delivered.

    For example:
      holdfast orders complete 3766223186315821678

    Parameters
    ----------
    actor
        Who says so, for the history, such as buyer.
    """
    result = accepted(connection.run(lambda client: client.complete(order_id, actor=actor)))
    print_answer(connection, result, f"Completed {order_id}.")
