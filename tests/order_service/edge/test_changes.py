"""Orders over gRPC: cancelled, completed, remarked on, corrected; receipts (O11 to O18)."""

import asyncio
from functools import partial

import pytest

from holdfast.errors import HoldfastError
from holdfast.order.v1 import order_pb2 as pb
from holdfast.types import State
from order_service.order.draft import Draft
from order_service.order.model import Shipment, ShipmentLine
from order_service.order.states import OrderEvent, OrderState, ShipmentEvent, ShipmentState
from order_service.order.tasks import TaskKind
from order_service.payment.attempts import start_payment
from order_service.payment.facts import learn
from order_service.payment.methods import methods_of
from order_service.payment.providers.port import Fact, FactKind
from tests.order_service.edge.conftest import MUG, MUG_MINOR, Shop

TOTAL_MINOR = 2 * MUG_MINOR
# Two hundred calls at once may take their time on a busy machine.
PATIENCE_MS = 60_000


async def pay(shop: Shop, order_id: str) -> None:
    """Has the order paid, as a provider's callback would."""
    begin = partial(
        start_payment, payment_key="try-1", method_name="", methods=methods_of(["sandbox"])
    )
    payment, _ = await shop.orders.change(order_id, begin, "test")
    captured = Fact(FactKind.CAPTURED, payment.payment_id, amount_minor=TOTAL_MINOR, currency="GBP")
    await shop.orders.change(order_id, partial(learn, provider="sandbox", fact=captured), "test")


async def begin_payment(shop: Shop, order_id: str) -> None:
    """Has an attempt to pay begun."""
    begin = partial(
        start_payment, payment_key="try-1", method_name="", methods=methods_of(["sandbox"])
    )
    await shop.orders.change(order_id, begin, "test")


async def tasks_of(shop: Shop, order_id: str) -> set[str]:
    """The kinds of tasks that are still to be done for an order."""
    return {task.kind for task in (await shop.orders.get(order_id)).tasks}


async def test_a_cancelled_order_gives_its_stock_back(shop: Shop) -> None:
    order = await shop.placed()
    result = await shop.client.cancel(order.order_id, "too late", actor="buyer")
    assert (result.outcome, result.replayed) == (pb.ORDER_OUTCOME_APPLIED, False)
    assert (result.order.state, result.order.closed_reason) == (pb.Order.CANCELLED, "too late")
    assert await tasks_of(shop, order.order_id) == {TaskKind.RELEASE}
    again = await shop.client.cancel(order.order_id, "too late")
    assert (again.outcome, again.replayed) == (pb.ORDER_OUTCOME_APPLIED, True)
    entry = [entry async for entry in shop.client.timeline(order.order_id)][-1]
    assert (entry.to_state, entry.actor, entry.why) == ("CANCELLED", "buyer", "too late")


async def test_of_many_who_cancel_and_complete_one_wins_and_all_learn_the_state(shop: Shop) -> None:
    order = await shop.placed()
    answers = await asyncio.gather(
        *(
            shop.client.cancel(order.order_id, f"reason {number}", timeout_ms=PATIENCE_MS)
            for number in range(100)
        ),
        *(shop.client.complete(order.order_id, timeout_ms=PATIENCE_MS) for _ in range(100)),
    )
    cancelled = [answer for answer in answers[:100] if not answer.replayed]
    assert [answer.outcome for answer in cancelled] == [pb.ORDER_OUTCOME_APPLIED]
    assert {answer.order.closed_reason for answer in answers[:100]} == {
        cancelled[0].order.closed_reason
    }
    assert {answer.outcome for answer in answers[100:]} == {pb.ORDER_OUTCOME_WRONG_STATE}


async def test_an_order_that_turns_out_to_be_paid_is_sold_before_it_is_cancelled(
    shop: Shop,
) -> None:
    order = await shop.placed()
    await begin_payment(shop, order.order_id)
    shop.provider.answers = FactKind.CAPTURED
    answer = await shop.client.cancel(order.order_id, "too late")
    assert answer.outcome == pb.ORDER_OUTCOME_UNDER_WAY
    assert answer.order.state == pb.Order.CONFIRMING
    kept = await shop.client.get(order.order_id)
    assert [payment.captured_minor for payment in kept.payments] == [TOTAL_MINOR]


@pytest.mark.parametrize("answers", [None, FactKind.OPEN], ids=["silent", "a bank is at it"])
async def test_an_order_of_a_provider_that_does_not_know_is_not_cancelled(
    shop: Shop, answers: FactKind | None
) -> None:
    order = await shop.placed()
    await begin_payment(shop, order.order_id)
    shop.provider.answers = answers
    request = pb.CancelOrderRequest(order_id=order.order_id, reason="too late")
    assert (await shop.client.ask(request)).outcome == pb.ORDER_OUTCOME_UNDER_WAY
    assert (await shop.client.get(order.order_id)).state == pb.Order.AWAITING_PAYMENT
    assert (await shop.engine.get_reservation(order.order_id)).state is State.RESERVED


