"""`holdfast orders articles|warehouses`: what can be ordered, and where it comes from."""

from typing import Any

from cyclopts import App

from holdfast.cli.arguments import LIST_LIMIT_DEFAULT, Limit
from holdfast.cli.arguments import Units as WholeNumber
from holdfast.cli.failures import usage_failure
from holdfast.cli.orders.catalogue_import import import_articles, import_warehouses
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, OrdersConnection
from holdfast.cli.orders.options import NO_CHANGES, ArticleOptions
from holdfast.cli.orders.tables import print_found, print_list
from holdfast.cli.output import print_json, table_of
from holdfast.money import minor_units, money_text
from holdfast.order.v1 import catalogue_pb2 as pb

articles = App(name="articles", help="What can be ordered, and what it costs.")
warehouses = App(name="warehouses", help="Where parcels come from.")


articles.command(import_articles, name="import")
warehouses.command(import_warehouses, name="import")


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
    changed = options.apply(article)
    if price:
        article.price_minor = _price_minor(price, article.currency)
        # With its currency, or somebody who changes that meanwhile would change the price.
        changed |= {"price_minor", "currency"}
    elif not known or article.currency != currency_before:
        raise usage_failure("PRICE: give one with a new article, or another currency")
    connection.ask(pb.PutArticlesRequest(articles=[article], only=sorted(changed or {"sku"})))
    if connection.as_json:
        print_json({"article": article})
        return
    costs = money_text(article.price_minor, article.currency)
    print(f"{sku} costs {costs}{', and is withdrawn' * article.withdrawn}.")


def _price_minor(price: str, currency: str) -> int:
    try:
        return minor_units(price, currency)
    except ValueError as error:
        raise usage_failure(f"PRICE: {error}") from error


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
    """
    request = pb.ListArticlesRequest(merchant_id=merchant)
    print_list(connection, request, "articles", limit, _print_articles)


_print_articles = table_of(
    {
        "SKU": "sku",
        "Title": "title",
        "Price": lambda article: money_text(article.price_minor, article.currency),
        "Merchant": "merchant_id",
        "Zone": "zone",
        "": lambda article: "withdrawn" if article.withdrawn else "",
    }
)


@warehouses.command(name="put")
def put_warehouse(
    location: str,
    country: str,
    /,
    *,
    latitude: float | None = None,
    longitude: float | None = None,
    priority: WholeNumber | None = None,
    closed: bool | None = None,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Creates a warehouse, or changes what is given of it.

    For example:
      holdfast orders warehouses put shanghai-1 CN
      holdfast orders warehouses put shanghai-1 CN --closed
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
    options = {
        "country": country,
        "latitude": latitude,
        "longitude": longitude,
        "priority": priority,
        "closed": closed,
    }
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    warehouse = pb.Warehouse(location=location, **given)
    connection.ask(pb.PutWarehousesRequest(warehouses=[warehouse], only=sorted(given)))
    if connection.as_json:
        print_json({"warehouse": warehouse})
    else:
        print(f"{location} is in {country}{' and takes no orders' * bool(closed)}.")


@warehouses.command(name="list")
def list_warehouses(*, connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION) -> None:
    """Lists warehouses, in the order in which they are preferred.

    For example:
      holdfast orders warehouses list
    """
    found = connection.ask(pb.ListWarehousesRequest()).warehouses
    print_found(connection, "warehouses", found, _print_warehouses)


def _position(warehouse: pb.Warehouse) -> str:
    known = warehouse.HasField("latitude")
    return f"{warehouse.latitude} {warehouse.longitude}" if known else "-"


_print_warehouses = table_of(
    {
        "Warehouse": "location",
        "Country": "country",
        "Where": _position,
        "Priority": "priority",
        "": lambda warehouse: "closed" if warehouse.closed else "",
    }
)
