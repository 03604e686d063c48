"""The review before shipping: every rule, alone and together."""

from collections.abc import Callable, Sequence

import pytest
from msgspec import structs

from order_service.fulfilment.review import ReviewInput, approve, refuse, review
from order_service.fulfilment.review_rules import REVIEW_RULES, ReviewRules, objections_to
from order_service.order.model import Order
from order_service.order.placed import Amounts, Delivery
from order_service.order.records import Review, Verdict
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.states import OrderState, ShipmentState
from order_service.order.tasks import TaskKind
from tests.order_service.fulfilment.parcels import (
    ARTICLES,
    ON_DELIVERY,
    captured,
    cash,
    draft_of,
    paid_order,
    untouched,
)
from tests.order_service.samples import with_values

CLEAN_DELIVERY = Delivery(
    "李娜", "+8613800138000", "CN", "200000", "上海市", "上海市", "黄浦区", "南京路1号"
)
CLEAN = ReviewInput(remarks=0, articles=ARTICLES)
WITH_REMARKS = ReviewInput(remarks=2, articles=ARTICLES)


def _cheaper_line(order: Order) -> None:
    order.lines[0].unit_price_minor -= 1


def _less_to_pay(order: Order) -> None:
    order.lines[0].amount_minor -= 1


def _large_coupon(order: Order) -> None:
    order.amounts = structs.replace(order.amounts, coupon_minor=2_000, freight_minor=2_100)


def _other_freight(order: Order) -> None:
    share = structs.replace(order.amounts, freight_minor=90)
    order.sub_orders = (structs.replace(order.sub_orders[0], amounts=share),)


def _other_total(order: Order) -> None:
    order.amounts = structs.replace(order.amounts, tax_minor=1)


def _unpaid(order: Order) -> None:
    with_values(order, payments=[])


def _refunded(order: Order) -> None:
    order.payments[0].refunded_minor = 2_000


def _paid_less(order: Order) -> None:
    with_values(order, payments=[captured(1_999)])


def _refunded_in_part(order: Order) -> None:
    order.payments[0].refunded_minor = 1


def _given_away(order: Order) -> None:
    order.amounts = Amounts(2_100, 200, 1_900, 0, 0, 0)


def _dear_freight(order: Order) -> None:
    order.amounts = structs.replace(order.amounts, freight_minor=21_001)


def _dear_tax(order: Order) -> None:
    order.amounts = structs.replace(order.amounts, tax_minor=21_001)


def _town_of_another_region(order: Order) -> None:
    order.delivery = structs.replace(CLEAN_DELIVERY, city="广州市", district="天河区")


def _no_name(order: Order) -> None:
    order.delivery = structs.replace(CLEAN_DELIVERY, name="测试")


def _held(order: Order) -> None:
    order.held_at_ms = 1


def _street_without_number(order: Order) -> None:
    order.delivery = structs.replace(CLEAN_DELIVERY, street="南京路")


# A change to a clean order, and the rule that it breaks.
BROKEN: list[tuple[Callable[[Order], None], str]] = [
    (_cheaper_line, "price"),
    (_less_to_pay, "discount"),
    (_large_coupon, "coupon"),
    (_other_freight, "freight"),
    (_other_total, "total"),
    (_unpaid, "payment"),
    (_refunded, "payment"),
    (_paid_less, "paid amount"),
    (_refunded_in_part, "paid amount"),
    (_given_away, "reductions"),
    (_dear_freight, "surcharges"),
    (_dear_tax, "surcharges"),
    (_town_of_another_region, "address"),
    (_no_name, "address"),
    (_held, "hold"),
    (_street_without_number, "address doubts"),
]


@pytest.mark.parametrize(
    ("breaking", "rule"), BROKEN, ids=lambda value: getattr(value, "__name__", value)
)
def test_each_rule_finds_what_it_is_for(breaking: Callable[[Order], None], rule: str) -> None:
    order = paid_order(delivery=CLEAN_DELIVERY)
    assert not objections_to(order, remarks=0)
    breaking(order)
    assert rule in {finding.rule for finding in objections_to(order, remarks=0)}


def test_each_rule_is_tested() -> None:
    assert set(REVIEW_RULES) == {rule for _, rule in BROKEN} | {"remarks"}


@pytest.mark.parametrize(("off_minor", "waits"), [(1_050, False), (1_051, True)])
def test_an_order_with_more_than_half_taken_off_waits_for_a_person(
    off_minor: int, waits: bool
) -> None:
    order = paid_order(amounts=Amounts(2_100, 0, off_minor, 0, 0, 2_100 - off_minor))
    found = {objection.rule for objection in objections_to(order, remarks=0)}
    assert ("reductions" in found) == waits


