"""How the SDK reaches the order service: where it is, and which of its RPCs a request is for."""

import os
from typing import Any, Final, NamedTuple

from google.protobuf.message import Message

from holdfast.channel import checked_target
from holdfast.order.v1 import (
    aftersales_pb2,
    aftersales_pb2_grpc,
    catalogue_pb2,
    catalogue_pb2_grpc,
    fulfilment_pb2,
    fulfilment_pb2_grpc,
    operations_pb2,
    operations_pb2_grpc,
    order_pb2,
    order_pb2_grpc,
    payment_pb2,
    payment_pb2_grpc,
    policies_pb2,
    policies_pb2_grpc,
    returns_pb2,
    returns_pb2_grpc,
    settlement_pb2,
    settlement_pb2_grpc,
)
from holdfast.wire import mistaken

TARGET_DEFAULT = "127.0.0.1:7610"


class OrderConnection(NamedTuple):
    """One connection to an order service, and the services over it, by their names."""

    channel: Any
    OrderService: Any
    PaymentService: Any
    FulfilmentService: Any
    CatalogueService: Any
    OperationsService: Any
    ReturnService: Any
    PolicyService: Any
    SettlementService: Any
    AfterSalesService: Any


def orders_over(channel: Any) -> OrderConnection:
    """The order service's services over a channel."""
    return OrderConnection(
        channel,
        order_pb2_grpc.OrderServiceStub(channel),
        payment_pb2_grpc.PaymentServiceStub(channel),
        fulfilment_pb2_grpc.FulfilmentServiceStub(channel),
        catalogue_pb2_grpc.CatalogueServiceStub(channel),
        operations_pb2_grpc.OperationsServiceStub(channel),
        returns_pb2_grpc.ReturnServiceStub(channel),
        policies_pb2_grpc.PolicyServiceStub(channel),
        settlement_pb2_grpc.SettlementServiceStub(channel),
        aftersales_pb2_grpc.AfterSalesServiceStub(channel),
    )


# Which RPC a request is for: each has a request of its own.
RPCS: Final[dict[str, str]] = {
    method.input_type.full_name: f"{service.name}.{method.name}"
    for file in (
        aftersales_pb2,
        order_pb2,
        payment_pb2,
        fulfilment_pb2,
        catalogue_pb2,
        operations_pb2,
        policies_pb2,
        returns_pb2,
        settlement_pb2,
    )
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}


def rpc_of(request: Any) -> str:
    """The RPC that a request is for. Raises TypeError for what is no request."""
    name = request.DESCRIPTOR.full_name if isinstance(request, Message) else ""
    if name not in RPCS:
        wanted = "a request of holdfast.order.v1, such as GetOrderRequest(order_id=...)"
        raise mistaken("request", wanted, name or request)
    return RPCS[name]


def orders_target_or_default(target: str | None) -> str:
    """`target`, else the environment's HOLDFAST_ORDERS_TARGET, else 127.0.0.1:7610.

    Raises INVALID_FIELD for one that gRPC would take for something else.
    """
    return checked_target(target or os.environ.get("HOLDFAST_ORDERS_TARGET") or TARGET_DEFAULT)
