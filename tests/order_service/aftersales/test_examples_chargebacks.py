"""The specification's examples of chargebacks, and what banks say otherwise."""

from itertools import permutations
from typing import Any, Final

import pytest

from order_service.audit.case import Case
from order_service.audit.money import RULES
from order_service.order.chargebacks import Chargeback, ChargebackState
from order_service.order.draft import Draft
from order_service.order.model import Order
from order_service.order.records import MoneyCase, MoneyCaseKind
from order_service.order.refusals import Refused
from order_service.order.states import OrderState, PaymentState
from order_service.payment.facts import learn
from order_service.payment.providers.port import Fact, FactKind
from order_service.payment.refund_requests import Asked, AskedUnits, request_refund
from order_service.payment.refunds import refund_all
from tests.order_service.aftersales.example import f_order
from tests.order_service.fulfilment.parcels import decided

K, S = FactKind, ChargebackState
TOTAL: Final = 15_799


def says(order: Order, kind: FactKind, amount_minor: int = TOTAL, **values: Any) -> None:
    """The provider says something of the dispute of F's payment."""
    payment = order.payments[0]
    about = {"provider_ref": "dp_1", "currency": "CNY", **values}
    fact = Fact(kind, payment.payment_id, amount_minor=amount_minor, **about)
    decided(order, lambda draft: learn(draft, payment.provider, fact))
    assert 0 <= payment.left_minor <= payment.captured_minor


def chargeback_of(order: Order) -> Chargeback:
    """The only chargeback of an order."""
    (found,) = order.parts_of(Chargeback)
    return found


def refund(order: Order, key: str, amount_minor: int = 0, *lines: AskedUnits) -> None:
    """Asks for money of F."""
    asked = Asked(lines)
    decided(order, lambda draft: request_refund(draft, key, amount_minor, "why", asked))


def example_38() -> Order:
    order = f_order()
    refund(order, "first", 5_000)
    says(order, K.DISPUTED)
    return order


def test_example_38_what_went_back_before_is_excess_and_nothing_goes_back_meanwhile() -> None:
    order = example_38()
    found = chargeback_of(order)
    assert (order.payments[0].disputed_minor, found.excess_minor) == (10_799, 5_000)
    with pytest.raises(Refused, match=f"{found.chargeback_id} is NOTICED") as refused:
        refund(order, "second", 1)
    assert refused.value.reason == "UNDER_DISPUTE"
    refund(order, "first", 5_000)
    assert len(order.refunds) == 1


def test_example_56_a_refund_told_of_while_a_chargeback_is_open_is_counted_once() -> None:
    order = example_38()
    (asked,) = order.refunds
    for number in ("re_1", "re_1", "re_other"):
        says(order, K.REFUNDED, 5_000, provider_ref=number, refund_id=asked.refund_id)
    # The bank's money told of as a refund that nobody has asked for.
    says(order, K.REFUNDED, 10_799, provider_ref="re_9", payment_ref="pi_1")
    assert (order.refunded_minor, order.payments[0].disputed_minor) == (5_000, 10_799)
    assert len(order.refunds) == 1


def test_example_57_what_was_won_can_be_refunded() -> None:
    order = example_38()
    says(order, K.DISPUTE_WON)
    refund(order, "b", 0, AskedUnits(2))
    assert (order.payments[0].disputed_minor, len(order.refunds)) == (0, 2)
    assert order.refunded_minor > 5_000


def test_a_lost_chargeback_of_all_takes_every_unit_and_no_more_can_go_back() -> None:
    order = f_order()
    says(order, K.DISPUTED)
    says(order, K.DISPUTE_LOST)
    payment = order.payments[0]
    assert (payment.disputed_minor, payment.refunded_minor) == (0, TOTAL)
    assert payment.state is PaymentState.RETURNED
    assert [line.refunded_minor for line in order.lines] == [10_000, 4_999]
    assert order.freight_refunded_minor == 800
    assert order.state is OrderState.CANCELLED
    with pytest.raises(Refused, match="more than the 0"):
        refund(order, "b", 1)


def test_a_lost_chargeback_of_a_part_is_a_part_of_the_price() -> None:
    order = f_order()
    says(order, K.DISPUTE_LOST, 3_000)
    assert (order.refunded_minor, order.payments[0].left_minor) == (3_000, 12_799)
    refund(order, "rest")
    assert order.refunded_minor == TOTAL


