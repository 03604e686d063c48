"""Facts of a provider, in any order and any number of times, have one end (P2, P3)."""

import itertools
import random

import pytest

from order_service.order.draft import Draft
from order_service.order.model import Order, Payment
from order_service.order.states import OrderEvent, OrderState, PaymentState
from order_service.order.tasks import PaymentDue
from order_service.payment.attempts import abandon_open
from order_service.payment.facts import UnknownPayment, collected, learn
from order_service.payment.providers.port import Fact, FactKind
from order_service.payment.refunds import refund_all
from tests.order_service.payment.orders import (
    attempted,
    captured,
    drafted,
    kinds,
    paid_at_the_door,
    unpaid,
)


def test_a_captured_payment_makes_the_order_effective() -> None:
    draft = drafted(unpaid())
    draft.send(PaymentDue(), draft.now_ms + 1)
    payment = attempted(draft)
    learn(draft, "sandbox", captured(payment))
    assert payment.state is PaymentState.CAPTURED
    assert draft.order.state is OrderState.CONFIRMING
    assert kinds(draft.order) == ["CONFIRM"]


def test_a_callback_may_overtake_the_answer_that_caused_it() -> None:
    draft = drafted(unpaid())
    payment = attempted(draft)
    payment.state, payment.provider_ref = PaymentState.CREATED, ""
    learn(draft, "sandbox", captured(payment))
    assert payment.state is PaymentState.CAPTURED
    assert payment.provider_ref == "ref-4330000000000000000-p1"


def test_what_is_said_again_changes_nothing() -> None:
    draft = drafted(unpaid())
    payment = attempted(draft)
    learn(draft, "sandbox", captured(payment))
    again = drafted(draft.order)
    for _ in range(100):
        learn(again, "sandbox", captured(payment))
    assert [again.history, again.changed, again.added, again.tasks_made] == [[], {}, [], []]


def test_money_that_comes_late_takes_the_stock_again() -> None:
    draft = drafted(unpaid())
    payment = attempted(draft)
    draft.move(draft.order, OrderEvent.PAYMENT_OVERDUE)
    abandon_open(draft, "the payment was due")
    learn(draft, "sandbox", captured(payment))
    assert draft.order.state is OrderState.CONFIRMING
    assert "CONFIRM" in kinds(draft.order)
    assert draft.order.refunds == []


@pytest.mark.parametrize("end", [OrderState.CANCELLED, OrderState.REJECTED])
def test_money_for_a_closed_order_goes_back_by_itself(end: OrderState) -> None:
    draft = drafted(unpaid())
    payment = attempted(draft)
    draft.order.state = end
    abandon_open(draft, "test")
    learn(draft, "sandbox", captured(payment))
    assert draft.order.state is end
    assert payment.refunded_minor == 1_100
    assert "REFUND" in kinds(draft.order)


def test_a_second_payment_of_an_order_goes_back_wholly() -> None:
    draft = drafted(unpaid())
    first = attempted(draft)
    second = attempted(draft, "try-2")
    learn(draft, "sandbox", captured(second))
    learn(draft, "sandbox", captured(first))
    assert (first.refunded_minor, second.refunded_minor) == (1_100, 0)
    assert draft.order.state is OrderState.CONFIRMING


def test_a_payment_that_is_taken_twice_goes_back_once() -> None:
    draft = drafted(unpaid())
    payment = attempted(draft)
    learn(draft, "sandbox", captured(payment))
    learn(draft, "sandbox", captured(payment, 2_200))
    learn(draft, "sandbox", captured(payment, 2_200))
    assert (payment.captured_minor, payment.refunded_minor) == (2_200, 1_100)


@pytest.mark.parametrize(
    ("amount_minor", "currency"), [(1_099, "CNY"), (1_101, "CNY"), (1, "CNY"), (1_100, "USD")]
)
def test_a_wrong_amount_or_currency_waits_and_moves_nothing(
    amount_minor: int, currency: str
) -> None:
    draft = drafted(unpaid())
    payment = attempted(draft)
    learn(draft, "sandbox", captured(payment, amount_minor, currency))
    assert payment.state is PaymentState.QUARANTINED
    assert draft.order.state is OrderState.AWAITING_PAYMENT
    assert draft.order.refunds == []
    assert "CONFIRM" not in kinds(draft.order)


