"""Money goes back in full or in part, each key once, and never more than came (P5)."""

import random
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from sqlalchemy import Connection, update

from order_service.order.bounds import BOUNDS
from order_service.order.draft import Draft
from order_service.order.model import Refund
from order_service.order.refusals import Refused
from order_service.order.states import OrderEvent, OrderState, PaymentState, RefundState
from order_service.order.tasks import SendRefund, todos
from order_service.payment.attempts import captured_charge_of
from order_service.payment.facts import collected, learn, resolve_quarantined
from order_service.payment.paying_back import refundable_minor
from order_service.payment.providers.port import Fact, FactKind
from order_service.payment.refund_requests import request_refund
from order_service.payment.refunds import (
    DAY_MS,
    paid_back_by_hand,
    refund_again,
    retry_refund,
    send_back,
)
from order_service.storage.database import RuleHeld
from order_service.storage.schema import payments
from tests.order_service.payment.orders import (
    attempted,
    captured,
    drafted,
    kinds,
    paid_at_the_door,
    unpaid,
)
from tests.order_service.payment.world import World


def paid() -> Draft:
    """An order that 1,100 were paid for."""
    draft = drafted(unpaid())
    learn(draft, "sandbox", captured(attempted(draft)))
    draft.move(draft.order, OrderEvent.STOCK_CONFIRMED)
    return draft


def sent_back(refund: Refund, reference: str = "ref") -> Fact:
    """The provider has sent a refund."""
    return Fact(
        FactKind.REFUNDED, "", reference, refund.amount_minor, "CNY", refund_id=refund.refund_id
    )


def test_a_refund_is_the_callers_key_once() -> None:
    draft = paid()
    (first,), replayed = request_refund(draft, "key", 400, "a scratch")
    assert not replayed
    assert (first.refund_id, first.amount_minor, first.state) == (
        "4330000000000000000-r1",
        400,
        RefundState.REQUESTED,
    )
    (again,), replayed = request_refund(draft, "key", 400, "a scratch")
    assert again is first
    assert replayed
    assert draft.order.payments[0].refunded_minor == 400
    assert kinds(draft.order).count("REFUND") == 1
    with pytest.raises(Refused, match="used before"):
        request_refund(draft, "key", 401, "a scratch")


def test_nothing_said_about_the_amount_means_all_that_is_left() -> None:
    draft = paid()
    request_refund(draft, "first", 400, "")
    (rest,), _ = request_refund(draft, "rest", 0, "")
    assert rest.amount_minor == 700
    for key, amount_minor in (("more", 1), ("none", 0)):
        with pytest.raises(Refused, match="more than the 0"):
            request_refund(draft, key, amount_minor, "")


@given(amounts=st.lists(st.integers(1, 700), max_size=12), seed=st.integers(0, 100))
@settings(deadline=None, max_examples=100)
def test_no_sequence_of_refunds_takes_more_than_was_captured(amounts: list[int], seed: int) -> None:
    draft, chance = paid(), random.Random(seed)
    (payment,) = draft.order.payments
    for number, amount_minor in enumerate(amounts):
        before_minor = payment.refunded_minor
        try:
            made, _ = request_refund(draft, f"key-{number}", amount_minor, "")
        except Refused:
            assert amount_minor > 1_100 - before_minor
            assert payment.refunded_minor == before_minor
            continue
        assert payment.refunded_minor == before_minor + amount_minor
        if chance.random() < 0.5:
            learn(draft, "sandbox", sent_back(made[0]))
    assert payment.refunded_minor <= payment.captured_minor
    assert refundable_minor(draft.order) == 1_100 - payment.refunded_minor
    everything_is_back = all(refund.state is RefundState.DONE for refund in draft.order.refunds)
    returned = payment.state is PaymentState.RETURNED
    assert returned == (payment.refunded_minor == 1_100 and everything_is_back)


def test_a_refund_takes_from_as_many_payments_as_it_needs() -> None:
    draft = paid()
    second = attempted_again(draft)
    made, _ = request_refund(draft, "all", 1_500, "")
    assert [(refund.payment_id, refund.amount_minor, refund.refund_key) for refund in made] == [
        ("4330000000000000000-p1", 1_100, "all"),
        (second, 400, "all/2"),
    ]
    again, replayed = request_refund(draft, "all", 1_500, "")
    assert (again, replayed) == (made, True)


def attempted_again(draft: Draft) -> str:
    """A second payment that a person has approved."""
    draft.order.state = OrderState.AWAITING_PAYMENT
    payment = attempted(draft, "try-2")
    learn(draft, "sandbox", captured(payment, 900))
    payment.state = PaymentState.CAPTURED
    draft.order.state = OrderState.CONFIRMED
    return payment.payment_id


