"""A person closes an unpaid order whose payment provider is gone, or silent for good (P2, O14)."""

from functools import partial

import pytest

from order_service.fulfilment.cancelling import Cancelling, cancel_unanswered
from order_service.order.draft import Draft
from order_service.order.model import Refund
from order_service.order.records import MoneyCase, MoneyCaseKind
from order_service.order.states import OrderEvent, OrderState, PaymentState
from order_service.order.tasks import PaymentDue
from order_service.payment.asking import Answer
from order_service.payment.case_list import After, waiting_money
from order_service.payment.facts import learn
from order_service.payment.providers.port import Fact, FactKind
from order_service.storage.orders import Orders
from tests.order_service.payment.orders import attempted, captured, drafted, kinds, unpaid
from tests.order_service.samples import A


def silent() -> Draft:
    """An order that waits for its money, of a provider that says nothing."""
    draft = drafted(unpaid())
    attempted(draft)
    draft.send(PaymentDue())
    return draft


@pytest.mark.parametrize("known", [set(), {"sandbox"}])
def test_it_is_closed_and_what_its_provider_may_take_is_a_case(known: set[str]) -> None:
    draft = silent()
    (payment,) = draft.order.payments
    answers = [Answer(payment.payment_id, "sandbox", None)]
    cancelled = cancel_unanswered(draft, answers, "its provider is gone", known)
    assert (cancelled.refused, draft.order.state) == (None, OrderState.CANCELLED)
    draft.finish()
    (case,) = [row for row in draft.added if isinstance(row, MoneyCase)]
    assert (case.kind, case.payment_id) == (MoneyCaseKind.NOT_CLOSED, payment.payment_id)
    # Only one that is here is asked to close it.
    assert ("CLOSE_PAYMENT" in kinds(draft.order)) == bool(known)
    assert "PAYMENT_DUE" not in kinds(draft.order)
    learn(draft, "sandbox", captured(payment))
    assert [refund.amount_minor for refund in draft.order.parts_of(Refund)] == [1_100]
    again = cancel_unanswered(draft, (), "its provider is gone", known)
    assert again.replayed
    assert len([row for row in draft.added if isinstance(row, MoneyCase)]) == 1


def test_what_its_provider_says_comes_first() -> None:
    draft = silent()
    (payment,) = draft.order.payments
    answers = [Answer(payment.payment_id, "sandbox", Fact(FactKind.CLOSED, payment.payment_id))]
    cancel_unanswered(draft, answers, "a mistake", {"sandbox"})
    assert (draft.order.state, payment.state) == (OrderState.CANCELLED, PaymentState.ABANDONED)
    assert not [row for row in draft.added if isinstance(row, MoneyCase)]
    draft = silent()
    (payment,) = draft.order.payments
    answers = [Answer(payment.payment_id, "sandbox", captured(payment))]
    cancelled = cancel_unanswered(draft, answers, "a mistake", {"sandbox"})
    assert (cancelled.refused is not None, draft.order.state) == (True, OrderState.CONFIRMING)
    assert not [row for row in draft.added if isinstance(row, MoneyCase)]


async def test_without_its_provider_only_force_closes_it(orders: Orders) -> None:
    def wait_for_money(draft: Draft) -> None:
        draft.move(draft.order, OrderEvent.STOCK_RESERVED)
        draft.update(draft.order, payment_due_at_ms=draft.now_ms + 60_000)

    order = unpaid(A, state=OrderState.RESERVING)
    await orders.place(order, lambda _: None, "test")
    now_ms = orders.clock_ms()
    await orders.change(A, wait_for_money, "test")
    await orders.change(A, attempted, "test")
    cancelling = Cancelling(orders, {})
    late = await cancelling.cancel(await orders.get(A), "gone", "staff:7")
    assert late.refused is not None
    closed = await cancelling.cancel(await orders.get(A), "gone", "staff:7", force=True)
    assert (closed.refused, closed.order.state) == (None, OrderState.CANCELLED)
    read = partial(waiting_money, tenant="default", size=9, after=After(), now_ms=now_ms)
    assert [case.kind for case in await orders.read(read)] == [MoneyCaseKind.NOT_CLOSED]