async def test_a_cancelled_effective_order_gives_stock_and_money_back(shop: Shop) -> None:
    order = await shop.placed()
    await pay(shop, order.order_id)
    await shop.orders.change(
        order.order_id, lambda draft: draft.move(draft.order, OrderEvent.STOCK_CONFIRMED), "test"
    )
    result = await shop.client.cancel(order.order_id, "changed my mind")
    assert result.order.state == pb.Order.CANCELLED
    assert [refund.amount_minor for refund in result.order.refunds] == [TOTAL_MINOR]
    assert await tasks_of(shop, order.order_id) >= {TaskKind.CANCEL, TaskKind.REFUND}


async def test_only_a_delivered_order_is_completed(shop: Shop) -> None:
    order = await shop.placed()
    refused = await shop.client.complete(order.order_id)
    assert refused.outcome == pb.ORDER_OUTCOME_WRONG_STATE
    assert order.order_id in refused.detail
    assert "AWAITING_PAYMENT" in refused.detail


async def test_a_remark_is_kept_once(shop: Shop) -> None:
    order = await shop.placed(remark="Gift wrap, please")
    request = pb.AddRemarkRequest(
        order_id=order.order_id, remark_id="r-1", author="buyer", channel="phone", text="Ring twice"
    )
    first, second = await shop.client.ask(request), await shop.client.ask(request)
    assert (first.outcome, first.replayed, second.replayed) == (1, False, True)
    assert first.remark == second.remark
    request.text = "Do not ring"
    other = await shop.client.ask(request)
    assert other.outcome == pb.ORDER_OUTCOME_KEY_REUSED
    assert "ring" not in other.detail
    assert [remark.text for remark in await _log(shop, order.order_id)] == [
        "Gift wrap, please",
        "Ring twice",
    ]


async def _log(shop: Shop, order_id: str, page_size: int = 0) -> list[pb.Remark]:
    request = pb.ListRemarksRequest(order_id=order_id, page_size=page_size)
    return [remark async for page in shop.client.pages(request) for remark in page.remarks]


async def test_the_contact_log_is_read_by_page_the_oldest_first(shop: Shop) -> None:
    order = await shop.placed()
    for number in range(5):
        await shop.client.ask(
            pb.AddRemarkRequest(
                order_id=order.order_id,
                remark_id=f"r-{number}",
                author="staff:7",
                channel="note",
                text=f"Call {number}",
            )
        )
    log = await _log(shop, order.order_id, page_size=2)
    assert [remark.text for remark in log] == [f"Call {number}" for number in range(5)]


@pytest.mark.parametrize("field", ["remark_id", "author", "channel", "text"])
async def test_a_remark_needs_all_of_its_fields(shop: Shop, field: str) -> None:
    order = await shop.placed()
    request = pb.AddRemarkRequest(
        order_id=order.order_id, remark_id="r", author="buyer", channel="phone", text="Hello"
    )
    request.ClearField(field)  # type: ignore[arg-type]
    with pytest.raises(HoldfastError) as raised:
        await shop.client.ask(request)
    assert raised.value.metadata["field"] == field


def correction(order: pb.Order, **values: str) -> pb.CorrectDeliveryRequest:
    """A correction of an order's delivery."""
    delivery = pb.Delivery()
    delivery.CopyFrom(order.delivery)
    for name, value in values.items():
        setattr(delivery, name, value)
    return pb.CorrectDeliveryRequest(
        order_id=order.order_id,
        correction_id="c-1",
        delivery=delivery,
        actor="staff:7",
        confirmed_by_buyer_via="phone",
    )


async def test_a_correction_says_in_the_log_who_when_and_what(shop: Shop) -> None:
    order = await shop.placed()
    result = await shop.client.ask(correction(order, street="3 High Street"))
    assert (result.outcome, result.order.delivery.street) == (1, "3 High Street")
    (entry,) = await _log(shop, order.order_id)
    assert (entry.author, entry.channel) == ("staff:7", "phone")
    assert "street: 1 High Street -> 3 High Street" in entry.text
    assert entry.at_ms >= order.created_at_ms
    noted = [entry async for entry in shop.client.timeline(order.order_id)][-1]
    assert noted.why == "delivery corrected (street), confirmed by the buyer via phone"


