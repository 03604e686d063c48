"""Money that carriers collect for orders that were closed: all of it goes back (O3, O10, P3)."""

from functools import partial

import pytest

from order_service.audit.case import Case, judge
from order_service.audit.money import RULES as MONEY_RULES
from order_service.order.model import Order
from order_service.order.records import TrackingKind
from order_service.order.states import OrderState, PaymentState, RefundState
from order_service.payment.facts import resolve_quarantined
from tests.order_service.clock import START_MS
from tests.order_service.fulfilment.parcels import (
    ON_DELIVERY,
    carrier_reports,
    cash,
    decided,
    paid_at_the_door,
    refunded,
    shipped_order,
)

TOTAL_MINOR = 2_000
SIGNED = TrackingKind.SIGNED


def assert_all_goes_back(order: Order, amount_minor: int) -> None:
    """Nothing is kept of what was collected; a person sends it back."""
    (payment,) = order.payments
    assert order.state is OrderState.CANCELLED
    assert payment.state is PaymentState.CAPTURED
    assert (payment.captured_minor, payment.refunded_minor) == (amount_minor, amount_minor)
    assert {refund.state for refund in order.refunds} == {RefundState.REQUESTED}


def test_what_was_collected_for_one_parcel_goes_back_when_no_parcel_arrived() -> None:
    order = shipped_order(**ON_DELIVERY, payments=[cash(TOTAL_MINOR)])
    paid_at_the_door(order, order.shipments[0], 1_400)
    for parcel in order.shipments:
        refunded(order, parcel)
    assert_all_goes_back(order, 1_400)


def test_what_is_collected_after_the_order_was_cancelled_goes_back_parcel_by_parcel() -> None:
    order = shipped_order(**ON_DELIVERY, payments=[cash(TOTAL_MINOR)])
    for parcel in order.shipments:
        refunded(order, parcel)
    assert order.payments[0].state is PaymentState.ABANDONED
    paid_at_the_door(order, order.shipments[0], 1_400)
    assert_all_goes_back(order, 1_400)
    paid_at_the_door(order, order.shipments[1], 600)
    assert_all_goes_back(order, TOTAL_MINOR)


def test_what_is_collected_beyond_what_the_order_costs_goes_back() -> None:
    order = shipped_order(**ON_DELIVERY, payments=[cash(TOTAL_MINOR)])
    paid_at_the_door(order, order.shipments[0], TOTAL_MINOR)
    paid_at_the_door(order, order.shipments[1], 600)
    assert order.payments[0].state is PaymentState.CAPTURED
    assert [refund.amount_minor for refund in order.refunds] == [600]


@pytest.mark.parametrize("times", [1, 2])
def test_cash_for_an_order_that_is_paid_by_card_waits_for_a_person(times: int) -> None:
    order = shipped_order()
    first = order.shipments[0]
    carrier_reports(order, first, SIGNED)
    for number in range(times):
        paid_at_the_door(order, first, 500, number)
    card, cash_payment = order.payments
    assert (card.state, cash_payment.state) == (PaymentState.CAPTURED, PaymentState.QUARANTINED)
    assert cash_payment.captured_minor == 500 * times
    case = Case(order, [], START_MS)
    assert [each.detail for each in judge(case, MONEY_RULES)] == []
    back = partial(
        resolve_quarantined, payment_id=cash_payment.payment_id, approve=False, reason="not due"
    )
    decided(order, back)
    assert [refund.amount_minor for refund in order.refunds] == [500 * times]
    paid_at_the_door(order, first, 7, times)
    assert [refund.amount_minor for refund in order.refunds] == [500 * times, 7]
    assert [each.detail for each in judge(Case(order, [], START_MS), MONEY_RULES)] == []
