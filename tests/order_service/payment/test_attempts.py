"""Attempts to pay: one open at a time, each key once, another while the order can be paid (P4)."""

import pytest

from order_service.order.model import CASH_ON_DELIVERY
from order_service.order.refusals import Refused
from order_service.order.states import OrderState, PaymentState
from order_service.order.tasks import PaymentDue, TaskKind
from order_service.payment.attempts import (
    QUERY_AFTER_MS,
    WATCHED_MS,
    abandon_open,
    accepted,
    query_again,
    start_payment,
)
from order_service.payment.facts import learn
from order_service.payment.providers.port import Fact, FactKind, Started
from tests.order_service.clock import START_MS
from tests.order_service.payment.orders import (
    CARD,
    DUE_MS,
    METHODS,
    attempted,
    drafted,
    kinds,
    unpaid,
)


def test_an_attempt_is_told_to_the_provider_and_asked_for_later() -> None:
    draft = drafted(unpaid())
    payment, replayed = start_payment(draft, "try-1", "", METHODS)
    assert not replayed
    assert (payment.payment_id, payment.amount_minor) == ("4330000000000000000-p1", 1_100)
    assert payment.state == "CREATED"
    assert kinds(draft.order) == ["QUERY_PAYMENT", "START_PAYMENT"]
    accepted(draft, payment.payment_id, Started("ref"))
    assert payment.state is PaymentState.PENDING
    assert kinds(draft.order) == ["QUERY_PAYMENT"]


def test_the_same_key_is_the_same_attempt() -> None:
    draft = drafted(unpaid())
    first, _ = start_payment(draft, "try-1", CARD, METHODS)
    again, replayed = start_payment(draft, "try-1", CARD, METHODS)
    assert again is first
    assert replayed
    with pytest.raises(Refused, match="used before"):
        start_payment(draft, "try-1", "sandbox_transfer", METHODS)


def test_another_method_takes_the_place_of_an_open_attempt() -> None:
    draft = drafted(unpaid())
    first = attempted(draft)
    second = attempted(draft, "try-2", "sandbox_transfer")
    assert first.state is PaymentState.ABANDONED
    assert second.state is PaymentState.PENDING
    assert "CLOSE_PAYMENT" in kinds(draft.order)


def test_a_declined_attempt_does_not_lose_the_order() -> None:
    draft = drafted(unpaid())
    payment = attempted(draft)
    learn(draft, "sandbox", Fact(FactKind.DECLINED, payment.payment_id))
    assert payment.state is PaymentState.DECLINED
    assert draft.order.state is OrderState.AWAITING_PAYMENT
    assert attempted(draft, "try-2").state is PaymentState.PENDING


def test_an_order_can_be_changed_to_cash_on_delivery() -> None:
    draft = drafted(unpaid())
    draft.send(PaymentDue(), START_MS + DUE_MS)
    attempted(draft)
    payment, _ = start_payment(draft, "door", CASH_ON_DELIVERY, METHODS)
    assert payment.state is PaymentState.PENDING
    assert draft.order.state is OrderState.CONFIRMING
    assert kinds(draft.order) == ["CLOSE_PAYMENT", "CONFIRM", "QUERY_PAYMENT"]


@pytest.mark.parametrize("state", [state for state in OrderState if state != "AWAITING_PAYMENT"])
def test_only_an_order_that_waits_for_it_can_be_paid(state: OrderState) -> None:
    with pytest.raises(Refused, match="cannot be paid"):
        start_payment(drafted(unpaid(state=state)), "try-1", CARD, METHODS)


def test_no_attempt_begins_once_the_payment_was_due() -> None:
    start_payment(drafted(unpaid(), START_MS + DUE_MS - 1), "try-1", CARD, METHODS)
    with pytest.raises(Refused, match="was due"):
        start_payment(drafted(unpaid(), START_MS + DUE_MS), "try-1", CARD, METHODS)


def test_an_attempt_that_was_given_up_while_the_provider_was_told_is_closed_there() -> None:
    draft = drafted(unpaid())
    payment, _ = start_payment(draft, "try-1", CARD, METHODS)
    abandon_open(draft, "test")
    draft.forget(TaskKind.CLOSE_PAYMENT)
    accepted(draft, payment.payment_id, Started("ref"))
    assert payment.state is PaymentState.ABANDONED
    assert payment.provider_ref == "ref"
    assert "CLOSE_PAYMENT" in kinds(draft.order)


def test_a_provider_is_asked_at_growing_intervals_until_there_is_nothing_to_learn() -> None:
    draft = drafted(unpaid())
    payment = attempted(draft)
    pauses = []
    for round_no in range(8):
        query_again(draft, round_no)
        (task,) = [task for task in draft.order.tasks if task.kind == "QUERY_PAYMENT"]
        pauses.append(task.due_at_ms - draft.now_ms)
    assert pauses == [*QUERY_AFTER_MS, QUERY_AFTER_MS[-1], QUERY_AFTER_MS[-1]]
    abandon_open(draft, "test")
    draft.now_ms = payment.updated_at_ms + WATCHED_MS - 1
    query_again(draft, 1)
    assert "QUERY_PAYMENT" in kinds(draft.order)
    draft.now_ms += 1
    query_again(draft, 1)
    assert "QUERY_PAYMENT" not in kinds(draft.order)