def test_gifts_count_as_taken_off_with_what_they_cost_in_the_catalogue() -> None:
    def found(given: int) -> set[str]:
        order = paid_order()
        order.lines[0].unit_price_minor, order.lines[0].quantity = 0, given
        order.amounts = structs.replace(order.amounts, goods_minor=600, discount_minor=0)
        return {each.rule for each in objections_to(order, 0, articles=ARTICLES)}

    assert "reductions" not in found(given=1)  # 500 of 1,100
    assert "reductions" in found(given=2)  # 1,000 of 1,600


def test_a_shop_says_how_much_may_be_taken_off() -> None:
    order = paid_order(amounts=Amounts(2_100, 0, 2_100, 0, 0, 0))
    given_away = ReviewRules(off_percent_max=100)
    found = {objection.rule for objection in objections_to(order, 0, given_away)}
    assert "reductions" not in found


def test_what_costs_nothing_in_the_catalogue_has_nothing_taken_off() -> None:
    order = paid_order(amounts=Amounts(0, 0, 0, 100, 0, 100))
    found = {objection.rule for objection in objections_to(order, remarks=0)}
    assert not found & {"reductions", "surcharges"}


def test_a_doubt_is_written_down_and_stops_nothing() -> None:
    order = paid_order(delivery=CLEAN_DELIVERY)
    _street_without_number(order)
    draft = draft_of(order)
    review(draft, CLEAN)
    assert (order.state, _verdicts(draft.added)) == (OrderState.IN_FULFILMENT, [Verdict.FLAGGED])
    assert "flagged: the street has no number" in {entry.why for entry in draft.history}


def test_a_clean_order_goes_to_the_warehouse_by_itself() -> None:
    draft = draft_of(paid_order())
    review(draft, CLEAN)
    assert draft.order.state is OrderState.IN_FULFILMENT
    assert _verdicts(draft.added) == []
    assert {shipment.state for shipment in draft.order.shipments} == {ShipmentState.PLANNED}


def test_an_order_with_remarks_waits_until_somebody_has_read_them() -> None:
    draft = draft_of(paid_order())
    review(draft, WITH_REMARKS)
    assert draft.order.state is OrderState.CONFIRMED
    assert not draft.order.shipments
    assert _verdicts(draft.added) == [Verdict.WAITS]
    shipments, replayed = approve(draft, WITH_REMARKS, "gift wrapping is noted")
    assert (len(shipments), replayed) == (2, False)
    assert approve(draft, WITH_REMARKS, "again") == (shipments, True)


def test_an_order_that_was_cancelled_meanwhile_is_left_alone() -> None:
    draft = draft_of(paid_order(state=OrderState.CANCELLED))
    review(draft, CLEAN)
    assert untouched(draft)


def test_nobody_can_let_an_unpaid_order_through() -> None:
    order = paid_order()
    _refunded(order)
    draft = draft_of(order)
    with pytest.raises(Refused, match="nothing is captured"):
        approve(draft, CLEAN, "trust me")
    assert untouched(draft)


def test_an_order_of_which_a_part_was_given_back_waits_until_somebody_lets_it_through() -> None:
    order = paid_order()
    _refunded_in_part(order)
    draft = draft_of(order)
    review(draft, CLEAN)
    assert (order.state, _verdicts(draft.added)) == (OrderState.CONFIRMED, [Verdict.WAITS])
    shipments, _ = approve(draft, CLEAN, "a box was scratched")
    assert len(shipments) == 2


def test_an_order_paid_on_delivery_passes_without_money() -> None:
    order = paid_order(payments=[cash(2_000)], **ON_DELIVERY)
    assert not objections_to(order, remarks=0)


def test_a_refused_order_is_cancelled_and_its_stock_and_money_go_back() -> None:
    draft = draft_of(paid_order())
    assert refuse(draft, WITH_REMARKS, "resold coupon") is False
    order = draft.order
    assert (order.state, order.closed_reason) == (OrderState.CANCELLED, "resold coupon")
    assert [refund.amount_minor for refund in order.refunds] == [2_000]
    assert TaskKind.CANCEL in {task.kind for task in draft.tasks_made}
    assert _verdicts(draft.added) == [Verdict.REFUSED]
    assert refuse(draft, WITH_REMARKS, "resold coupon") is True


def test_an_order_in_the_warehouse_can_no_longer_be_refused_by_review() -> None:
    draft = draft_of(paid_order(state=OrderState.IN_FULFILMENT))
    with pytest.raises(Refused) as refused:
        refuse(draft, CLEAN, "too late")
    assert refused.value.reason is RefusalReason.WRONG_STATE


def _verdicts(rows: Sequence[object]) -> list[Verdict]:
    return [row.verdict for row in rows if isinstance(row, Review)]
