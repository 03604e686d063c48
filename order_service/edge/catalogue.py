"""CatalogueService: from the wire, one call, to the wire."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeVar

from holdfast.order.v1 import catalogue_pb2 as pb
from order_service.catalogue import store
from order_service.catalogue.catalogue import Catalogue
from order_service.catalogue.model import Article, Place, Warehouse
from order_service.catalogue.store import Part
from order_service.catalogue.validation import (
    check_only,
    checked_articles,
    checked_places,
    checked_warehouses,
)
from order_service.edge import wire
from order_service.edge.methods import method, read_page
from order_service.edge.requests import check_filters, invalid_page_token, tenant_of
from order_service.order.fields import check_id, check_name
from order_service.storage.orders import Orders
from serving.deadlines import Deadlines

_PLACE_KEY_PARTS: Final = 3

T = TypeVar("T", Article, Warehouse, Place)


class CatalogueServicer:
    """Sets and lists what can be ordered, and from where."""

    def __init__(self, orders: Orders, catalogue: Catalogue, deadlines: Deadlines) -> None:
        self._orders = orders
        self._catalogue = catalogue
        self.deadlines = deadlines

    @method
    async def PutArticles(self, request: pb.PutArticlesRequest) -> pb.PutArticlesResponse:
        tenant = tenant_of(request)
        articles = [wire.from_message(each, Article) for each in request.articles]
        version = await self._put(tenant, articles, checked_articles, request.only)
        return pb.PutArticlesResponse(version=version)

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
        warehouses = [wire.from_message(each, Warehouse) for each in request.warehouses]
        version = await self._put(tenant, warehouses, checked_warehouses, request.only)
        return pb.PutWarehousesResponse(version=version)

    @method
    async def ListWarehouses(self, request: pb.ListWarehousesRequest) -> pb.ListWarehousesResponse:
        found = await self._orders.read(partial(store.list_warehouses, tenant=tenant_of(request)))
        return wire.listed(pb.ListWarehousesResponse, found)

    @method
    async def PutPlaces(self, request: pb.PutPlacesRequest) -> pb.PutPlacesResponse:
        tenant = tenant_of(request)
        places = [wire.from_message(each, Place) for each in request.places]
        return pb.PutPlacesResponse(version=await self._put(tenant, places, checked_places))

    @method
    async def ListPlaces(self, request: pb.ListPlacesRequest) -> pb.ListPlacesResponse:
        tenant, after = tenant_of(request), _place_key(request.page_token)
        read = partial(store.list_places, tenant=tenant, after=after)
        page = await read_page(self._orders, request, read, _token_of)
        return wire.listed(pb.ListPlacesResponse, *page)

    async def _put(
        self,
        tenant: str,
        things: Sequence[T],
        checked: Callable[[Sequence[T]], list[T]],
        only: Sequence[str] = (),
    ) -> int:
        """Puts things of one kind; the answer is the catalogue's version. Raises InvalidField."""
        if not only:
            return await self._catalogue.put(tenant, checked(things))
        check_only(type(things[0]) if things else None, only)
        return await self._catalogue.put(tenant, things, Part(frozenset(only), checked))


def _token_of(place: Place) -> str:
    return f"{place.country}\n{place.region}\n{place.postcode_prefix}"


def _place_key(token: str) -> Sequence[str]:
    """The country, region and prefix of the place that a page token names. Raises InvalidField."""
    key = token.split("\n") if token else []
    if len(key) not in (0, _PLACE_KEY_PARTS) or "\0" in token:
        raise invalid_page_token(token)
    return key
