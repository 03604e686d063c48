"""The specification's examples of the money of cases, under their numbers."""

from typing import Any

import pytest
from msgspec import structs

from order_service.aftersales.policy.clauses import window_name
from order_service.aftersales.policy.deadlines import Pause
from order_service.aftersales.policy.document import DEFAULT
from order_service.aftersales.terms import Terms
from order_service.fulfilment.incidents import report
from order_service.fulfilment.resolving import resolve
from order_service.order.cases import Case, CaseKind, CaseReason, CaseState
from order_service.order.model import IncidentKind, Line, Order
from order_service.order.placed import Amounts, SubOrder
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.states import IncidentEvent
from order_service.payment.refund_requests import Asked, AskedUnits, request_refund
from tests.order_service.aftersales.cases import (
    PICTURE,
    SIGNED_MS,
    asked,
    back,
    f_planned,
    f_received,
    said,
    signed,
)
from tests.order_service.aftersales.example import at_ms, f_shipped
from tests.order_service.fulfilment.parcels import captured, decided

_K, _R, _S = CaseKind, CaseReason, CaseState


def refunded(found: Order, units: dict[int, int]) -> Case:
    """A case of goods at fault whose money goes back."""
    case = asked(found, units, _K.REFUND_ONLY, _R.QUALITY, words=PICTURE).case
    said(found, case, None, SIGNED_MS)
    return case


def of_one_line(quantity: int, amount_minor: int, discount_minor: int = 0) -> dict[str, Any]:
    """The values of an order of one line without freight, as it is paid."""
    goods_minor = amount_minor + discount_minor
    amounts = Amounts(goods_minor, 0, discount_minor, 0, 0, amount_minor)
    line = Line(1, 0, "A", "A thing", quantity, 1, amount_minor, location="default")
    return {
        "amounts": amounts,
        "lines": [line],
        "sub_orders": (SubOrder("4330000000000000000.1", "merchant-1", amounts),),
        "payments": [captured(amount_minor)],
    }


def test_example_41_goods_are_paid_back_once_whoever_asks() -> None:
    found = f_shipped(apart=True)
    decided(found, lambda draft: request_refund(draft, "r-1", 3_333, "goodwill"))
    of_a, of_b = found.shipments
    decided(found, lambda draft: report(draft, of_a.shipment_id, IncidentKind.LOSS, "gone"))
    lost = found.incidents[-1].incident_id
    decided(found, lambda draft: resolve(draft, lost, IncidentEvent.REFUND, "gone"))
    signed(found, of_b.lines[0].sku)
    refunded(found, {2: 1})
    assert back(found)[:2] == [3_333, 7_778]
    assert back(found)[2] - 800 == 3_888
    assert sum(line.refunded_minor for line in found.lines) == 14_999


def test_example_43_the_policy_of_before_judges_an_order_of_before() -> None:
    stricter = structs.replace(
        DEFAULT,
        version=2,
        effective_from_ms=at_ms("03-05"),
        clauses={**DEFAULT.clauses, window_name(_R.NO_REASON): 5},
    )
    terms = Terms(lambda _tenant: (stricter,))
    found = f_received(created_at_ms=at_ms("02-20"))
    taken = asked(found, {1: 1}, _K.RETURN_REFUND, _R.NO_REASON, now_ms=at_ms("03-07"), terms=terms)
    assert taken.case.policy_version == 0


def test_example_47_freight_that_went_back_once_does_not_block_goods() -> None:
    found = f_planned()
    decided(found, lambda draft: request_refund(draft, "r-1", 0, "late", Asked(freight=True)))
    asked(found, {1: 0})
    asked(found, {2: 0})
    assert back(found) == [800, 10_000, 4_999]


def test_example_48_a_coupons_share_stays_where_the_rest_falls_below_its_threshold() -> None:
    found = f_planned(**of_one_line(6, 27_000, 3_000))
    asked(found, {1: 5})
    assert back(found) == [22_500]
    line = found.lines[0]
    assert line.amount_minor - line.refunded_minor == 4_500


def test_example_58_units_one_by_one_come_to_the_amount() -> None:
    found = f_planned(**of_one_line(9, 125_607))
    for _ in range(5):
        asked(found, {1: 1})
    # A line has five cases; the rest is asked for at once by whoever serves the buyer.
    decided(found, lambda draft: request_refund(draft, "rest", 0, "the rest"))
    assert sum(back(found)) == 125_607


def test_example_14_a_pause_moves_the_deadline_by_what_they_have_in_common() -> None:
    pause = Pause(_S.WITH_MERCHANT, at_ms("03-02", "12:00"), at_ms("03-05", "12:00"))
    terms = Terms(pauses=lambda _tenant: (pause,))
    found = f_received()
    case = asked(
        found,
        {1: 1},
        _K.RETURN_REFUND,
        _R.QUALITY,
        now_ms=at_ms("03-02", "09:00"),
        words=PICTURE,
    ).case
    assert terms.deadline_at_ms(found, case) == at_ms("03-07", "09:00")


def test_money_of_units_in_a_case_is_the_cases_to_send_back() -> None:
    found = f_received()
    case = asked(found, {2: 1}, _K.RETURN_REFUND, _R.NO_REASON).case
    asked_for = Asked((AskedUnits(2, 1),))
    with pytest.raises(Refused) as caught:
        decided(found, lambda draft: request_refund(draft, "r-1", 0, "x", asked_for))
    assert caught.value.reason is RefusalReason.UNITS_TAKEN
    assert case.is_open


def test_a_case_of_which_no_money_is_left_is_closed_with_what_took_it() -> None:
    found = f_received()
    waits = asked(found, {2: 1}, _K.RETURN_REFUND, _R.QUALITY, words=PICTURE).case
    decided(found, lambda draft: request_refund(draft, "all", 0, "sorry"))
    assert waits.state is _S.CLOSED
    assert [line.open_units for line in found.lines] == [0, 0]
    assert sum(back(found)) == 15_799
