"""CatalogueService: from the wire, one call, to the wire."""

from collections.abc import Sequence
from typing import Final

from holdfast.order.v1 import catalogue_pb2 as pb
from order_service.catalogue.catalogue import Catalogue
from order_service.catalogue.model import Article, Place, Warehouse
from order_service.catalogue.validation import (
    checked_articles,
    checked_places,
    checked_warehouses,
)
from order_service.edge.requests import invalid_page_token, page_size_of, tenant_of
from order_service.order.fields import check_id, check_name
from serving.context import Context
from serving.deadlines import Deadlines

_PLACE_KEY_PARTS: Final = 3


class CatalogueServicer:
    """Sets and lists what can be ordered, and from where."""

    def __init__(self, catalogue: Catalogue, deadlines: Deadlines) -> None:
        self._catalogue = catalogue
        self._deadlines = deadlines

    async def PutArticles(
        self, request: pb.PutArticlesRequest, context: Context
    ) -> pb.PutArticlesResponse:
        tenant = tenant_of(request)
        put = checked_articles([_article(each) for each in request.articles])
        async with self._deadlines.limit(context):
            version = await self._catalogue.put_articles(tenant, put)
        return pb.PutArticlesResponse(version=version)

    async def ListArticles(
        self, request: pb.ListArticlesRequest, context: Context
    ) -> pb.ListArticlesResponse:
        tenant, size = tenant_of(request), page_size_of(request)
        if request.merchant_id:
            check_id("merchant_id", request.merchant_id)
        if request.page_token:
            check_name("page_token", request.page_token)
        if request.sku:
            check_name("sku", request.sku)
        async with self._deadlines.limit(context):
            page = await self._catalogue.list_articles(
                tenant, request.merchant_id, size, request.page_token, request.sku
            )
        return pb.ListArticlesResponse(
            articles=[_article_message(each) for each in page.rows],
            next_page_token=page.next_token,
        )

    async def PutWarehouses(
        self, request: pb.PutWarehousesRequest, context: Context
    ) -> pb.PutWarehousesResponse:
        tenant = tenant_of(request)
        put = checked_warehouses([_warehouse(each) for each in request.warehouses])
        async with self._deadlines.limit(context):
            version = await self._catalogue.put_warehouses(tenant, put)
        return pb.PutWarehousesResponse(version=version)

    async def ListWarehouses(
        self, request: pb.ListWarehousesRequest, context: Context
    ) -> pb.ListWarehousesResponse:
        tenant = tenant_of(request)
        async with self._deadlines.limit(context):
            found = await self._catalogue.list_warehouses(tenant)
        return pb.ListWarehousesResponse(warehouses=[_warehouse_message(each) for each in found])

    async def PutPlaces(
        self, request: pb.PutPlacesRequest, context: Context
    ) -> pb.PutPlacesResponse:
        tenant = tenant_of(request)
        put = checked_places([_place(each) for each in request.places])
        async with self._deadlines.limit(context):
            version = await self._catalogue.put_places(tenant, put)
        return pb.PutPlacesResponse(version=version)

    async def ListPlaces(
        self, request: pb.ListPlacesRequest, context: Context
    ) -> pb.ListPlacesResponse:
        tenant, size = tenant_of(request), page_size_of(request)
        after = _place_key(request.page_token)
        async with self._deadlines.limit(context):
            page = await self._catalogue.list_places(tenant, size, after)
        return pb.ListPlacesResponse(
            places=[_place_message(each) for each in page.rows], next_page_token=page.next_token
        )


def _place_key(token: str) -> Sequence[str]:
    """The place after which a page begins. Raises InvalidField."""
    key = token.split("\n") if token else []
    if len(key) not in (0, _PLACE_KEY_PARTS) or "\0" in token:
        raise invalid_page_token(token)
    return key


def _article(m: pb.Article) -> Article:
    coldest = m.temperature_min_millicelsius if m.HasField("temperature_min_millicelsius") else None
    warmest = m.temperature_max_millicelsius if m.HasField("temperature_max_millicelsius") else None
    return Article(
        sku=m.sku,
        merchant_id=m.merchant_id,
        title=m.title,
        price_minor=m.price_minor,
        currency=m.currency,
        zone=m.zone,
        weight_g=m.weight_g,
        temperature_min_millicelsius=coldest,
        temperature_max_millicelsius=warmest,
        customised=m.customised,
        fragile=m.fragile,
        withdrawn=m.withdrawn,
    )


def _article_message(article: Article) -> pb.Article:
    return pb.Article(
        sku=article.sku,
        merchant_id=article.merchant_id,
        title=article.title,
        price_minor=article.price_minor,
        currency=article.currency,
        zone=article.zone,
        weight_g=article.weight_g,
        temperature_min_millicelsius=article.temperature_min_millicelsius,
        temperature_max_millicelsius=article.temperature_max_millicelsius,
        customised=article.customised,
        fragile=article.fragile,
        withdrawn=article.withdrawn,
    )


def _warehouse(m: pb.Warehouse) -> Warehouse:
    return Warehouse(
        location=m.location,
        country=m.country,
        latitude=m.latitude if m.HasField("latitude") else None,
        longitude=m.longitude if m.HasField("longitude") else None,
        priority=m.priority,
        closed=m.closed,
    )


def _warehouse_message(warehouse: Warehouse) -> pb.Warehouse:
    return pb.Warehouse(
        location=warehouse.location,
        country=warehouse.country,
        latitude=warehouse.latitude,
        longitude=warehouse.longitude,
        priority=warehouse.priority,
        closed=warehouse.closed,
    )


def _place(m: pb.Place) -> Place:
    return Place(
        country=m.country,
        postcode_prefix=m.postcode_prefix,
        region=m.region,
        latitude=m.latitude,
        longitude=m.longitude,
    )


def _place_message(place: Place) -> pb.Place:
    return pb.Place(
        country=place.country,
        postcode_prefix=place.postcode_prefix,
        region=place.region,
        latitude=place.latitude,
        longitude=place.longitude,
    )
