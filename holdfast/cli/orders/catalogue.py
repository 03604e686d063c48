"""`holdfast orders articles|warehouses`: what can be ordered, and where it comes from."""

from typing import Any

from cyclopts import App

from holdfast.cli.arguments import LIST_LIMIT_DEFAULT, SERVICE, Limit
from holdfast.cli.failures import USAGE, Failure
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, OrdersConnection
from holdfast.cli.orders.options import NO_CHANGES, ArticleOptions
from holdfast.cli.orders.tables import print_list
from holdfast.cli.output import print_json, print_table
from holdfast.money import minor_units, money_text
from holdfast.order.v1 import catalogue_pb2 as pb

articles = App(name="articles", group=SERVICE, help="What can be ordered, and what it costs.")
warehouses = App(name="warehouses", group=SERVICE, help="Where parcels come from.")


@articles.command(name="put")
def put_article(
    sku: str,
    price: str = "",
    /,
    *,
    options: ArticleOptions = NO_CHANGES,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Creates an article, or changes what is given of it.

    Its stock is set in the engine: `holdfast stock set SKU ON_HAND`.

    For example:
      holdfast orders articles put MUG 12.50 --currency GBP --title "A mug, blue"
      holdfast orders articles put FISH 30 --temperature-max -18 --zone cold
      holdfast orders articles put MUG --withdrawn

    Parameters
    ----------
    sku
        The article, as the engine's stock levels name it.
    price
        What a unit costs [default: as before].
    """
    known = connection.ask(pb.ListArticlesRequest(sku=sku)).articles
    new = pb.Article(sku=sku, merchant_id="default", title=sku, currency="CNY")
    article = known[0] if known else new
    currency_before = article.currency
    options.apply(article)
    if price:
        article.price_minor = _price_minor(price, article.currency)
    elif not known or article.currency != currency_before:
        raise _usage("PRICE: give one with a new article, or another currency")
    connection.ask(pb.PutArticlesRequest(articles=[article]))
    if connection.as_json:
        print_json({"article": article})
        return
    costs = money_text(article.price_minor, article.currency)
    print(f"{sku} costs {costs}{', and is withdrawn' * article.withdrawn}.")


def _price_minor(price: str, currency: str) -> int:
    try:
        return minor_units(price, currency)
    except ValueError as error:
        raise _usage(f"PRICE: {error}") from error


def _usage(message: str) -> Failure:
    return Failure(message, reason="USAGE", exit_status=USAGE)


@articles.command(name="list")
def list_articles(
    *,
    merchant: str = "",
    limit: Limit = LIST_LIMIT_DEFAULT,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Lists articles, by SKU.

    For example:
      holdfast orders articles list

    Parameters
    ----------
    merchant
        Only this merchant's.
    limit
        At most this many are shown; the output says if there are more.
    """
    request = pb.ListArticlesRequest(merchant_id=merchant)
    print_list(connection, request, "articles", limit, _print_articles)


def _print_articles(found: list[Any]) -> None:
    rows = [
        (
            article.sku,
            article.title,
            money_text(article.price_minor, article.currency),
            article.merchant_id,
            article.zone or "-",
            "withdrawn" if article.withdrawn else "",
        )
        for article in found
    ]
    print_table(("SKU", "Title", "Price", "Merchant", "Zone", ""), rows)


@warehouses.command(name="put")
def put_warehouse(
    location: str,
    country: str,
    /,
    *,
    latitude: float | None = None,
    longitude: float | None = None,
    priority: int = 0,
    closed: bool = False,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Creates a warehouse or overwrites it.

    For example:
      holdfast orders warehouses put shanghai-1 CN
      holdfast orders warehouses put leeds GB --latitude 53.8 --longitude -1.5

    Parameters
    ----------
    location
        The warehouse, as the engine's stock levels name it.
    country
        The country's two letters.
    latitude
        Degrees north.
    longitude
        Degrees east.
    priority
        The smaller, the more preferred among equally near ones.
    closed
        It takes no new orders.
    """
    warehouse = pb.Warehouse(
        location=location,
        country=country,
        latitude=latitude,
        longitude=longitude,
        priority=priority,
        closed=closed,
    )
    connection.ask(pb.PutWarehousesRequest(warehouses=[warehouse]))
    if connection.as_json:
        print_json({"warehouse": warehouse})
    else:
        print(f"{location} is in {country}{' and takes no orders' * closed}.")


@warehouses.command(name="list")
def list_warehouses(*, connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION) -> None:
    """Lists warehouses, in the order in which they are preferred.

    For example:
      holdfast orders warehouses list
    """
    found = connection.ask(pb.ListWarehousesRequest()).warehouses
    if connection.as_json:
        print_json({"warehouses": list(found)})
        return
    rows = [
        (
            warehouse.location,
            warehouse.country,
            f"{warehouse.latitude} {warehouse.longitude}"
            if warehouse.HasField("latitude")
            else "-",
            warehouse.priority,
            "closed" if warehouse.closed else "",
        )
        for warehouse in found
    ]
    print_table(("Warehouse", "Country", "Where", "Priority", ""), rows)