def test_all_of_it_back_ends_the_payment() -> None:
    draft = paid()
    (refund,), _ = request_refund(draft, "key", 0, "")
    learn(draft, "sandbox", sent_back(refund))
    learn(draft, "sandbox", sent_back(refund))
    assert draft.order.payments[0].state is PaymentState.RETURNED
    assert "REFUND" not in kinds(draft.order)
    draft.finish()  # a sold order may have all of its money back


def test_a_refused_refund_waits_for_a_person_and_can_be_tried_again() -> None:
    draft = paid()
    (refund,), _ = request_refund(draft, "key", 100, "")
    learn(draft, "sandbox", Fact(FactKind.REFUND_FAILED, "", refund_id=refund.refund_id))
    assert refund.state == "FAILED"
    assert refundable_minor(draft.order) == 1_000
    request_refund(draft, "key", 100, "")
    assert refund.state == "REQUESTED"
    assert "REFUND" in kinds(draft.order)


def refused(refund: Refund, reference: str = "") -> Fact:
    """The provider would not send a refund."""
    return Fact(FactKind.REFUND_FAILED, "", reference, refund_id=refund.refund_id)


def attempts(draft: Draft) -> list[int]:
    """The attempts at refunds that are to be made."""
    return [todo.payload.attempt for todo in todos(draft.order, SendRefund)]


def test_an_automatic_refund_that_was_refused_is_tried_again_by_its_id() -> None:
    draft = paid()
    draft.finish()
    send_back(draft, draft.order.payments[0], 100, "paid twice")
    (refund,) = draft.order.refunds
    learn(draft, "sandbox", refused(refund))
    assert attempts(draft) == []
    assert retry_refund(draft, refund.refund_id) == (refund, False)
    assert refund.state is RefundState.REQUESTED
    (attempt,) = attempts(draft)
    assert attempt > 0
    assert retry_refund(draft, refund.refund_id) == (refund, True)
    assert attempts(draft) == [attempt]
    learn(draft, "sandbox", sent_back(refund))
    assert retry_refund(draft, refund.refund_id) == (refund, True)
    assert draft.order.refunds[0].state == "DONE"
    with pytest.raises(Refused, match="no refund"):
        retry_refund(draft, "4330000000000000000-r9")


def test_every_attempt_at_a_refund_has_a_greater_number() -> None:
    draft = paid()
    (refund,), _ = request_refund(draft, "key", 100, "")
    numbers = attempts(draft)
    for _ in range(3):
        learn(draft, "sandbox", refused(refund))
        draft.finish()
        draft = drafted(draft.order)
        request_refund(draft, "key", 100, "")
        numbers += attempts(draft)
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 4


def test_what_comes_late_of_a_refused_attempt_does_not_end_the_next_one() -> None:
    draft = paid()
    (refund,), _ = request_refund(draft, "key", 100, "")
    learn(draft, "sandbox", refused(refund, "re_1"))
    retry_refund(draft, refund.refund_id)
    ((task, again),) = todos(draft.order, SendRefund)
    learn(draft, "sandbox", refused(refund, "re_1"))
    assert refund.state is RefundState.REQUESTED
    # The provider takes its time: the attempt that is asked about later is the same.
    learn(draft, "sandbox", Fact(FactKind.OPEN, "", "re_2", refund_id=refund.refund_id))
    draft.send(again, draft.now_ms + 1)
    draft.done(task)
    assert attempts(draft) == [again.attempt]
    learn(draft, "sandbox", refused(refund, "re_1"))
    assert (refund.state, refund.provider_ref) == (RefundState.REQUESTED, "re_2")
    learn(draft, "sandbox", refused(refund, "re_2"))
    assert draft.order.refunds[0].state == "FAILED"
    assert attempts(draft) == []


@pytest.mark.parametrize(
    ("amount_minor", "currency"), [(1, "CNY"), (100, "JPY"), (101, "CNY"), (0, "CNY")]
)
def test_a_refund_of_another_sum_waits_for_a_person(amount_minor: int, currency: str) -> None:
    draft = paid()
    (refund,), _ = request_refund(draft, "key", 100, "")
    other = structs.replace(sent_back(refund), amount_minor=amount_minor, currency=currency)
    for _ in range(2):
        learn(draft, "sandbox", other)
        assert draft.order.refunds[0].state is RefundState.FAILED
    assert (refund.sent_minor, refund.sent_currency) == (amount_minor, currency)
    assert kinds(draft.order).count("REFUND") == 0
    # It is not sent once more, whoever asks: some of it is gone already.
    request_refund(draft, "key", 100, "")
    with pytest.raises(Refused, match="see to the rest"):
        retry_refund(draft, refund.refund_id)
    assert paid_back_by_hand(draft, refund.refund_id, "the rest by transfer") == (refund, False)
    learn(draft, "sandbox", structs.replace(other, provider_ref="later"))
    assert draft.order.refunds[0].state is RefundState.DONE


