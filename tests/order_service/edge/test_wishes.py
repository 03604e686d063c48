"""A wish to cancel that a silent provider is in the way of: it is kept, and granted later (P2)."""

import asyncio
from functools import partial

import pytest

from holdfast.errors import HoldfastError, Reason
from holdfast.order.v1 import order_pb2 as pb
from holdfast.types import State
from order_service.fulfilment.cancelling import ASK_AGAIN_MS
from order_service.order.draft import Draft
from order_service.order.model import Order, Task
from order_service.order.refusals import Refused
from order_service.order.states import OrderEvent, OrderState
from order_service.order.tasks import TaskKind
from order_service.payment.attempts import start_payment
from order_service.payment.facts import learn
from order_service.payment.methods import methods_of
from order_service.payment.providers.port import Charge, Fact, FactKind
from order_service.placing.stock_tasks import stock_confirmed, stock_lost
from order_service.relay.handler import TryLater
from tests.order_service.edge.conftest import MUG_MINOR, Shop

METHODS = methods_of(["sandbox"])
REASON = "too late"


async def begin_payment(shop: Shop, order_id: str, key: str = "try-1") -> None:
    """Has an attempt to pay begun."""
    begin = partial(start_payment, payment_key=key, method_name="", methods=METHODS)
    await shop.orders.change(order_id, begin, "test")


async def wished(shop: Shop) -> str:
    """An order that is being paid, and to be cancelled; its provider is silent."""
    order = await shop.placed()
    await begin_payment(shop, order.order_id)
    shop.provider.answers = None
    result = await shop.client.cancel(order.order_id, REASON, actor="buyer")
    assert result.outcome == pb.ORDER_OUTCOME_UNDER_WAY
    return order.order_id


async def wishes(shop: Shop, order_id: str) -> list[Task]:
    """The tasks that are to cancel an order."""
    order = await shop.orders.get(order_id)
    return [task for task in order.tasks if task.kind == TaskKind.CANCEL_ORDER]


async def carry_out(shop: Shop, order_id: str) -> Order:
    """Does the task, as the relay does. Raises TryLater."""
    (task,) = await wishes(shop, order_id)
    decide = await shop.cancelling.carry_out(await shop.orders.get(order_id), task)
    assert decide is not None

    def conclude(draft: Draft) -> None:
        draft.done(task)
        decide(draft)

    await shop.orders.change(order_id, conclude, "relay")
    return await shop.orders.get(order_id)


async def moved(shop: Shop, order_id: str, event: OrderEvent) -> None:
    """Has the order moved."""
    await shop.orders.change(order_id, lambda draft: draft.move(draft.order, event), "test")


async def test_an_order_of_a_silent_provider_stays_open_and_is_to_be_cancelled(shop: Shop) -> None:
    order_id = await wished(shop)
    again = await shop.client.cancel(order_id, REASON)
    assert again.outcome == pb.ORDER_OUTCOME_UNDER_WAY
    assert order_id in again.detail
    assert again.order.state == pb.Order.AWAITING_PAYMENT
    order = await shop.orders.get(order_id)
    (task,) = await wishes(shop, order_id)
    assert task.due_at_ms - task.created_at_ms == ASK_AGAIN_MS
    assert TaskKind.PAYMENT_DUE in {task.kind for task in order.tasks}
    assert (await shop.engine.get_reservation(order_id)).state is State.RESERVED
    entries = [entry async for entry in shop.client.timeline(order_id)]
    assert [entry.actor for entry in entries if REASON in entry.why] == ["buyer"]


async def test_it_is_cancelled_as_soon_as_its_provider_says_that_it_was_not_paid(
    shop: Shop,
) -> None:
    order_id = await wished(shop)
    with pytest.raises(TryLater, match="does not say"):
        await carry_out(shop, order_id)
    shop.provider.answers = FactKind.CLOSED
    order = await carry_out(shop, order_id)
    assert (order.state, order.closed_reason) == (OrderState.CANCELLED, REASON)
    kinds = {task.kind for task in order.tasks}
    assert TaskKind.RELEASE in kinds
    assert kinds.isdisjoint({TaskKind.CANCEL_ORDER, TaskKind.PAYMENT_DUE})


async def test_it_is_cancelled_and_its_money_goes_back_if_it_turns_out_to_be_paid(
    shop: Shop,
) -> None:
    order_id = await wished(shop)
    shop.provider.answers = FactKind.CAPTURED
    assert (await carry_out(shop, order_id)).state is OrderState.CONFIRMING
    with pytest.raises(TryLater, match="being confirmed"):
        await carry_out(shop, order_id)
    await moved(shop, order_id, OrderEvent.STOCK_CONFIRMED)
    order = await carry_out(shop, order_id)
    assert order.state is OrderState.CANCELLED
    assert [refund.amount_minor for refund in order.refunds] == [2 * MUG_MINOR]
    assert {TaskKind.CANCEL, TaskKind.REFUND} <= {task.kind for task in order.tasks}


