"""Orders over gRPC: placed once, read whole, listed by page (O1, O2, O17)."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import grpc.aio
import pytest

from holdfast.errors import HoldfastError, Reason
from holdfast.order.v1 import order_pb2 as pb
from holdfast.types import State
from tests.order_service.edge.conftest import MUG, MUG_MINOR, TEA, TEA_MINOR, Shop, order_of
from tests.serving import refusal
from tests.waiting import PATIENCE_S


async def test_an_order_is_placed_and_its_stock_is_reserved(shop: Shop) -> None:
    order = await shop.placed()
    assert order.state == pb.Order.AWAITING_PAYMENT
    assert (order.tenant, order.buyer_id, order.currency) == (shop.tenant, "buyer-1", "GBP")
    (line,) = order.lines
    assert (line.sku, line.title, line.quantity) == (MUG, "A mug, blue", 2)
    assert order.delivery.phone == "+442079460000"
    held = await shop.engine.get_reservation(order.order_id)
    assert (held.state, held.lines[0].quantity) == (State.RESERVED, 2)
    assert await shop.client.get(order.order_id) == order


async def test_the_same_order_sent_twice_is_one_order(shop: Shop) -> None:
    first, second = await asyncio.gather(shop.place("key-1"), shop.place("key-1"))
    third = await shop.place("key-1")
    assert len({answer.order.order_id for answer in (first, second, third)}) == 1
    assert sorted((first.replayed, second.replayed)) == [False, True]
    assert third.replayed
    assert (await shop.engine.get_stock(MUG))[0].reserved == 2


async def test_another_order_under_the_same_key_is_refused(shop: Shop) -> None:
    await shop.place("key-1")
    refused = await shop.place("key-1", buyer_id="buyer-2")
    assert refused.outcome == pb.ORDER_OUTCOME_ORDER_KEY_REUSED
    assert "key-1" in refused.detail
    assert not refused.HasField("order")


async def test_orders_of_two_channels_have_keys_of_their_own(shop: Shop) -> None:
    first = await shop.placed(key="91", channel="mall-1")
    second = await shop.placed(key="91", channel="mall-2")
    alone = await shop.placed(key="91")
    assert len({first.order_id, second.order_id, alone.order_id}) == 3
    again = await shop.place("91", channel="mall-1")
    assert (again.replayed, again.order.order_id) == (True, first.order_id)
    assert (again.order.channel, again.order.order_key) == ("mall-1", "91")
    other = await shop.place("91", channel="mall-1", buyer_id="buyer-2")
    assert other.outcome == pb.ORDER_OUTCOME_ORDER_KEY_REUSED
    assert "order_key 91 of WEB mall-1 was used before" in other.detail
    listed = await shop.client.ask(pb.ListOrdersRequest())
    assert [(each.channel, each.order_key) for each in listed.orders] == [
        ("", "91"),
        ("mall-2", "91"),
        ("mall-1", "91"),
    ]


@pytest.mark.parametrize(
    ("typed", "channels"),
    [("91", ["", "mall-2", "mall-1"]), ("91@mall-2", ["mall-2"]), ("91@mall-3", []), ("9", [])],
)
async def test_a_marketplaces_number_finds_its_orders_in_each_channel(
    shop: Shop, typed: str, channels: list[str]
) -> None:
    for channel in ("mall-1", "mall-2", ""):
        await shop.placed(key="91", channel=channel)
    found = (await shop.client.ask(pb.FindOrdersRequest(number=typed))).found
    assert [(each.order.channel, each.by) for each in found] == [
        (channel, "order key") for channel in channels
    ]


async def test_the_answer_says_what_of_the_delivery_does_not_go_together(shop: Shop) -> None:
    delivery = order_of().delivery
    delivery.name, delivery.postcode, delivery.street = "test", "JE2 3AB", "High Street"
    for replayed in (False, True):
        answer = await shop.place("key-1", delivery=delivery)
        assert (answer.outcome, answer.replayed) == (pb.ORDER_OUTCOME_APPLIED, replayed)
        assert list(answer.findings) == [
            "the postcode is of JE, and the country is GB",
            "the receiver's name is hardly one",
            "the street has no number",
        ]
    assert not (await shop.place("key-2")).findings


async def test_an_order_for_more_than_there_is_says_how_much_there_is(shop: Shop) -> None:
    total = 6 * TEA_MINOR
    refused = await shop.place(
        lines=[pb.PlaceOrderLine(sku=TEA, quantity=6, unit_price_minor=TEA_MINOR)],
        amounts=pb.Amounts(goods_minor=total, total_minor=total),
    )
    assert refused.outcome == pb.ORDER_OUTCOME_OUT_OF_STOCK
    assert refused.order.state == pb.Order.REJECTED
    assert refused.detail == "TEA: 5 of 6 units"
    assert list(refused.shortages) == [pb.Shortage(sku=TEA, requested=6, available=5)]


@pytest.mark.parametrize(
    ("policy", "state", "units", "detail"),
    [
        (
            pb.SHORTAGE_POLICY_SHIP_AVAILABLE,
            pb.Order.AWAITING_PAYMENT,
            5,
            "TEA: 5 of 6 units; it is for what there is",
        ),
        (
            pb.SHORTAGE_POLICY_WAIT,
            pb.Order.BACKORDERED,
            6,
            "it waits for stock until {until:%Y-%m-%d %H:%M} UTC: TEA: 5 of 6 units",
        ),
    ],
    ids=str,
)
async def test_an_order_that_gets_less_or_waits_says_what_is_missing(
    shop: Shop,
    policy: "pb.ShortagePolicy.ValueType",
    state: "pb.Order.State.ValueType",
    units: int,
    detail: str,
) -> None:
    total = 6 * TEA_MINOR
    result = await shop.place(
        lines=[pb.PlaceOrderLine(sku=TEA, quantity=6, unit_price_minor=TEA_MINOR)],
        amounts=pb.Amounts(goods_minor=total, total_minor=total),
        shortage_policy=policy,
    )
    assert (result.outcome, result.order.state) == (pb.ORDER_OUTCOME_APPLIED, state)
    assert result.order.amounts.total_minor == units * TEA_MINOR
    assert list(result.shortages) == [pb.Shortage(sku=TEA, requested=6, available=5)]
    until = datetime.fromtimestamp(result.order.waits_until_at_ms / 1_000, UTC)
    assert result.detail == detail.format(until=until)


@pytest.mark.parametrize(
    ("values", "outcome", "detail"),
    [
        (
            {"lines": [pb.PlaceOrderLine(sku="POT", quantity=2, unit_price_minor=MUG_MINOR)]},
            pb.ORDER_OUTCOME_UNKNOWN_ARTICLE,
            "lines[0].sku: the catalogue has no POT",
        ),
        (
            {
                "lines": [pb.PlaceOrderLine(sku=MUG, quantity=2, unit_price_minor=1)],
                "amounts": pb.Amounts(goods_minor=2, total_minor=2),
            },
            pb.ORDER_OUTCOME_PRICE_MISMATCH,
            "lines[0].unit_price_minor",
        ),
        (
            {"amounts": pb.Amounts(goods_minor=2 * MUG_MINOR, total_minor=1)},
            pb.ORDER_OUTCOME_AMOUNT_MISMATCH,
            "amounts.total_minor",
        ),
    ],
)
async def test_a_refusal_is_an_answer_that_says_why(
    shop: Shop, values: dict[str, Any], outcome: "pb.OrderOutcome.ValueType", detail: str
) -> None:
    refused = await shop.place(**values)
    assert (refused.outcome, detail in refused.detail) == (outcome, True)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"source": pb.ORDER_SOURCE_UNSPECIFIED}, "source"),
        ({"source": 99}, "source"),
        ({"order_key": "a key"}, "order_key"),
        ({"order_key": "k" * 65}, "order_key"),
        ({"buyer_id": "b" * 65}, "buyer_id"),
        ({"currency": "gbp"}, "currency"),
        ({"payment_method": "promise"}, "payment_method"),
        ({"shortage_policy": 9}, "shortage_policy"),
        ({"lines": []}, "lines"),
        (
            {"lines": [pb.PlaceOrderLine(sku=MUG, quantity=0, unit_price_minor=1)]},
            "lines[0].quantity",
        ),
        ({"amounts": pb.Amounts(goods_minor=-1)}, "amounts.goods_minor"),
        ({"remark": "r" * 2_001}, "remark"),
        ({"tenant": "a tenant"}, "tenant"),
    ],
    ids=str,
)
async def test_a_field_beyond_its_bounds_is_named(
    shop: Shop, values: dict[str, Any], field: str
) -> None:
    with pytest.raises(HoldfastError) as raised:
        await shop.place(**values)
    assert raised.value.reason is Reason.INVALID_FIELD
    assert raised.value.metadata["field"] == field


@pytest.mark.parametrize("field", ["name", "phone", "postcode", "city", "street", "email"])
async def test_what_is_wrong_with_an_address_never_repeats_it(shop: Shop, field: str) -> None:
    delivery = pb.Delivery()
    delivery.CopyFrom(order_of().delivery)
    typed = "secret\x07" * 40
    setattr(delivery, field, typed)
    with pytest.raises(HoldfastError) as raised:
        await shop.place(delivery=delivery)
    assert raised.value.metadata["field"] == f"delivery.{field}"
    assert "secret" not in str(raised.value) + str(raised.value.metadata)


async def test_an_order_of_another_tenant_does_not_exist(shop: Shop) -> None:
    order = await shop.placed()
    for request in (
        pb.GetOrderRequest(tenant="other", order_id=order.order_id),
        pb.GetTimelineRequest(tenant="other", order_id=order.order_id),
        pb.ListRemarksRequest(tenant="other", order_id=order.order_id),
        pb.GetReceiptRequest(tenant="other", order_id=order.order_id),
        pb.GetOrderRequest(order_id="NEVER-SEEN"),
    ):
        with pytest.raises(HoldfastError) as raised:
            await shop.client.ask(request)
        assert raised.value.reason is Reason.ORDER_NOT_FOUND
        assert raised.value.metadata == {"order_id": request.order_id}
    answer = await shop.client.ask(
        pb.CancelOrderRequest(tenant="other", order_id=order.order_id, reason="mine")
    )
    assert answer.outcome == pb.ORDER_OUTCOME_NOT_FOUND
    assert await shop.client.get(order.order_id) == order


async def test_a_list_is_read_by_page_the_newest_first_each_order_once(shop: Shop) -> None:
    placed = [(await shop.placed()).order_id for _ in range(7)]
    request = pb.ListOrdersRequest(page_size=3)
    pages = [[order.order_id for order in page.orders] async for page in shop.client.pages(request)]
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [order_id for page in pages for order_id in page] == sorted(placed, reverse=True)


async def test_a_page_is_full_to_the_last_order(shop: Shop) -> None:
    for _ in range(2):
        await shop.placed()
    page = await shop.client.ask(pb.ListOrdersRequest(page_size=2))
    assert (len(page.orders), page.next_page_token) == (2, "")


async def test_a_list_is_narrowed_by_buyer_state_source_and_time(shop: Shop) -> None:
    mine = await shop.placed(buyer_id="me")
    theirs = await shop.placed(buyer_id="them", source=pb.ORDER_SOURCE_APP)
    await shop.client.cancel(theirs.order_id, "no longer wanted")

    async def ids(**wanted: object) -> list[str]:
        return [order.order_id async for order in shop.client.list(_wanted(**wanted))]

    assert await ids(buyer_id="me") == [mine.order_id]
    assert await ids(state=pb.Order.CANCELLED) == [theirs.order_id]
    assert await ids(source=pb.ORDER_SOURCE_APP) == [theirs.order_id]
    assert await ids(buyer_id="me", state=pb.Order.CANCELLED) == []
    at_ms = theirs.created_at_ms
    assert await ids(placed_from_at_ms=at_ms + 1) == []
    assert set(await ids(placed_from_at_ms=mine.created_at_ms)) == {mine.order_id, theirs.order_id}
    assert theirs.order_id not in await ids(placed_before_at_ms=at_ms)
    assert theirs.order_id in await ids(placed_before_at_ms=at_ms + 1)


def _wanted(**wanted: object) -> pb.ListOrdersRequest:
    return pb.ListOrdersRequest(**wanted)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.ListOrdersRequest(page_size=1_001), "page_size"),
        (pb.ListOrdersRequest(page_token="no token"), "page_token"),
        (pb.ListOrdersRequest(state=99), "state"),  # type: ignore[arg-type]
        (pb.ListOrdersRequest(source=99), "source"),  # type: ignore[arg-type]
        (pb.ListOrdersRequest(buyer_id="\n"), "buyer_id"),
        (pb.ListOrdersRequest(placed_from_at_ms=-1), "placed_from_at_ms"),
        (pb.GetOrderRequest(order_id=""), "order_id"),
        (pb.GetTimelineRequest(order_id="O", page_token="a.b"), "page_token"),
    ],
    ids=str,
)
async def test_a_read_that_cannot_be_meant_names_its_field(
    shop: Shop, request_: object, field: str
) -> None:
    if isinstance(request_, pb.GetTimelineRequest):
        request_.order_id = (await shop.placed()).order_id
    with pytest.raises(HoldfastError) as raised:
        await shop.client.ask(request_)
    assert (raised.value.reason, raised.value.metadata["field"]) == (Reason.INVALID_FIELD, field)


async def test_bytes_that_are_no_message_are_an_invalid_request(shop: Shop) -> None:
    async with grpc.aio.insecure_channel(shop.target) as channel:
        call = channel.unary_unary("/holdfast.order.v1.OrderService/PlaceOrder")
        error = await refusal(call(b"\xff\xff\xff", timeout=PATIENCE_S))
    assert (error.reason, error.metadata["field"]) == (Reason.INVALID_FIELD, "request")
