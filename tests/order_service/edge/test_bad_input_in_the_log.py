"""Entries of an order's contact log whose ids or texts are those of others, or look like them."""

from holdfast.order.v1 import order_pb2 as pb
from tests.order_service.edge.conftest import Shop, order_of


def remark(order: pb.Order, remark_id: str, text: str) -> pb.AddRemarkRequest:
    return pb.AddRemarkRequest(
        order_id=order.order_id, remark_id=remark_id, author="buyer", channel="WEB", text=text
    )


async def test_the_remark_that_came_with_the_order_is_not_added_again(shop: Shop) -> None:
    order = await shop.placed(remark="Ring twice")
    listed = pb.ListRemarksRequest(order_id=order.order_id)
    (first,) = (await shop.client.ask(listed)).remarks
    again = await shop.client.ask(remark(order, first.remark_id, "Ring twice"))
    assert (again.outcome, again.replayed) == (pb.ORDER_OUTCOME_APPLIED, True)
    other = await shop.client.ask(remark(order, first.remark_id, "Do not ring"))
    assert other.outcome == pb.ORDER_OUTCOME_KEY_REUSED
    assert [entry.text for entry in (await shop.client.ask(listed)).remarks] == ["Ring twice"]


async def test_a_remark_that_looks_like_a_correction_is_none(shop: Shop) -> None:
    order = await shop.placed()
    text = "Delivery corrected, confirmed by the buyer.\nnonsense: x -> -"
    await shop.client.ask(remark(order, "c-1", text))
    correction = pb.CorrectDeliveryRequest(
        order_id=order.order_id,
        correction_id="c-1",
        delivery=order_of().delivery,
        confirmed_by_buyer_via="WEB",
    )
    answer = await shop.client.ask(correction)
    assert answer.outcome == pb.ORDER_OUTCOME_KEY_REUSED