async def test_who_asks_again_when_the_provider_is_back_has_it_cancelled_at_once(
    shop: Shop,
) -> None:
    order_id = await wished(shop)
    shop.provider.answers = FactKind.CLOSED
    again = await shop.client.cancel(order_id, REASON)
    assert (again.outcome, again.order.state) == (pb.ORDER_OUTCOME_APPLIED, pb.Order.CANCELLED)
    assert not await wishes(shop, order_id)


async def test_an_order_that_is_just_being_sold_is_cancelled_once_it_is(shop: Shop) -> None:
    order = await shop.placed()
    await begin_payment(shop, order.order_id)
    shop.provider.answers = FactKind.CAPTURED
    for _ in range(2):
        answer = await shop.client.cancel(order.order_id, REASON)
        assert answer.outcome == pb.ORDER_OUTCOME_UNDER_WAY
        assert answer.order.state == pb.Order.CONFIRMING
        assert "being confirmed" in answer.detail
    assert len(await wishes(shop, order.order_id)) == 1
    await shop.orders.change(order.order_id, stock_confirmed, "test")
    found = await shop.orders.get(order.order_id)
    assert (found.state, found.closed_reason) == (OrderState.CANCELLED, REASON)
    assert [refund.amount_minor for refund in found.refunds] == [2 * MUG_MINOR]
    kinds = {task.kind for task in found.tasks}
    assert {TaskKind.CANCEL, TaskKind.REFUND} <= kinds
    assert kinds.isdisjoint({TaskKind.CANCEL_ORDER, TaskKind.REVIEW})
    again = await shop.client.cancel(order.order_id, REASON)
    assert (again.outcome, again.replayed) == (pb.ORDER_OUTCOME_APPLIED, True)


async def test_a_wish_ends_with_an_order_whose_stock_is_lost(shop: Shop) -> None:
    order = await shop.placed()
    await begin_payment(shop, order.order_id)
    shop.provider.answers = FactKind.CAPTURED
    await shop.client.cancel(order.order_id, REASON)
    await shop.orders.change(order.order_id, partial(stock_lost, why="gone"), "test")
    assert (await shop.orders.get(order.order_id)).state is OrderState.CANCELLED
    assert not await wishes(shop, order.order_id)


async def test_money_that_comes_for_an_expired_order_that_was_to_be_cancelled_goes_back(
    shop: Shop,
) -> None:
    order_id = await wished(shop)
    await moved(shop, order_id, OrderEvent.PAYMENT_OVERDUE)
    order = await carry_out(shop, order_id)
    (payment,) = order.payments
    came = Fact(FactKind.CAPTURED, payment.payment_id, "", payment.amount_minor, order.currency)
    await shop.orders.change(order_id, partial(learn, provider=payment.provider, fact=came), "test")
    order = await shop.orders.get(order_id)
    assert order.state is OrderState.EXPIRED
    assert [refund.amount_minor for refund in order.refunds] == [payment.amount_minor]


async def test_an_order_that_is_to_be_cancelled_is_not_paid_anew(shop: Shop) -> None:
    order_id = await wished(shop)
    with pytest.raises(Refused, match="it is to be cancelled"):
        await begin_payment(shop, order_id, "try-2")


async def test_a_wish_outlives_a_caller_who_does_not_wait_for_a_provider_that_hangs(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(_: Charge) -> Fact:
        await asyncio.Event().wait()
        raise AssertionError

    order = await shop.placed()
    await begin_payment(shop, order.order_id)
    monkeypatch.setattr(shop.provider, "close", hang)
    request = pb.CancelOrderRequest(order_id=order.order_id, reason=REASON)
    with pytest.raises(HoldfastError) as raised:
        await shop.client.ask(request, timeout_ms=500)
    assert raised.value.reason in (Reason.DEADLINE_PASSED, None)
    assert len(await wishes(shop, order.order_id)) == 1


@pytest.mark.parametrize("closed_by", [OrderEvent.PAYMENT_OVERDUE, OrderEvent.CANCEL])
async def test_a_wish_ends_with_the_order(shop: Shop, closed_by: OrderEvent) -> None:
    order_id = await wished(shop)
    await moved(shop, order_id, closed_by)
    before = (await shop.orders.get(order_id)).state
    assert (await carry_out(shop, order_id)).state is before
    assert not await wishes(shop, order_id)
