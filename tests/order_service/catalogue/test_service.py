"""CatalogueService over gRPC: what is put comes back as it was put; what is wrong is named."""

from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
import pytest
from prometheus_client import CollectorRegistry

from holdfast.errors import Reason
from holdfast.order.v1 import catalogue_pb2 as pb
from holdfast.order.v1 import catalogue_pb2_grpc
from order_service.catalogue.catalogue import Catalogue
from order_service.edge.catalogue import CatalogueServicer
from order_service.edge.failures import TRANSLATIONS
from order_service.storage.orders import Orders
from serving.deadlines import Deadlines
from serving.grpc_server import DecodingServer
from serving.guard import Guarded
from serving.metrics import CallMetrics
from tests.serving import refusal

TEA = pb.Article(
    sku="TEA",
    merchant_id="merchant-1",
    title="Green tea",
    price_minor=500,
    currency="CNY",
    zone="A",
    weight_g=100,
    temperature_min_millicelsius=0,
    fragile=True,
)
CUP = pb.Article(sku="CUP", merchant_id="merchant-2", title="A cup", currency="CNY", withdrawn=True)
NORTH = pb.Warehouse(location="north", country="CN", latitude=39.9, longitude=0.0, priority=1)
SOUTH = pb.Warehouse(location="south", country="CN", closed=True)
SHANGHAI = pb.Place(country="CN", postcode_prefix="20", latitude=31.23, longitude=121.47)


@pytest.fixture
async def service(orders: Orders) -> AsyncIterator[Any]:
    """A stub of the service."""
    server = grpc.aio.server()
    servicer = CatalogueServicer(orders, Catalogue(orders), Deadlines(5_000))
    guarded: Any = Guarded(servicer, CallMetrics(CollectorRegistry()), TRANSLATIONS)
    decoding: Any = DecodingServer(server)
    catalogue_pb2_grpc.add_CatalogueServiceServicer_to_server(guarded, decoding)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield catalogue_pb2_grpc.CatalogueServiceStub(channel)
    await server.stop(1)


async def test_what_was_put_is_listed_as_it_was_put(service: Any) -> None:
    assert (await service.PutArticles(pb.PutArticlesRequest(articles=[TEA, CUP]))).version == 1
    await service.PutWarehouses(pb.PutWarehousesRequest(warehouses=[NORTH, SOUTH]))
    assert (await service.PutPlaces(pb.PutPlacesRequest(places=[SHANGHAI]))).version == 3
    assert list((await service.ListArticles(pb.ListArticlesRequest())).articles) == [CUP, TEA]
    found = await service.ListWarehouses(pb.ListWarehousesRequest())
    assert list(found.warehouses) == [SOUTH, NORTH]
    assert list((await service.ListPlaces(pb.ListPlacesRequest())).places) == [SHANGHAI]


async def test_lists_go_on_where_their_token_says(service: Any) -> None:
    await service.PutArticles(pb.PutArticlesRequest(articles=[TEA, CUP]))
    first = await service.ListArticles(pb.ListArticlesRequest(page_size=1))
    rest = await service.ListArticles(
        pb.ListArticlesRequest(page_size=1, page_token=first.next_page_token)
    )
    assert [*first.articles, *rest.articles] == [CUP, TEA]
    assert rest.next_page_token == ""
    places = [SHANGHAI, pb.Place(country="GB", latitude=54, longitude=-2)]
    await service.PutPlaces(pb.PutPlacesRequest(places=places))
    first = await service.ListPlaces(pb.ListPlacesRequest(page_size=1))
    rest = await service.ListPlaces(
        pb.ListPlacesRequest(page_size=1, page_token=first.next_page_token)
    )
    assert [*first.places, *rest.places] == places


async def test_one_article_is_found_by_its_sku(service: Any) -> None:
    await service.PutArticles(pb.PutArticlesRequest(articles=[TEA, CUP]))
    assert list((await service.ListArticles(pb.ListArticlesRequest(sku=TEA.sku))).articles) == [TEA]
    assert not (await service.ListArticles(pb.ListArticlesRequest(sku="NONE"))).articles


async def test_what_a_put_does_not_name_stays_as_it_is(service: Any) -> None:
    await service.PutArticles(pb.PutArticlesRequest(articles=[TEA]))
    dearer = pb.Article(sku="TEA", price_minor=600)
    await service.PutArticles(
        pb.PutArticlesRequest(articles=[dearer, CUP], only=["price_minor", "fragile"])
    )
    wanted = pb.Article()
    wanted.CopyFrom(TEA)
    wanted.price_minor, wanted.fragile = 600, False
    found = (await service.ListArticles(pb.ListArticlesRequest())).articles
    assert list(found) == [CUP, wanted]  # what is new has all of its message

    await service.PutWarehouses(pb.PutWarehousesRequest(warehouses=[NORTH]))
    closed = pb.Warehouse(location="north", closed=True)
    await service.PutWarehouses(pb.PutWarehousesRequest(warehouses=[closed], only=["closed"]))
    (north,) = (await service.ListWarehouses(pb.ListWarehousesRequest())).warehouses
    assert (north.latitude, north.priority, north.closed) == (39.9, 1, True)


async def test_a_part_that_makes_the_whole_wrong_is_refused(service: Any) -> None:
    await service.PutArticles(pb.PutArticlesRequest(articles=[TEA]))
    too_cold = pb.Article(sku="TEA", temperature_max_millicelsius=-1_000)
    request = pb.PutArticlesRequest(articles=[too_cold], only=["temperature_max_millicelsius"])
    error = await refusal(service.PutArticles(request))
    assert error.metadata["field"].startswith("articles[0].temperature")
    assert list((await service.ListArticles(pb.ListArticlesRequest())).articles) == [TEA]


async def test_a_put_of_which_one_article_is_wrong_puts_none(service: Any) -> None:
    wrong = pb.Article(
        sku="BAD", merchant_id="merchant-1", title="x", currency="CNY", weight_g=10**9
    )
    error = await refusal(service.PutArticles(pb.PutArticlesRequest(articles=[TEA, wrong])))
    assert error.reason is Reason.INVALID_FIELD
    assert error.metadata["field"] == "articles[1].weight_g"
    assert not (await service.ListArticles(pb.ListArticlesRequest())).articles


@pytest.mark.parametrize(
    ("method", "request_", "field"),
    [
        ("PutArticles", pb.PutArticlesRequest(), "articles"),
        ("PutArticles", pb.PutArticlesRequest(tenant="a b", articles=[TEA]), "tenant"),
        ("PutWarehouses", pb.PutWarehousesRequest(), "warehouses"),
        ("PutWarehouses", pb.PutWarehousesRequest(only=["closed"]), "only"),
        ("PutArticles", pb.PutArticlesRequest(articles=[TEA], only=["colour"]), "only"),
        ("PutPlaces", pb.PutPlacesRequest(places=[SHANGHAI] * 2), "places[1]"),
        ("ListArticles", pb.ListArticlesRequest(page_size=1_001), "page_size"),
        ("ListArticles", pb.ListArticlesRequest(merchant_id="a b"), "merchant_id"),
        ("ListArticles", pb.ListArticlesRequest(page_token="\n"), "page_token"),
        ("ListPlaces", pb.ListPlacesRequest(page_token="x"), "page_token"),
        ("ListWarehouses", pb.ListWarehousesRequest(tenant="?"), "tenant"),
    ],
)
async def test_what_is_wrong_is_named(service: Any, method: str, request_: Any, field: str) -> None:
    error = await refusal(getattr(service, method)(request_))
    assert error.metadata["field"] == field
