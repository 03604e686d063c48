"""Which attempts are asked about before an order is closed (P2)."""

from order_service.order.model import Payment
from order_service.order.tasks import TaskKind
from order_service.payment.asking import Answer, may_still_pay, unanswered
from order_service.payment.attempts import accepted
from order_service.payment.facts import learn
from order_service.payment.providers.port import Fact, FactKind, Started
from tests.order_service.payment.orders import (
    attempted,
    captured,
    drafted,
    paid_at_the_door,
    unpaid,
)


def fact_of(payment: Payment, kind: FactKind) -> Fact:
    """A fact that a provider reports of a payment."""
    return Fact(kind, payment.payment_id)


def test_what_a_provider_may_have_money_for_is_asked_about() -> None:
    draft = drafted(unpaid())
    declined = attempted(draft)
    learn(draft, "sandbox", fact_of(declined, FactKind.DECLINED))
    given_up = attempted(draft, "try-2")
    is_open = attempted(draft, "try-3")
    assert may_still_pay(draft.order) == [declined, given_up, is_open]


def test_what_is_closed_at_its_provider_is_not_asked_about_again() -> None:
    draft = drafted(unpaid())
    attempted(draft)
    second = attempted(draft, "try-2")
    draft.forget(TaskKind.CLOSE_PAYMENT)
    assert may_still_pay(draft.order) == [second]
    learn(draft, "sandbox", fact_of(second, FactKind.CLOSED))
    assert may_still_pay(draft.order) == []
    accepted(draft, second.payment_id, Started("ref"))  # the attempt reached the provider after all
    assert may_still_pay(draft.order) == [second]


def test_what_comes_for_a_paid_order_goes_back_and_is_not_waited_for() -> None:
    draft = drafted(unpaid())
    attempted(draft)
    second = attempted(draft, "try-2")
    learn(draft, "sandbox", captured(second))
    assert may_still_pay(draft.order) == []


def test_cash_is_not_asked_about() -> None:
    draft = drafted(unpaid())
    paid_at_the_door(draft)
    assert may_still_pay(draft.order) == []


def test_an_attempt_is_unanswered_until_its_provider_has_said_what_became_of_it() -> None:
    draft = drafted(unpaid())
    first = attempted(draft)
    second = attempted(draft, "try-2")
    answers = [
        Answer(first.payment_id, "sandbox", None),
        Answer(second.payment_id, "sandbox", fact_of(second, FactKind.CLOSED)),
    ]
    assert unanswered(draft.order, answers) == [first]
    assert unanswered(draft.order, [answers[1]]) == [first]
    answers[0] = Answer(first.payment_id, "sandbox", fact_of(first, FactKind.UNKNOWN))
    assert unanswered(draft.order, answers) == []
