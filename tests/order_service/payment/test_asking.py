"""Which attempts are asked about before an order is closed (P2)."""

from order_service.order.model import Payment
from order_service.order.states import OrderState
from order_service.order.tasks import PaymentDue, TaskKind
from order_service.payment.asking import (
    ASKED_MAX,
    Answer,
    extension_ms,
    may_still_pay,
    payment_due,
    unanswered,
)
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

HOUR_MS = 3_600_000


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


def test_a_provider_that_stays_silent_at_the_due_time_is_a_persons_after_hours() -> None:
    draft = drafted(unpaid())
    attempted(draft)
    draft.send(PaymentDue(), draft.now_ms)
    begun_at_ms, kept_until_ms = draft.now_ms, draft.now_ms
    for number in range(ASKED_MAX):
        (task,) = [task for task in draft.order.tasks if task.kind == TaskKind.PAYMENT_DUE]
        assert (task.attempts, task.dead) == (number, False)
        draft.now_ms = task.due_at_ms
        assert draft.now_ms <= kept_until_ms  # its stock is kept until then
        kept_until_ms = draft.now_ms + extension_ms(task.attempts)
        draft.done(task)
        payment_due(draft, [], task)
    (task,) = [task for task in draft.order.tasks if task.kind == TaskKind.PAYMENT_DUE]
    assert task.dead
    assert task.last_error == "sandbox does not say whether it was paid"
    assert draft.order.state is OrderState.AWAITING_PAYMENT
    assert extension_ms(task.attempts) == 0
    assert 3 * HOUR_MS < draft.now_ms - begun_at_ms < 6 * HOUR_MS


def test_what_one_provider_says_is_learned_while_another_is_silent() -> None:
    draft = drafted(unpaid())
    first = attempted(draft)
    attempted(draft, "try-2")
    draft.send(PaymentDue(), draft.now_ms)
    (task,) = [task for task in draft.order.tasks if task.kind == TaskKind.PAYMENT_DUE]
    payment_due(draft, [Answer(first.payment_id, "sandbox", captured(first))], task)
    assert draft.order.state is OrderState.CONFIRMING
    assert TaskKind.PAYMENT_DUE not in {task.kind for task in draft.order.tasks}
