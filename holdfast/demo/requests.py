"""From the log to what is asked of the order service. Pure.

The log knows no addresses: everybody lives in London. It knows several prices of an article: the
catalogue has the highest one, and who paid less had a discount.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence

from holdfast.demo.order_log import CURRENCY, Order, OrderLog, prices_of
from holdfast.demo.plan import Review
from holdfast.order.v1 import catalogue_pb2, order_pb2

ARTICLES_A_REQUEST = 1_000
MERCHANTS = ("holdfast-home", "merchant-2")
ZONES = ("A", "B")
"""Articles that lie in different zones, or are of different merchants, go in different parcels."""
CARD, HASTY_CARD = "sandbox_card", "sandbox_hasty"
FREIGHT_MINOR = 395
FREIGHT_FREE_FROM_MINOR = 5_000
TITLE_LENGTH_MAX = 200
REMARK = "Please send it to the address of the neighbour"


def catalogue_of(log: OrderLog) -> Iterator[catalogue_pb2.PutArticlesRequest]:
    """The requests that put every article of the log."""
    articles = [
        catalogue_pb2.Article(
            sku=sku,
            merchant_id=_one_of(MERCHANTS, f"merchant of {sku}"),
            title=_title(log.descriptions.get(sku, "")) or sku,
            price_minor=price_minor,
            currency=CURRENCY,
            zone=_one_of(ZONES, f"zone of {sku}"),
        )
        for sku, price_minor in prices_of(log.orders).items()
    ]
    for start in range(0, len(articles), ARTICLES_A_REQUEST):
        yield catalogue_pb2.PutArticlesRequest(
            articles=articles[start : start + ARTICLES_A_REQUEST]
        )


def order_key(order: Order, attempt: int) -> str:
    """The key of an attempt to place an order, by its number.

    Its place in the log, not the shop's number: that one may be as long as a key can be.
    """
    return f"{order.position}.{attempt}"


def position_of(key: str) -> int:
    """The place in the log of the order with this key."""
    return int(key.partition(".")[0])


def place_order(
    order: Order, attempt: int, prices_minor: Mapping[str, int], method: str, review: Review
) -> order_pb2.PlaceOrderRequest:
    """The request that places an order of the log: one line for each SKU."""
    lines = [
        order_pb2.PlaceOrderLine(sku=sku, quantity=units, unit_price_minor=prices_minor[sku])
        for sku, units in order.units_by_sku().items()
    ]
    return order_pb2.PlaceOrderRequest(
        source=order_pb2.ORDER_SOURCE_IMPORT,
        order_key=order_key(order, attempt),
        buyer_id=order.buyer_id or f"guest-{order.position}",
        currency=CURRENCY,
        lines=lines,
        amounts=_amounts(order, lines),
        delivery=_delivery(order),
        payment_method=method,
        shortage_policy=order_pb2.SHORTAGE_POLICY_ALL_OR_NOTHING,
        remark="" if review is Review.BY_ITSELF else REMARK,
    )


def _amounts(order: Order, lines: Sequence[order_pb2.PlaceOrderLine]) -> order_pb2.Amounts:
    goods_minor = sum(line.quantity * line.unit_price_minor for line in lines)
    paid_minor = order.paid_minor()
    freight_minor = 0 if paid_minor >= FREIGHT_FREE_FROM_MINOR else FREIGHT_MINOR
    return order_pb2.Amounts(
        goods_minor=goods_minor,
        discount_minor=goods_minor - paid_minor,
        freight_minor=freight_minor,
        total_minor=paid_minor + freight_minor,
    )


def _delivery(order: Order) -> order_pb2.Delivery:
    # Of the numbers that Ofcom keeps for drama.
    number = order.position % 1_000
    return order_pb2.Delivery(
        name=f"A. Buyer of {order.position}",
        phone=f"+4420 7946 0{number:03d}",
        country="GB",
        postcode="SW1A 1AA",
        city="London",
        street=f"{number + 1} Example Street",
    )


def _one_of(names: Sequence[str], what: str) -> str:
    """A name that is the same for the same thing in every run."""
    return names[zlib.crc32(what.encode()) % len(names)]


def _title(description: str) -> str:
    return " ".join("".join(filter(str.isprintable, description)).split())[:TITLE_LENGTH_MAX]
