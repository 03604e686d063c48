"""A shop: orders on a database of the test's own, served over gRPC, beside a real engine."""

import time
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import grpc.aio
import pytest
from prometheus_client import CollectorRegistry

from holdfast.client import Client
from holdfast.order.v1 import order_pb2 as pb
from holdfast.order.v1 import order_pb2_grpc
from holdfast.orders import OrderClient
from order_service.catalogue.catalogue import Catalogue
from order_service.catalogue.model import Article
from order_service.edge.failures import TRANSLATIONS
from order_service.edge.orders import OrderServicer
from order_service.fulfilment.cancelling import Cancelling
from order_service.order.ids import Ids
from order_service.payment.methods import methods_of
from order_service.payment.providers.port import (
    Charge,
    Fact,
    FactKind,
    Provider,
    ProviderUnreachable,
    Started,
)
from order_service.storage.database import Database
from order_service.storage.orders import Orders
from serving.deadlines import Deadlines
from serving.grpc_server import DecodingServer
from serving.guard import Guarded
from serving.metrics import CallMetrics
from tests.order_service.placing.shop import placing_of
from tests.serving import Server, serve

MUG, TEA = "MUG", "TEA"
MUG_MINOR, TEA_MINOR = 1_250, 480


def now_ms() -> int:
    """The engine's reservations end by the real clock, so orders have it, too."""
    return time.time_ns() // 1_000_000


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An engine of the session's own."""
    with serve(tmp_path_factory.mktemp("engine")) as server:
        yield server


class Silent(Provider):
    """A provider that knows of nothing; it answers what the test says, or not at all."""

    def __init__(self) -> None:
        self.answers: FactKind | None = FactKind.CLOSED

    async def start(self, charge: Charge) -> Started:
        raise ProviderUnreachable("test")

    async def query(self, charge: Charge) -> Fact:
        return self._fact(charge)

    async def close(self, charge: Charge) -> Fact:
        return self._fact(charge)

    async def refund(
        self, charge: Charge, refund_id: str, amount_minor: int, attempt: int = 0
    ) -> Fact:
        raise ProviderUnreachable("test")

    async def refunds(self, charge: Charge) -> list[Fact]:
        return []

    async def statement(self, day: date) -> list[Fact]:
        return []

    def verify_callback(self, *_: Any) -> Any:
        raise NotImplementedError

    async def aclose(self) -> None:
        pass

    def _fact(self, charge: Charge) -> Fact:
        if self.answers is None:
            raise ProviderUnreachable("test")
        return Fact(
            self.answers,
            charge.payment_id,
            amount_minor=charge.amount_minor,
            currency=charge.currency,
        )


@dataclass
class Shop:
    """A shop as a test sees it: its orders inside, and its clients outside."""

    tenant: str
    orders: Orders
    client: OrderClient
    engine: Client
    target: str
    cancelling: Cancelling
    provider: Silent = field(default_factory=Silent)

    async def place(self, key: str = "", **values: Any) -> pb.OrderResult:
        """Places an order for two mugs, or what `values` say."""
        return await self.client.place(order_of(key, **values))

    async def placed(self, **values: Any) -> pb.Order:
        """An order that was placed."""
        result = await self.place(**values)
        assert result.outcome == pb.ORDER_OUTCOME_APPLIED, result.detail
        return result.order


def order_of(key: str = "", **values: Any) -> pb.PlaceOrderRequest:
    """An order for two mugs, to be paid on delivery; `values` replace fields of it."""
    request = pb.PlaceOrderRequest(
        source=pb.ORDER_SOURCE_WEB,
        order_key=key or uuid.uuid4().hex,
        buyer_id="buyer-1",
        currency="GBP",
        lines=[pb.PlaceOrderLine(sku=MUG, quantity=2, unit_price_minor=MUG_MINOR)],
        amounts=pb.Amounts(goods_minor=2 * MUG_MINOR, total_minor=2 * MUG_MINOR),
        delivery=pb.Delivery(
            name="Ada Lee",
            phone="02079460000",
            country="GB",
            postcode="SW1A 1AA",
            city="London",
            street="1 High Street",
        ),
        payment_method="sandbox_card",
    )
    for name, value in values.items():
        message = getattr(request, name)
        if hasattr(message, "CopyFrom"):
            message.CopyFrom(value)
        elif isinstance(value, list):
            del message[:]
            message.extend(value)
        else:
            setattr(request, name, value)
    return request


@pytest.fixture
async def shop(database: Database, engine: Server) -> AsyncIterator[Shop]:
    """A shop with 100 mugs and 5 packets of tea; no relay does its tasks."""
    tenant = f"t-{uuid.uuid4().hex[:12]}"
    async with Client(engine.target, tenant=tenant) as client:
        for sku, units in ((MUG, 100), (TEA, 5)):
            await client.set_stock(sku, units)
        orders = Orders(database, now_ms, Ids())
        catalogue = Catalogue(orders)
        await catalogue.put(
            tenant,
            [
                Article(MUG, "merchant-1", "A mug, blue", MUG_MINOR, "GBP"),
                Article(TEA, "merchant-2", "龙井茶", TEA_MINOR, "GBP"),
            ],
        )
        provider = Silent()
        placing = placing_of(orders, client, catalogue, methods_of(["sandbox"]))
        cancelling = Cancelling(orders, {"sandbox": provider})
        servicer = OrderServicer(orders, placing, cancelling, Deadlines(60_000))
        server = grpc.aio.server()
        guarded: Any = Guarded(servicer, CallMetrics(CollectorRegistry()), TRANSLATIONS)
        decoding: Any = DecodingServer(server)
        order_pb2_grpc.add_OrderServiceServicer_to_server(guarded, decoding)
        target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await server.start()
        async with OrderClient(target, tenant=tenant) as outside:
            yield Shop(tenant, orders, outside, client, target, cancelling, provider)
        await server.stop(1)
        await orders.drain()
