"""Protobuf requests to the order service's values. What an enum may be is checked here."""

from enum import StrEnum
from typing import Any, TypeVar

from holdfast.order.v1 import order_pb2 as pb
from order_service.edge.requests import DEFAULT_TENANT
from order_service.order.model import Amounts, Delivery, DeliveryWish, ShortagePolicy, Source
from order_service.order.refusals import InvalidField
from order_service.placing.request import PlaceOrder, WantedLine

Kind = TypeVar("Kind", bound=StrEnum)


def place_order(m: pb.PlaceOrderRequest) -> PlaceOrder:
    """An order as it was sent. Raises InvalidField for what the contract does not name."""
    return PlaceOrder(
        tenant=m.tenant or DEFAULT_TENANT,
        source=source(m.source),
        order_key=m.order_key,
        buyer_id=m.buyer_id,
        currency=m.currency,
        lines=tuple(WantedLine(line.sku, line.quantity, line.unit_price_minor) for line in m.lines),
        amounts=Amounts(
            m.amounts.goods_minor,
            m.amounts.discount_minor,
            m.amounts.coupon_minor,
            m.amounts.freight_minor,
            m.amounts.tax_minor,
            m.amounts.total_minor,
        ),
        delivery=delivery(m.delivery),
        payment_method=m.payment_method,
        shortage_policy=_one_of(
            ShortagePolicy,
            "shortage_policy",
            pb.ShortagePolicy,
            m.shortage_policy or pb.SHORTAGE_POLICY_ALL_OR_NOTHING,
        ),
        remark=m.remark,
    )


def delivery(m: pb.Delivery) -> Delivery:
    """A delivery as it was sent. Raises InvalidField for a wish that the contract does not name."""
    return Delivery(
        name=m.name,
        phone=m.phone,
        country=m.country,
        postcode=m.postcode,
        region=m.region,
        city=m.city,
        district=m.district,
        street=m.street,
        email=m.email,
        wish=_one_of(
            DeliveryWish,
            "delivery.wish",
            pb.DeliveryWish,
            m.wish or pb.DELIVERY_WISH_CHEAPEST,
        ),
    )


def source(number: int) -> Source:
    """Where an order comes from. Raises InvalidField."""
    return _one_of(Source, "source", pb.OrderSource, number)


def order_state(number: int) -> str:
    """The state that is asked for, "" for any. Raises InvalidField."""
    if number not in pb.Order.State.values():
        raise InvalidField("state", "must be a state of an order", number)
    return pb.Order.State.Name(number) if number else ""  # type: ignore[arg-type]


def _one_of(kind: type[Kind], field: str, enum: Any, number: int) -> Kind:
    """Our name for a value of one of the contract's enums. Raises InvalidField."""
    prefix = enum.Name(0).removesuffix("UNSPECIFIED")
    if not number or number not in enum.values():
        names = ", ".join(f"{prefix}{name}" for name in kind)
        raise InvalidField(field, f"must be one of {names}", number)
    return kind(enum.Name(number).removeprefix(prefix))
