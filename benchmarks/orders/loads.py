"""The benchmarks of the order service, and the orders that they send: one a buyer, of one line."""

from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.loads import Load
from holdfast.order.v1 import order_pb2 as pb
from holdfast.order.v1 import payment_pb2

SKUS = 100
UNIT_PRICE_MINOR = 1_250
FREIGHT_MINOR = 400
CURRENCY = "CNY"
METHOD = "sandbox_card"
ORDER_SERVICE = "holdfast.order.v1.OrderService"
PAYMENT_SERVICE = "holdfast.order.v1.PaymentService"
ORDERS = 1_500
OPEN_CALLS = 128


class OrdersLoad(msgspec.Struct, frozen=True, kw_only=True):
    """Orders that go the whole way: placed, begun to be paid, paid.

    Each step is a process of its own (`benchmarks.orders.load`), and leaves in `file` what the next
    one needs. `open_calls` are kept open at a time.
    """

    orders: int
    open_calls: int = OPEN_CALLS
    target: str = ""
    callbacks: str = ""
    """Where the order service listens for callbacks."""
    sandbox: str = ""
    """The provider that the buyers pay at."""
    tenant: str = ""
    prefix: str = ""
    file: str = ""

    def calls(self, service: str, method: str) -> Load:
        """The load as calls of one gRPC method."""
        return Load(
            calls=self.orders,
            service=service,
            method=method,
            open_calls=self.open_calls,
            target=self.target,
        )

    def save(self, lines: list[str]) -> None:
        """Keeps what the next step needs."""
        Path(self.file).write_text("\n".join(lines))

    def saved(self) -> list[str]:
        """Reads what the step before has kept."""
        return Path(self.file).read_text().split("\n")


def order_request(load: OrdersLoad, number: int) -> pb.PlaceOrderRequest:
    """An order of one unit, by a buyer of its own."""
    name = f"{load.prefix}-{number}"
    goods_minor = UNIT_PRICE_MINOR
    return pb.PlaceOrderRequest(
        tenant=load.tenant,
        source=pb.ORDER_SOURCE_APP,
        order_key=name,
        buyer_id=f"buyer-{name}",
        currency=CURRENCY,
        lines=[
            pb.PlaceOrderLine(
                sku=f"SKU-{number % SKUS}", quantity=1, unit_price_minor=UNIT_PRICE_MINOR
            )
        ],
        amounts=pb.Amounts(
            goods_minor=goods_minor,
            freight_minor=FREIGHT_MINOR,
            total_minor=goods_minor + FREIGHT_MINOR,
        ),
        delivery=pb.Delivery(
            name="Li Na",
            phone=f"138{number % 10**8:08d}",
            country="CN",
            postcode="200001",
            region="Shanghai",
            city="Shanghai",
            district="Huangpu",
            street=f"{number} Nanjing Road",
            email=f"li.na.{number}@example.com",
        ),
        payment_method=METHOD,
    )


def payment_request(load: OrdersLoad, order_id: str) -> payment_pb2.StartPaymentRequest:
    """The buyer goes on to pay."""
    return payment_pb2.StartPaymentRequest(
        tenant=load.tenant, order_id=order_id, payment_key=f"pay-{order_id}"
    )


class OrdersBenchmark(NamedTuple):
    """A step of the orders of one service: `place` or `pay`."""

    name: str
    title: str
    service: str
    step: str


_DATABASES = {"sqlite": "SQLite FULL", "postgres": "PostgreSQL"}
_STEPS = {
    "place": f"PlaceOrder, one line, {OPEN_CALLS} calls open",
    "pay": f"payment callback to effective order, {OPEN_CALLS} open",
}

ORDERS_SET = tuple(
    OrdersBenchmark(f"orders_{step}_{service}", f"{title}, {database}", service, step)
    for service, database in _DATABASES.items()
    for step, title in _STEPS.items()
)