@pytest.mark.parametrize("end", [K.DISPUTE_WON, K.DISPUTE_LOST])
def test_facts_in_any_order_and_twice_come_to_the_same(end: FactKind) -> None:
    for facts in permutations((K.DISPUTED, K.DISPUTE_REVIEWED, end)):
        order = f_order()
        for kind in (*facts, *facts):
            says(order, kind)
        lost = end is K.DISPUTE_LOST
        assert chargeback_of(order).state is (S.LOST if lost else S.WON)
        assert order.refunded_minor == (TOTAL if lost else 0)
        assert order.payments[0].disputed_minor == 0


def test_another_amount_while_it_is_open_is_counted_anew() -> None:
    order = f_order()
    for amount_minor in (4_000, 20_000, 6_000):
        says(order, K.DISPUTED, amount_minor, due_at_ms=9, fee_minor=1_500)
    assert (order.payments[0].disputed_minor, chargeback_of(order).excess_minor) == (6_000, 0)
    assert (chargeback_of(order).due_at_ms, chargeback_of(order).fee_minor) == (9, 1_500)


def test_money_in_another_currency_is_none_of_the_payments() -> None:
    order = f_order()
    says(order, K.DISPUTED, currency="EUR")
    assert (order.payments[0].disputed_minor, chargeback_of(order).excess_minor) == (0, TOTAL)
    says(order, K.DISPUTE_LOST, currency="EUR")
    assert order.refunded_minor == 0


def test_two_chargebacks_of_one_payment_never_take_more_than_is_left() -> None:
    order = f_order()
    says(order, K.DISPUTED, 10_000)
    says(order, K.DISPUTED, 10_000, provider_ref="dp_2")
    assert order.payments[0].disputed_minor == TOTAL
    says(order, K.DISPUTE_LOST, 10_000, provider_ref="dp_2")
    assert (order.payments[0].disputed_minor, order.refunded_minor) == (10_000, 5_799)
    says(order, K.DISPUTE_LOST, 10_000)
    assert order.refunded_minor == TOTAL


def test_a_question_of_a_bank_takes_nothing_and_an_outcome_that_turns_is_a_persons() -> None:
    order = f_order()
    payment = order.payments[0]
    cases: list[MoneyCase] = []

    def says_of(kind: FactKind, amount_minor: int = TOTAL) -> None:
        fact = Fact(kind, payment.payment_id, "dp_1", amount_minor, "CNY")

        def decide(draft: Draft) -> None:
            learn(draft, payment.provider, fact)
            cases.extend(row for row in draft.added if isinstance(row, MoneyCase))

        decided(order, decide)

    says_of(K.DISPUTE_ASKED)
    assert order.parts_of(Chargeback) == []
    says_of(K.DISPUTE_WON)
    says_of(K.DISPUTE_LOST)
    assert (chargeback_of(order).state, order.refunded_minor) == (S.WON, 0)
    assert [case.kind for case in cases] == [MoneyCaseKind.DISPUTED] * 2
    assert len({case.case_id for case in cases}) == 2


def test_what_was_won_of_an_order_that_is_closed_meanwhile_goes_to_its_buyer() -> None:
    order = f_order()
    says(order, K.DISPUTED)
    for line in order.lines:
        line.cancelled = line.quantity
    order.state = OrderState.CANCELLED
    decided(order, lambda draft: refund_all(draft, "cancelled"))
    assert order.refunds == []
    says(order, K.DISPUTE_WON)
    assert order.refunded_minor == TOTAL


@pytest.mark.parametrize("kind", [K.DISPUTED, K.DISPUTE_WON, K.DISPUTE_LOST])
def test_the_audit_finds_nothing_of_a_chargeback_in_any_state_and_tells_of_wrong_books(
    kind: FactKind,
) -> None:
    order = f_order()
    says(order, kind, 4_000)
    rule = next(each for each in RULES if each.name == "disputes_make_up_what_is_disputed")
    case = Case(order, [], order.updated_at_ms)
    assert list(rule.problems(case)) == []
    order.payments[0].disputed_minor += 1
    assert len(list(rule.problems(case))) == 1