async def test_a_correction_is_made_once(shop: Shop) -> None:
    order = await shop.placed()
    request = correction(order, street="3 High Street")
    await shop.client.ask(request)
    again = await shop.client.ask(request)
    assert (again.outcome, again.replayed) == (1, True)
    other = await shop.client.ask(correction(order, street="5 High Street"))
    assert other.outcome == pb.ORDER_OUTCOME_KEY_REUSED
    assert (await shop.client.get(order.order_id)).delivery.street == "3 High Street"


async def test_remarks_and_corrections_of_an_order_share_their_ids(shop: Shop) -> None:
    order = await shop.placed()
    await shop.client.ask(correction(order, street="3 High Street"))
    answer = await shop.client.ask(
        pb.AddRemarkRequest(
            order_id=order.order_id, remark_id="c-1", author="buyer", channel="phone", text="Hello"
        )
    )
    assert answer.outcome == pb.ORDER_OUTCOME_KEY_REUSED


async def test_a_correction_that_the_buyer_did_not_confirm_is_refused(shop: Shop) -> None:
    order = await shop.placed()
    request = correction(order, street="3 High Street")
    request.confirmed_by_buyer_via = ""
    with pytest.raises(HoldfastError) as raised:
        await shop.client.ask(request)
    assert raised.value.metadata["field"] == "confirmed_by_buyer_via"


async def test_a_correction_to_another_country_is_refused(shop: Shop) -> None:
    order = await shop.placed()
    elsewhere = correction(order, country="IE", postcode="D02 AF30", city="Dublin", region="Dublin")
    with pytest.raises(HoldfastError) as raised:
        await shop.client.ask(elsewhere)
    assert raised.value.metadata["field"] == "delivery.country"


async def test_nothing_is_corrected_once_a_parcel_is_packed(shop: Shop) -> None:
    order = await shop.placed()
    await pay(shop, order.order_id)
    await shop.orders.change(order.order_id, _plan_and_pack, "test")
    refused = await shop.client.ask(correction(order, street="3 High Street"))
    assert refused.outcome == pb.ORDER_OUTCOME_WRONG_STATE
    assert "PACKED" in refused.detail
    assert await _log(shop, order.order_id) == []


def _plan_and_pack(draft: Draft) -> None:
    draft.move(draft.order, OrderEvent.STOCK_CONFIRMED)
    draft.move(draft.order, OrderEvent.REVIEWED)
    shipment = Shipment(
        shipment_id=draft.next_part_id(Shipment),
        order_id=draft.order.order_id,
        sub_order_no=0,
        state=ShipmentState.PLANNED,
        location="default",
        lines=(ShipmentLine(1, MUG, 2),),
        zone="",
        wave_id="",
        carrier="",
        service="",
        waybill="",
        weight_g=0,
        freight_minor=0,
        created_at_ms=draft.now_ms,
        updated_at_ms=draft.now_ms,
    )
    draft.add(shipment)
    draft.move(shipment, ShipmentEvent.PICK)
    draft.move(shipment, ShipmentEvent.PACK)


async def test_a_paid_order_has_a_receipt_which_stays_the_same(shop: Shop) -> None:
    order = await shop.placed()
    refused = await shop.client.receipt(order.order_id)
    assert refused.outcome == pb.ORDER_OUTCOME_WRONG_STATE
    assert "not paid" in refused.detail
    await pay(shop, order.order_id)
    first, *others = await asyncio.gather(*(shop.client.receipt(order.order_id) for _ in range(5)))
    assert first.receipt.amounts.total_minor == TOTAL_MINOR
    assert [line.goods_minor for line in first.receipt.lines] == [TOTAL_MINOR]
    assert "TOTAL GBP" in first.receipt.text
    await shop.orders.change(
        order.order_id, lambda draft: draft.move(draft.order, OrderEvent.STOCK_CONFIRMED), "test"
    )
    await shop.client.cancel(order.order_id, "changed my mind")
    last = await shop.client.receipt(order.order_id)
    assert last.replayed
    assert {answer.receipt.SerializeToString() for answer in (*others, last)} == {
        first.receipt.SerializeToString()
    }


async def test_the_timeline_tells_who_did_what_by_page(shop: Shop) -> None:
    order = await shop.placed()
    await pay(shop, order.order_id)
    await shop.client.ask(correction(order, street="3 High Street"))
    request = pb.GetTimelineRequest(order_id=order.order_id, page_size=2)
    pages = [list(page.entries) async for page in shop.client.pages(request)]
    entries = [entry for page in pages for entry in page]
    assert all(len(page) == 2 for page in pages[:-1])
    assert entries == [entry async for entry in shop.client.timeline(order.order_id)]
    moves = [entry.to_state for entry in entries if entry.subject == "order" and entry.event]
    assert moves == [OrderState.AWAITING_PAYMENT, OrderState.CONFIRMING]
    assert ("payment", "CAPTURED") in {(entry.subject, entry.to_state) for entry in entries}
    assert "High Street" not in str(entries)