def test_the_right_sum_ends_a_refund_of_which_another_was_said() -> None:
    draft = paid()
    (refund,), _ = request_refund(draft, "key", 100, "")
    learn(draft, "sandbox", structs.replace(sent_back(refund), amount_minor=1))
    learn(draft, "sandbox", sent_back(refund))
    assert refund.state is RefundState.DONE
    learn(draft, "sandbox", structs.replace(sent_back(refund), amount_minor=1))
    assert draft.order.refunds[0].state is RefundState.FAILED


def test_who_says_no_sum_sends_what_was_asked_for() -> None:
    draft = paid()
    (refund,), _ = request_refund(draft, "key", 100, "")
    learn(draft, "sandbox", Fact(FactKind.REFUNDED, "", "ref", refund_id=refund.refund_id))
    assert refund.state is RefundState.DONE


@pytest.mark.parametrize("reference", ["ref", "another", ""])
def test_a_refund_that_comes_back_from_the_buyers_bank_waits_for_a_person(reference: str) -> None:
    draft = paid()
    (refund,), _ = request_refund(draft, "key", 0, "")
    learn(draft, "sandbox", sent_back(refund))
    payment = draft.order.payments[0]
    assert payment.state is PaymentState.RETURNED
    learn(draft, "sandbox", refused(refund, reference))
    assert refund.state is RefundState.FAILED
    assert (payment.refunded_minor, refundable_minor(draft.order)) == (1_100, 0)
    draft.finish()
    assert retry_refund(draft, refund.refund_id) == (refund, False)
    assert len(attempts(draft)) == 1
    learn(draft, "sandbox", sent_back(refund, "ref-2"))
    assert draft.order.refunds[0].state is RefundState.DONE
    draft.finish()


def test_that_a_refund_failed_is_the_last_word_on_its_attempt() -> None:
    draft = paid()
    (refund,), _ = request_refund(draft, "key", 100, "")
    learn(draft, "sandbox", refused(refund, "re_1"))
    learn(draft, "sandbox", sent_back(refund, "re_1"))
    assert refund.state is RefundState.FAILED
    retry_refund(draft, refund.refund_id)
    learn(draft, "sandbox", sent_back(refund, "re_2"))
    for late in (refused(refund, "re_1"), sent_back(refund, "re_1")):
        learn(draft, "sandbox", late)
        assert draft.order.refunds[0].state is RefundState.DONE


def test_what_a_person_has_paid_back_does_not_come_back() -> None:
    draft = paid()
    (refund,), _ = request_refund(draft, "key", 100, "")
    learn(draft, "sandbox", refused(refund))
    paid_back_by_hand(draft, refund.refund_id, "bank transfer")
    learn(draft, "sandbox", refused(refund, "re_1"))
    learn(draft, "sandbox", sent_back(refund, "re_2"))
    assert refund.state is RefundState.DONE
    assert any("as well" in entry.why for entry in draft.history)


