"""CatalogueService: from the wire, one call, to the wire."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from holdfast.order.v1 import catalogue_pb2 as pb
from order_service.catalogue import store
from order_service.catalogue.catalogue import Catalogue
from order_service.catalogue.model import Article, Place, Warehouse
from order_service.catalogue.validation import checked_articles, checked_places, checked_warehouses
from order_service.edge import wire
from order_service.edge.methods import method, read_page
from order_service.edge.requests import check_filters, invalid_page_token, tenant_of
from order_service.order.fields import check_id, check_name
from order_service.storage.orders import Orders
from serving.deadlines import Deadlines

_PLACE_KEY_PARTS: Final = 3


class CatalogueServicer:
    """Sets and lists what can be ordered, and from where."""

    def __init__(self, orders: Orders, catalogue: Catalogue, deadlines: Deadlines) -> None:
        self._orders = orders
        self._catalogue = catalogue
        self.deadlines = deadlines

    @method
    async def PutArticles(self, request: pb.PutArticlesRequest) -> pb.PutArticlesResponse:
        tenant = tenant_of(request)
        put = checked_articles([wire.from_message(each, Article) for each in request.articles])
        return pb.PutArticlesResponse(version=await self._catalogue.put(tenant, put))

    @method
    async def ListArticles(self, request: pb.ListArticlesRequest) -> pb.ListArticlesResponse:
        tenant = tenant_of(request)
        check_filters(request, check_id, "merchant_id")
        check_filters(request, check_name, "page_token", "sku")
        read = partial(
            store.list_articles,
            tenant=tenant,
            merchant_id=request.merchant_id,
            after=request.page_token,
            sku=request.sku,
        )
        page = await read_page(self._orders, request, read, lambda article: article.sku)
        return wire.listed(pb.ListArticlesResponse, *page)

    @method
    async def PutWarehouses(self, request: pb.PutWarehousesRequest) -> pb.PutWarehousesResponse:
        tenant = tenant_of(request)
        put = checked_warehouses(
            [wire.from_message(each, Warehouse) for each in request.warehouses]
        )
        return pb.PutWarehousesResponse(version=await self._catalogue.put(tenant, put))

    @method
    async def ListWarehouses(self, request: pb.ListWarehousesRequest) -> pb.ListWarehousesResponse:
        found = await self._orders.read(partial(store.list_warehouses, tenant=tenant_of(request)))
        return wire.listed(pb.ListWarehousesResponse, found)

    @method
    async def PutPlaces(self, request: pb.PutPlacesRequest) -> pb.PutPlacesResponse:
        tenant = tenant_of(request)
        put = checked_places([wire.from_message(each, Place) for each in request.places])
        return pb.PutPlacesResponse(version=await self._catalogue.put(tenant, put))

    @method
    async def ListPlaces(self, request: pb.ListPlacesRequest) -> pb.ListPlacesResponse:
        tenant, after = tenant_of(request), _place_key(request.page_token)
        read = partial(store.list_places, tenant=tenant, after=after)
        page = await read_page(self._orders, request, read, _token_of)
        return wire.listed(pb.ListPlacesResponse, *page)


def _token_of(place: Place) -> str:
    return f"{place.country}\n{place.region}\n{place.postcode_prefix}"


def _place_key(token: str) -> Sequence[str]:
    """The country, region and prefix of the place that a page token names. Raises InvalidField."""
    key = token.split("\n") if token else []
    if len(key) not in (0, _PLACE_KEY_PARTS) or "\0" in token:
        raise invalid_page_token(token)
    return key
