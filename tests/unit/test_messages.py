"""Values and messages by the names of their fields: nothing left out by mistake, nothing lost."""

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import pytest
from msgspec import Struct

import holdfast.types
import holdfast.wire
import order_service.edge.wire
import server.wire
from engine import model as engine_model
from holdfast.inventory.v1 import inventory_pb2 as inventory_pb
from holdfast.messages import Messages, Mismatch, Pair, UnknownNumber
from holdfast.order.v1 import catalogue_pb2
from holdfast.order.v1 import order_pb2 as pb
from order_service.catalogue.model import Article, Place, Warehouse
from order_service.order.model import HistoryEntry, Order
from order_service.order.parts import PART_KINDS
from order_service.order.placed import Delivery, DeliveryWish
from order_service.placing.validation import PlaceOrder
from tests.made import made

TABLES = {
    "order_service": order_service.edge.wire.MESSAGES,
    "server": server.wire.MESSAGES,
    "holdfast": holdfast.wire.MESSAGES,
}
ORDERS = order_service.edge.wire.MESSAGES


class Wish(StrEnum):
    CHEAPEST = "CHEAPEST"
    BY_BALLOON = "BY_BALLOON"


class Remark(Struct):
    remark_id: str
    author: str
    channel: str
    text: str
    at_ms: int


class Colourful(Remark):
    colour: str = "blue"


@dataclass
class Short:
    sku: str
    requested: int


class Flown(NamedTuple):
    wish: Wish


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_field_is_carried_or_is_named_as_an_exception(table: Messages) -> None:
    table.check()


@pytest.mark.parametrize(
    ("pair", "field"),
    [
        (Pair(Colourful, pb.Remark), "colour"),
        (Pair(Short, pb.Shortage), "available"),
        (Pair(Remark, pb.Remark, ours=("order_id",)), "ours"),
        (Pair(Remark, pb.Remark, theirs=("order_id",)), "order_id"),
        (Pair(Remark, pb.Remark, renamed={"text": "said"}), "said, text"),
        (Pair(Flown, pb.Delivery, theirs=("name", "phone", "country")), "city"),
    ],
)
def test_a_field_of_one_side_only_is_a_mismatch(pair: Pair, field: str) -> None:
    with pytest.raises(Mismatch, match=f"differ in .*{field}"):
        Messages(pair).check()


def test_a_member_that_the_contract_lacks_is_a_mismatch() -> None:
    others = tuple(field.name for field in pb.Delivery.DESCRIPTOR.fields if field.name != "wish")
    with pytest.raises(Mismatch, match="DeliveryWish has no BY_BALLOON"):
        Messages(Pair(Flown, pb.Delivery, theirs=others)).check()


def test_an_exception_lets_a_field_stay_on_its_side() -> None:
    table = Messages(Pair(Colourful, pb.Remark, ours=("colour",)))
    sent = table.to_message(Colourful("R", "ann", "phone", "Hello", 5, "red"), pb.Remark)
    assert sent == pb.Remark(remark_id="R", author="ann", channel="phone", text="Hello", at_ms=5)
    assert table.from_message(sent, Colourful).colour == "blue"
    assert table.from_message(sent, Colourful, colour="red").colour == "red"


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Article, catalogue_pb2.Article),
        (Warehouse, catalogue_pb2.Warehouse),
        (Place, catalogue_pb2.Place),
        (Delivery, pb.Delivery),
    ],
)
def test_a_value_comes_back_as_it_was_sent(kind: Any, message: Any) -> None:
    for seed in range(200):
        value = made(kind, random.Random(seed))
        sent = message.FromString(ORDERS.to_message(value, message).SerializeToString())
        assert ORDERS.from_message(sent, kind) == value


def test_an_order_as_it_was_sent_comes_back_with_its_tenant() -> None:
    for seed in range(200):
        wanted = made(PlaceOrder, random.Random(seed))
        sent = ORDERS.to_message(wanted, pb.PlaceOrderRequest)
        assert sent.tenant == ""
        assert ORDERS.from_message(sent, PlaceOrder, tenant=wanted.tenant) == wanted


def test_the_sdk_reads_a_reservation_as_the_engine_has_it() -> None:
    for seed in range(200):
        held = made(engine_model.Reservation, random.Random(seed))
        read = holdfast.wire.value_of(
            server.wire.reservation("shop", held), holdfast.types.Reservation
        )
        assert (read.tenant, read.state) == ("shop", held.state)
        for ours, theirs in zip(read.lines, held.lines, strict=True):
            for name in theirs.__struct_fields__:
                assert getattr(ours, name) == getattr(theirs, name)


def test_a_whole_order_is_on_the_wire() -> None:
    for seed in range(200):
        chance = random.Random(seed)
        parts = {kind: [made(kind, chance)] for kind in PART_KINDS if chance.random() < 0.7}
        order = made(Order, chance, parts=parts)
        sent = ORDERS.to_message(order, pb.Order)
        assert pb.Order.State.Name(sent.state) == order.state
        assert pb.OrderSource.Name(sent.source) == f"ORDER_SOURCE_{order.source}"
        assert sent.HasField("amounts")
        assert [line.sku for line in sent.lines] == [line.sku for line in order.lines]
        assert [part.lines[0].sku for part in sent.shipments if part.lines] == [
            part.lines[0].sku for part in order.shipments if part.lines
        ]


def test_no_state_before_is_an_empty_one() -> None:
    entry = made(HistoryEntry, random.Random(1), event=None, from_state=None, machine="order")
    sent = ORDERS.to_message(entry, pb.TimelineEntry)
    assert (sent.subject, sent.event, sent.from_state) == ("order", "", "")


def test_a_limit_of_nothing_is_a_limit() -> None:
    cold = Article("SKU", "merchant-1", "Ice", 5, "CNY", temperature_max_millicelsius=0)
    sent = ORDERS.to_message(cold, catalogue_pb2.Article)
    assert sent.HasField("temperature_max_millicelsius")
    assert not sent.HasField("temperature_min_millicelsius")
    assert ORDERS.from_message(sent, Article) == cold


def test_what_is_not_set_is_the_default() -> None:
    assert ORDERS.from_message(pb.Delivery(), Delivery).wish is DeliveryWish.CHEAPEST
    engine = server.wire.MESSAGES
    asked = inventory_pb.SetStockRequest(sku="SKU", on_hand=3)
    assert engine.from_message(asked, engine_model.SetStock) == engine_model.SetStock("SKU", 3)


def test_a_number_that_we_do_not_know_is_named_with_its_path() -> None:
    request = pb.PlaceOrderRequest(source=pb.ORDER_SOURCE_WEB, delivery=pb.Delivery(wish=9))  # type: ignore[arg-type]
    with pytest.raises(UnknownNumber) as caught:
        ORDERS.from_message(request, PlaceOrder, tenant="shop")
    assert (caught.value.field, caught.value.number) == ("delivery.wish", 9)
    assert caught.value.names == ["DELIVERY_WISH_CHEAPEST", "DELIVERY_WISH_FASTEST"]