def test_a_refund_that_stays_open_at_its_provider_is_a_persons_after_two_weeks() -> None:
    draft = paid()
    (refund,), _ = request_refund(draft, "key", 100, "")
    ((task, payload),) = todos(draft.order, SendRefund)
    days: set[int] = set()
    while not task.dead:
        draft.done(task)
        refund_again(draft, task, refund.refund_id)
        ((task, again),) = todos(draft.order, SendRefund)
        assert again == payload
        draft.now_ms = task.due_at_ms
        days.add((draft.now_ms - refund.created_at_ms) // DAY_MS)
    assert (max(days), len(days)) == (15, 16)
    assert task.last_error == "sandbox has not sent it back yet"
    # Whoever looks into it has it asked about once more, or says how it went back.
    assert retry_refund(draft, refund.refund_id) == (refund, False)
    assert retry_refund(draft, refund.refund_id) == (refund, True)
    ((task, again),) = todos(draft.order, SendRefund)
    assert (again, task.dead) == (payload, False)
    draft.done(task)
    assert paid_back_by_hand(draft, refund.refund_id, "by transfer") == (refund, False)
    assert todos(draft.order, SendRefund) == []


def test_callers_make_a_bounded_number_of_refunds_and_ours_go_back_all_the_same() -> None:
    draft = paid()
    most = BOUNDS[Refund].most
    for number in range(most):
        request_refund(draft, f"key-{number}", 1, "")
    with pytest.raises(Refused, match=r"refunds.*refunds_max"):
        request_refund(draft, "more", 1, "")
    assert request_refund(draft, "key-0", 1, "")[1]
    send_back(draft, draft.order.payments[0], 1, "paid twice")
    assert len(draft.order.refunds) == most + 1


def test_a_refund_is_in_the_currency_of_the_money_that_came() -> None:
    draft = drafted(unpaid())
    payment = attempted(draft)
    learn(draft, "sandbox", captured(payment, 5_000, "JPY"))
    resolve_quarantined(draft, payment.payment_id, approve=False, reason="yen")
    (refund,) = draft.order.refunds
    assert (refund.amount_minor, refund.currency) == (5_000, "JPY")
    charge = captured_charge_of(draft.order, payment)
    assert (charge.amount_minor, charge.currency) == (5_000, "JPY")
    learn(draft, "sandbox", structs.replace(sent_back(refund), currency="JPY"))
    assert (refund.state, payment.state) == (RefundState.DONE, PaymentState.RETURNED)


def test_cash_is_not_sent_again_but_paid_back_by_a_person() -> None:
    draft = drafted(unpaid())
    payment = paid_at_the_door(draft)
    collected(draft, 1_100, "CNY", "WB-1", draft.now_ms)
    send_back(draft, payment, 100, "a scratch")
    (refund,) = draft.order.refunds
    learn(draft, "cash", refused(refund))
    with pytest.raises(Refused, match="is of cash"):
        retry_refund(draft, refund.refund_id)
    assert paid_back_by_hand(draft, refund.refund_id, "at the counter") == (refund, False)


def test_what_a_person_sends_back_by_hand_is_done() -> None:
    draft = paid()
    (refund,), _ = request_refund(draft, "key", 100, "")
    with pytest.raises(Refused, match="REQUESTED"):
        paid_back_by_hand(draft, refund.refund_id, "bank transfer")
    learn(draft, "sandbox", Fact(FactKind.REFUND_FAILED, "", refund_id=refund.refund_id))
    assert paid_back_by_hand(draft, refund.refund_id, "bank transfer") == (refund, False)
    assert refund.state is RefundState.DONE
    assert paid_back_by_hand(draft, refund.refund_id, "bank transfer") == (refund, True)


def test_an_order_that_was_not_paid_gives_nothing_back() -> None:
    draft = drafted(unpaid())
    paid_at_the_door(draft)
    with pytest.raises(Refused, match="more than the 0"):
        request_refund(draft, "key", 1, "")


async def test_the_database_refuses_more_than_was_captured(world: World) -> None:
    await world.place()
    await world.pay(await world.begin())
    await world.until_called_back()

    def too_much(connection: Connection) -> None:
        connection.execute(update(payments).values(refunded_minor=1_101))

    with pytest.raises(RuleHeld, match=r"no_more_(goes_back_than_came|is_disputed_than_is_left)"):
        await world.orders.write(too_much)


async def test_a_refund_is_sent_once_however_often_its_answer_is_lost(world: World) -> None:
    await world.place()
    await world.pay(await world.begin())
    await world.until_called_back()
    decide = partial(request_refund, refund_key="key", amount_minor=300, reason="")
    await world.orders.change("4330000000000000000", decide, "test")
    order = await world.order()
    (charge,) = [payment for payment in order.payments if payment.state is PaymentState.CAPTURED]
    from order_service.payment.attempts import charge_of

    for _ in range(3):
        fact = await world.provider.refund(charge_of(order, charge), "4330000000000000000-r1", 300)
        assert fact.kind is FactKind.REFUNDED
    await world.do("REFUND")
    assert world.outside.books.sums()["refunded_minor"] == {"CNY": 300}
    assert (await world.order()).refunds[0].state is RefundState.DONE


async def test_a_refund_that_the_provider_refuses_is_tried_again_when_a_person_asks(
    world: World,
) -> None:
    await world.place()
    await world.pay(await world.begin())
    await world.until_called_back()
    world.misbehave(refuse_refund=1.0, lose=1.0)
    decide = partial(request_refund, refund_key="key", amount_minor=300, reason="")
    await world.orders.change("4330000000000000000", decide, "test")
    await world.do("REFUND")
    assert (await world.order()).refunds[0].state is RefundState.FAILED
    world.misbehave()
    await world.orders.change("4330000000000000000", decide, "test")
    await world.do("REFUND")
    assert (await world.order()).refunds[0].state is RefundState.DONE
    assert world.outside.books.sums()["refunded_minor"] == {"CNY": 300}
