"""Orders as they are sent, to begin a test with."""

from typing import Any

from msgspec import structs

from order_service.catalogue.model import Article
from order_service.order.placed import Amounts, Delivery, Source
from order_service.payment.methods import methods_of
from order_service.placing.validation import PlaceOrder, WantedLine

METHODS = methods_of(["sandbox"])
DELIVERY = Delivery(
    name="Li Na",
    phone="138 1234 5678",
    country="CN",
    postcode="200000",
    region="Shanghai",
    city="Shanghai",
    district="Huangpu",
    street="1 Nanjing Road",
    email="li.na@example.com",
)
ARTICLES = {
    article.sku: article
    for article in (
        Article("TEA", "merchant-1", "Green tea", 500, "CNY"),
        Article("CUP", "merchant-1", "A cup", 2_000, "CNY"),
        Article("RUG", "merchant-2", "A rug", 30_000, "CNY"),
    )
}


def lines(**quantities: int) -> tuple[WantedLine, ...]:
    """Lines of articles at their prices."""
    return tuple(
        WantedLine(sku, quantity, ARTICLES[sku].price_minor) for sku, quantity in quantities.items()
    )


def amounts(
    wanted: tuple[WantedLine, ...],
    discount: int = 0,
    coupon: int = 0,
    freight: int = 0,
    tax: int = 0,
) -> Amounts:
    """Amounts that add up."""
    goods = sum(line.quantity * line.unit_price_minor for line in wanted)
    return Amounts(goods, discount, coupon, freight, tax, goods - discount - coupon + freight + tax)


def order(quantities: dict[str, int] | None = None, **values: Any) -> PlaceOrder:
    """An order of two units of tea, unless it says otherwise, to be sent for 100."""
    wanted = lines(**(quantities or {"TEA": 2}))
    request = PlaceOrder(
        tenant="default",
        source=Source.WEB,
        order_key="key-1",
        buyer_id="buyer-1",
        currency="CNY",
        lines=wanted,
        amounts=amounts(wanted, freight=100),
        delivery=DELIVERY,
        payment_method="sandbox_card",
    )
    return structs.replace(request, **values)
