"""`holdfast orders places`: where destinations are, so that the nearest warehouse can be told."""

from cyclopts import App

from holdfast.cli.arguments import LIST_LIMIT_DEFAULT, Limit
from holdfast.cli.orders.catalogue_import import import_places
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, OrdersConnection
from holdfast.cli.orders.tables import print_list
from holdfast.cli.output import print_json, table_of
from holdfast.order.v1 import catalogue_pb2 as pb

places = App(name="places", help="Where destinations are.")
places.command(import_places, name="import")


@places.command(name="put")
def put_place(
    country: str,
    latitude: float,
    longitude: float,
    /,
    *,
    postcode_prefix: str = "",
    region: str = "",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Says where a country, or a part of it, is.

    For example:
      holdfast orders places put CN 31.23 121.47 --postcode-prefix 20
      holdfast orders places put GB 54 -- -2

    Parameters
    ----------
    country
        The country's two letters.
    latitude
        Degrees north.
    longitude
        Degrees east.
    postcode_prefix
        Of addresses whose postcodes begin so.
    region
        Of this state, province or prefecture.
    """
    place = pb.Place(
        country=country,
        postcode_prefix=postcode_prefix,
        region=region,
        latitude=latitude,
        longitude=longitude,
    )
    connection.ask(pb.PutPlacesRequest(places=[place]))
    if connection.as_json:
        print_json({"place": place})
    else:
        part = " ".join(filter(None, (country, region, postcode_prefix)))
        print(f"{part} is at {latitude} {longitude}.")


@places.command(name="list")
def list_places(
    *,
    limit: Limit = LIST_LIMIT_DEFAULT,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Lists places, by country, region and postcode prefix.

    For example:
      holdfast orders places list
    """
    print_list(connection, pb.ListPlacesRequest(), "places", limit, _print_places)


_print_places = table_of(
    {
        "Country": "country",
        "Region": "region",
        "Postcodes from": "postcode_prefix",
        "Where": lambda place: f"{place.latitude} {place.longitude}",
    }
)
