"""Attempts to pay: one open at a time, each key once, another while the order can be paid (P4)."""

import pytest

from order_service.order.bounds import BOUNDS
from order_service.order.draft import Draft
from order_service.order.model import CASH_ON_DELIVERY, Payment
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.states import OrderState, PaymentState
from order_service.order.tasks import KeepStock, PaymentDue, TaskKind, todos
from order_service.payment.attempts import (
    QUERY_AFTER_MS,
    QUERY_SILENT_MAX,
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


def at(draft: Draft, ms: int, key: str, method: str) -> int:
    """Begins an attempt so long after the order was placed; until when it can be paid, likewise."""
    draft.now_ms = START_MS + ms
    start_payment(draft, key, method, METHODS)
    (due,) = [task for task in draft.order.tasks if task.kind == TaskKind.PAYMENT_DUE]
    assert due.due_at_ms == draft.order.payment_due_at_ms
    return due.due_at_ms - START_MS


def hasty() -> Draft:
    """An order that was placed to be paid in three seconds."""
    due_at_ms = START_MS + METHODS["sandbox_hasty"].due_ms
    draft = drafted(unpaid(payment_method="sandbox_hasty", payment_due_at_ms=due_at_ms))
    draft.send(PaymentDue(), due_at_ms)
    return draft


def test_another_method_has_its_own_time() -> None:
    draft = hasty()
    slow_ms = METHODS["sandbox_transfer"].due_ms
    assert at(draft, 0, "1", "") == 3_000
    assert at(draft, 2_999, "2", "sandbox_transfer") == slow_ms  # from the first attempt on
    (keep,) = todos(draft.order, KeepStock)
    grace_ms = METHODS["sandbox_transfer"].grace_ms
    assert keep.payload.expires_at_ms == START_MS + slow_ms + grace_ms
    card_ms = METHODS[CARD].due_ms
    assert at(draft, 60_000, "3", CARD) == 60_000 + card_ms
    assert at(draft, 61_000, "4", CARD) == 60_000 + card_ms  # once more the same: no more time
    assert at(draft, 62_000, "5", "sandbox_hasty") == 65_000


def test_stock_is_kept_no_longer_than_the_slowest_method_takes_however_often_one_changes() -> None:
    draft = hasty()
    longest_ms = METHODS["sandbox_transfer"].due_ms
    assert at(draft, 0, "0", CARD) == METHODS[CARD].due_ms
    now_ms = 0
    for number in range(1, 15):
        method = ("sandbox_transfer", CARD)[number % 2]
        due_ms = at(draft, now_ms, str(number), method)
        assert due_ms <= longest_ms
        now_ms = due_ms - 1
    assert now_ms == longest_ms - 1


def test_the_same_method_again_has_no_more_time() -> None:
    draft = drafted(unpaid())
    draft.send(PaymentDue(), START_MS + DUE_MS)
    assert at(draft, 0, "1", "") == at(draft, DUE_MS - 1, "2", CARD) == DUE_MS
    assert todos(draft.order, KeepStock) == []


def test_an_order_has_a_bounded_number_of_attempts_and_says_so() -> None:
    draft = drafted(unpaid())
    most = BOUNDS[Payment].most
    for number in range(most):
        start_payment(draft, f"try-{number}", CARD, METHODS)
    with pytest.raises(Refused, match=f"attempts to pay.*{most}.*payment_attempts_max") as refused:
        start_payment(draft, "one-more", CARD, METHODS)
    assert refused.value.reason is RefusalReason.TOO_MANY
    with pytest.raises(Refused, match="payment_attempts_max"):
        start_payment(draft, "door", CASH_ON_DELIVERY, METHODS)
    assert start_payment(draft, "try-0", CARD, METHODS)[1]


def test_an_order_whose_stock_is_being_reserved_is_to_be_paid_in_a_moment() -> None:
    with pytest.raises(Refused) as refused:
        start_payment(drafted(unpaid(state=OrderState.RESERVING)), "try-1", CARD, METHODS)
    assert refused.value.reason is RefusalReason.UNDER_WAY


def test_a_silent_provider_is_asked_so_often_and_then_it_is_a_persons() -> None:
    draft = drafted(unpaid())
    attempted(draft)
    for number in range(QUERY_SILENT_MAX):
        (task,) = [task for task in draft.order.tasks if task.kind == "QUERY_PAYMENT"]
        assert (task.attempts, task.dead) == (number, False)
        query_again(draft, number, task)
    (task,) = [task for task in draft.order.tasks if task.kind == "QUERY_PAYMENT"]
    assert task.dead
    assert "does not answer" in task.last_error
    query_again(draft, 1)
    (task,) = [task for task in draft.order.tasks if task.kind == "QUERY_PAYMENT"]
    assert (task.attempts, task.dead) == (0, False)


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
