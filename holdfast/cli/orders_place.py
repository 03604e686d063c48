"""`holdfast orders place|cancel|complete`: an order's beginning and its ends."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from holdfast.cli.failures import USAGE, Failure
from holdfast.cli.orders_arguments import ShortageName, SourceName, Wanted, WantedLines, wanted_line
from holdfast.cli.orders_connection import (
    DEFAULT_ORDERS_CONNECTION,
    OrdersConnection,
    accepted,
    new_key,
)

if TYPE_CHECKING:
    from holdfast.order.v1 import order_pb2

DELIVERY = Group("Delivery", sort_key=1)
AMOUNTS = Group("Amounts", sort_key=2)
_Address = Annotated[str, Parameter(group=DELIVERY)]
_Amount = Annotated[str, Parameter(group=AMOUNTS)]


def place(
    *,
    line: WantedLines,
    buyer: str,
    key: str = "",
    source: SourceName = "SHOP",
    currency: str = "CNY",
    method: str = "cash_on_delivery",
    shortage: ShortageName = "ALL_OR_NOTHING",
    remark: str = "",
    discount: _Amount = "0",
    coupon: _Amount = "0",
    freight: _Amount = "0",
    tax: _Amount = "0",
    name: _Address,
    phone: _Address,
    country: _Address = "CN",
    postcode: _Address = "",
    region: _Address = "",
    city: _Address = "",
    district: _Address = "",
    street: _Address = "",
    email: _Address = "",
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
        The order's key, unique in its source [default: a new one].
    source
        Where the order came from: web, app, phone, shop or import.
    currency
        The currency of all amounts.
    method
        How it will be paid.
    shortage
        What happens when not all can be reserved: all-or-nothing, ship-available
        or wait.
    remark
        A special request of the buyer.
    discount
        What the shop takes off.
    coupon
        What the buyer's coupon takes off.
    freight
        What the delivery costs.
    tax
        The tax, as far as prices do not include it.
    name
        Whom the parcel is for.
    phone
        Their phone number.
    country
        The country's two letters.
    postcode
        The postcode.
    region
        The province or state.
    city
        The city.
    district
        The district.
    street
        Street and house number.
    email
        Where notices go.
    """
    from holdfast.cli.orders_tables import print_answer, state_of
    from holdfast.money import money_text
    from holdfast.order.v1 import order_pb2 as pb

    lines = [wanted_line(text) for text in line]
    request = pb.PlaceOrderRequest(
        source=pb.OrderSource.Value(f"ORDER_SOURCE_{source}"),
        order_key=new_key(key),
        buyer_id=buyer,
        currency=currency,
        lines=[
            pb.PlaceOrderLine(
                sku=wanted.sku,
                quantity=wanted.quantity,
                unit_price_minor=_minor("line", wanted.price, currency),
            )
            for wanted in lines
        ],
        amounts=_amounts(lines, currency, discount, coupon, freight, tax),
        delivery=pb.Delivery(
            name=name,
            phone=phone,
            country=country,
            postcode=postcode,
            region=region,
            city=city,
            district=district,
            street=street,
            email=email,
        ),
        payment_method=method,
        shortage_policy=pb.ShortagePolicy.Value(f"SHORTAGE_POLICY_{shortage}"),
        remark=remark,
    )
    result = accepted(connection.run(lambda client: client.place(request)))
    order = result.order
    total = money_text(order.amounts.total_minor, order.currency)
    print_answer(connection, result, f"Placed {order.order_id}: {state_of(order)}, {total}.")


def _amounts(
    lines: list[Wanted], currency: str, discount: str, coupon: str, freight: str, tax: str
) -> "order_pb2.Amounts":
    """The amounts, added up."""
    from holdfast.order.v1 import order_pb2 as pb

    amounts = pb.Amounts(
        goods_minor=sum(
            wanted.quantity * _minor("line", wanted.price, currency) for wanted in lines
        ),
        discount_minor=_minor("discount", discount, currency),
        coupon_minor=_minor("coupon", coupon, currency),
        freight_minor=_minor("freight", freight, currency),
        tax_minor=_minor("tax", tax, currency),
    )
    off = amounts.discount_minor + amounts.coupon_minor
    amounts.total_minor = amounts.goods_minor - off + amounts.freight_minor + amounts.tax_minor
    return amounts


def _minor(option: str, text: str, currency: str) -> int:
    from holdfast.money import minor_units

    try:
        return minor_units(text, currency)
    except ValueError as error:
        raise Failure(
            f"Invalid value for --{option}: {error}. See `holdfast orders place --help`",
            reason="USAGE",
            exit_status=USAGE,
        ) from error


def cancel(
    order_id: str,
    reason: str,
    /,
    *,
    actor: str = "",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Cancels an order that has not left the warehouse; what was paid goes back.

    For example:
      holdfast orders cancel 01J8ZQ4M9X2T7C1B "the buyer changed his mind"

    Parameters
    ----------
    order_id
        The order.
    reason
        Why, for the order's history; nothing personal.
    actor
        Who asks, for the history, such as staff:7.
    """
    from holdfast.cli.orders_tables import print_answer

    result = accepted(connection.run(lambda client: client.cancel(order_id, reason, actor=actor)))
    print_answer(connection, result, f"Cancelled {order_id}.")


def complete(
    order_id: str,
    /,
    *,
    actor: str = "",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Says that the buyer has received a delivered order.

    It is completed by itself some days after it was delivered.

    For example:
      holdfast orders complete 01J8ZQ4M9X2T7C1B

    Parameters
    ----------
    order_id
        The order.
    actor
        Who says so, for the history, such as buyer.
    """
    from holdfast.cli.orders_tables import print_answer

    result = accepted(connection.run(lambda client: client.complete(order_id, actor=actor)))
    print_answer(connection, result, f"Completed {order_id}.")
