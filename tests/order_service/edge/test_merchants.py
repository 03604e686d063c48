"""Merchants' parts over gRPC: listed, and cancelled alone."""

from holdfast.order.v1 import order_pb2 as pb
from order_service.order.states import OrderEvent
from order_service.order.tasks import TaskKind
from tests.order_service.edge.conftest import MUG, MUG_MINOR, TEA, TEA_MINOR, Shop
from tests.order_service.edge.test_changes import pay, tasks_of

OF_TWO = {
    "lines": [
        pb.PlaceOrderLine(sku=MUG, quantity=1, unit_price_minor=MUG_MINOR),
        pb.PlaceOrderLine(sku=TEA, quantity=1, unit_price_minor=TEA_MINOR),
        pb.PlaceOrderLine(sku=TEA, quantity=1, unit_price_minor=TEA_MINOR),
    ],
    "amounts": pb.Amounts(
        goods_minor=MUG_MINOR + 2 * TEA_MINOR,
        freight_minor=MUG_MINOR - 2 * TEA_MINOR,
        total_minor=2 * MUG_MINOR,
    ),
}


async def listed(shop: Shop, merchant_id: str) -> list[str]:
    """The orders of a merchant."""
    request = pb.ListOrdersRequest(merchant_id=merchant_id)
    return [order.order_id for order in (await shop.client.ask(request)).orders]


async def test_an_order_is_listed_for_each_merchant_who_has_a_part_of_it(shop: Shop) -> None:
    one = (await shop.placed()).order_id
    both = (await shop.placed(**OF_TWO)).order_id
    lists = [await listed(shop, name) for name in ("merchant-1", "merchant-2", "merchant-3")]
    assert lists == [[both, one], [both], []]


async def test_a_merchants_part_is_cancelled_and_the_order_goes_on(shop: Shop) -> None:
    order_id = (await shop.placed(**OF_TWO)).order_id
    early = await shop.client.cancel(order_id, "sold out", merchant_id="merchant-2")
    assert (early.outcome, early.order.state) == (
        pb.ORDER_OUTCOME_WRONG_STATE,
        pb.Order.AWAITING_PAYMENT,
    )
    assert "fixed until it is paid" in early.detail
    await pay(shop, order_id)
    await shop.orders.change(
        order_id, lambda draft: draft.move(draft.order, OrderEvent.STOCK_CONFIRMED), "test"
    )
    answers = [
        await shop.client.cancel(order_id, "sold out", merchant_id="merchant-2") for _ in range(2)
    ]
    assert [(each.outcome, each.replayed) for each in answers] == [
        (pb.ORDER_OUTCOME_APPLIED, False),
        (pb.ORDER_OUTCOME_APPLIED, True),
    ]
    order = answers[1].order
    assert order.state == pb.Order.CONFIRMED
    assert [line.cancelled for line in order.lines] == [0, 1, 1]
    assert [each.amount_minor for each in order.refunds] == [
        order.sub_orders[1].amounts.total_minor
    ]
    assert TaskKind.CANCEL_PARCEL in await tasks_of(shop, order_id)
    nobody = await shop.client.cancel(order_id, "sold out", merchant_id="nobody")
    assert nobody.outcome == pb.ORDER_OUTCOME_NOT_FOUND
    assert await listed(shop, "merchant-2") == [order_id]