def test_an_amount_that_ends_up_right_pays_the_order() -> None:
    draft = drafted(unpaid())
    payment = attempted(draft)
    learn(draft, "sandbox", captured(payment, 600))
    assert payment.state == "QUARANTINED"
    learn(draft, "sandbox", captured(payment, 1_100))
    assert payment.state is PaymentState.CAPTURED
    assert draft.order.state is OrderState.CONFIRMING


def test_every_order_of_the_same_facts_ends_alike() -> None:
    def facts(payments: list[Payment]) -> list[Fact]:
        first, second = payments
        return [
            captured(first),
            captured(first, 2_200),
            captured(second),
            Fact(FactKind.DECLINED, first.payment_id),
            Fact(FactKind.CLOSED, second.payment_id),
            Fact(FactKind.OPEN, second.payment_id),
        ]

    def run(order_of_facts: tuple[int, ...]) -> Order:
        draft = drafted(unpaid())
        payments = [attempted(draft), attempted(draft, "try-2")]
        for position in order_of_facts:
            learn(draft, "sandbox", facts(payments)[position])
        return draft.order

    kept = set()
    for order_of_facts in itertools.permutations(range(6)):
        order = run(order_of_facts)
        # Which of the two payments came first pays; the sums are the same in any case.
        kept.add((order.state, order.captured_minor, order.refunded_minor))
    assert kept == {(OrderState.CONFIRMING, 3_300, 2_200)}


@pytest.mark.parametrize("seed", range(20))
def test_facts_of_one_payment_end_alike_in_any_order_and_number(seed: int) -> None:
    chance = random.Random(seed)

    def run(shuffled: bool) -> object:
        draft = drafted(unpaid())
        payment = attempted(draft)
        facts = [captured(payment, amount) for amount in (500, 1_100, 2_200, 3_300)]
        if shuffled:
            facts = chance.choices(facts, k=10) + facts
            chance.shuffle(facts)
        for fact in facts:
            learn(draft, "sandbox", fact)
        return _sums(draft)

    assert run(shuffled=True) == run(shuffled=False)


def _sums(draft: Draft) -> object:
    (payment,) = draft.order.payments
    keys = [refund.refund_key for refund in draft.order.refunds]
    assert len(set(keys)) == len(keys)
    back_minor = sum(refund.amount_minor for refund in draft.order.refunds)
    return (draft.order.state, payment.state, payment.captured_minor, back_minor)


def test_a_fact_about_a_payment_of_another_provider_is_not_believed() -> None:
    draft = drafted(unpaid())
    payment = attempted(draft)
    with pytest.raises(UnknownPayment):
        learn(draft, "stripe", captured(payment))
    with pytest.raises(UnknownPayment):
        learn(draft, "sandbox", Fact(FactKind.CAPTURED, "4330000000000000000-p7", "", 1_100, "CNY"))


def test_cash_at_the_door_pays_an_effective_order_parcel_by_parcel() -> None:
    draft = drafted(unpaid())
    payment = paid_at_the_door(draft)
    draft.move(draft.order, OrderEvent.STOCK_CONFIRMED)
    collected(draft, 600, "CNY", "WB-1", draft.now_ms)
    assert payment.state == "PENDING"
    collected(draft, 500, "CNY", "WB-2", draft.now_ms)
    assert payment.state is PaymentState.CAPTURED
    assert draft.order.state is OrderState.CONFIRMED
    assert draft.order.refunds == []


def test_card_money_for_an_order_that_is_paid_at_the_door_goes_back() -> None:
    draft = drafted(unpaid())
    card = attempted(draft)
    paid_at_the_door(draft)
    learn(draft, "sandbox", captured(card))
    assert card.refunded_minor == 1_100


def test_an_order_that_loses_its_stock_gives_all_money_back() -> None:
    draft = drafted(unpaid())
    payment = attempted(draft)
    learn(draft, "sandbox", captured(payment))
    draft.move(draft.order, OrderEvent.STOCK_LOST)
    refund_all(draft, "out of stock")
    assert payment.refunded_minor == payment.captured_minor == 1_100
