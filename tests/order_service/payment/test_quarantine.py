"""A wrong amount waits for a person, who takes it as it is or sends it back (P3)."""

import pytest

from order_service.order.draft import Draft
from order_service.order.model import Payment
from order_service.order.refusals import Refused
from order_service.order.states import OrderEvent, OrderState, PaymentState
from order_service.payment.facts import learn, resolve_quarantined
from order_service.payment.providers.port import Fact, FactKind
from tests.order_service.payment.orders import attempted, captured, drafted, kinds, unpaid


def short_by_one(currency: str = "CNY") -> tuple[Draft, Payment]:
    """An order of which 1,099 of 1,100 were paid."""
    draft = drafted(unpaid())
    payment = attempted(draft)
    learn(draft, "sandbox", captured(payment, 1_099, currency))
    return draft, payment


def approve(draft: Draft, payment: Payment) -> bool:
    """Takes it as it is; whether it was taken before."""
    return resolve_quarantined(draft, payment.payment_id, approve=True, reason="one cent")[1]


def send_back(draft: Draft, payment: Payment) -> bool:
    """Sends it back; whether it was sent before."""
    return resolve_quarantined(draft, payment.payment_id, approve=False, reason="no")[1]


@pytest.mark.parametrize("state", [OrderState.AWAITING_PAYMENT, OrderState.EXPIRED])
def test_what_is_approved_pays_the_order(state: OrderState) -> None:
    draft, payment = short_by_one()
    draft.order.state = state
    assert not approve(draft, payment)
    assert payment.state is PaymentState.CAPTURED
    assert draft.order.state is OrderState.CONFIRMING
    assert draft.order.refunds == []
    draft.move(draft.order, OrderEvent.STOCK_CONFIRMED)
    draft.finish()
    assert approve(draft, payment)


def test_what_is_approved_for_a_closed_order_goes_back() -> None:
    draft, payment = short_by_one()
    draft.order.state = OrderState.CANCELLED
    approve(draft, payment)
    assert payment.refunded_minor == 1_099
    draft.finish()


def test_what_is_not_taken_goes_back_wholly() -> None:
    draft, payment = short_by_one()
    assert not send_back(draft, payment)
    assert payment.refunded_minor == 1_099
    assert "REFUND" in kinds(draft.order)
    assert send_back(draft, payment)
    with pytest.raises(Refused):
        approve(draft, payment)
    learn(draft, "sandbox", Fact(FactKind.REFUNDED, "", "ref", refund_id="4330000000000000000-r1"))
    assert payment.state is PaymentState.RETURNED
    assert draft.order.state is OrderState.AWAITING_PAYMENT
    draft.finish()


def test_what_comes_after_a_return_goes_back_as_well() -> None:
    draft, payment = short_by_one()
    send_back(draft, payment)
    learn(draft, "sandbox", captured(payment, 1_100))
    assert (payment.state, payment.captured_minor, payment.refunded_minor) == (
        PaymentState.QUARANTINED,
        1_100,
        1_100,
    )
    assert draft.order.state is OrderState.AWAITING_PAYMENT
    for refund in draft.order.refunds:
        learn(draft, "sandbox", Fact(FactKind.REFUNDED, "", "ref", refund_id=refund.refund_id))
    assert payment.state is PaymentState.RETURNED
    assert send_back(draft, payment)
    draft.finish()


def test_what_was_left_of_a_return_can_be_sent_back_but_not_taken() -> None:
    draft, payment = short_by_one()
    send_back(draft, payment)
    payment.captured_minor = 1_100  # as it was written before the rest went back by itself
    with pytest.raises(Refused, match="is QUARANTINED"):
        approve(draft, payment)
    assert not send_back(draft, payment)
    assert payment.refunded_minor == 1_100
    assert send_back(draft, payment)


def test_another_currency_cannot_be_taken_but_can_go_back() -> None:
    draft, payment = short_by_one("USD")
    with pytest.raises(Refused, match="USD cannot pay an order in CNY"):
        approve(draft, payment)
    assert not send_back(draft, payment)


def test_only_what_is_in_quarantine_can_be_resolved() -> None:
    draft = drafted(unpaid())
    payment = attempted(draft)
    for resolve in (approve, send_back):
        with pytest.raises(Refused, match="is PENDING"):
            resolve(draft, payment)
    learn(draft, "sandbox", captured(payment))
    for resolve in (approve, send_back):
        with pytest.raises(Refused, match="is CAPTURED"):
            resolve(draft, payment)
    with pytest.raises(Refused, match="no payment"):
        resolve_quarantined(draft, "4330000000000000000-p9", approve=True, reason="")
