"""The end of placing an order, once the engine has answered for its stock. Pure."""

import random
from copy import deepcopy

import pytest
from msgspec import structs

from order_service.order.draft import Draft
from order_service.order.ids import Ids
from order_service.order.model import Order
from order_service.order.placed import Amounts, ShortagePolicy
from order_service.order.refusals import RefusalReason
from order_service.order.states import OrderState, PaymentState
from order_service.order.tasks import TaskKind
from order_service.payment.methods import GRACE_MS
from order_service.placing.decisions import (
    RESERVE_AGAIN_MS,
    apply_stock_answer,
    new_order,
    record,
    refusal_of,
)
from order_service.placing.reserving import Declined, Reserved, Short, StockAnswer
from order_service.placing.shortage import Shortage, less_claims, plan, units_of
from order_service.placing.sourcing import Origin, Take
from order_service.placing.stock_tasks import stock_confirmed
from order_service.placing.validation import WantedLine, articles_of, checked_fields
from tests.order_service.placing.wanted import ARTICLES, METHODS, amounts, lines, order

NOW_MS = 2_000_000_000_000
EXPIRES_AT_MS = NOW_MS + 1_000_000


def draft_of(quantities: dict[str, int], **values: object) -> Draft:
    """A new order that waits for its stock."""
    request = order(quantities, **values)
    checked = checked_fields(request, METHODS)
    articles = articles_of(request, ARTICLES)
    made = new_order(request, checked, articles, "", "4330000000000000000", NOW_MS)
    draft = Draft(made, "test", NOW_MS, Ids(random.Random(1)))
    draft.begin()
    record(draft, "")
    return next_draft(draft.order)


def next_draft(order: Order, after_ms: int = 0) -> Draft:
    """Another change of an order, so long after it was placed."""
    return Draft(deepcopy(order), "test", NOW_MS + after_ms, Ids(random.Random(2)))


def kinds(draft: Draft) -> list[str]:
    """The kinds of tasks that are still to be done for the order."""
    return [task.kind for task in draft.order.tasks]


def untouched(draft: Draft) -> bool:
    """Whether there is nothing to write."""
    return not (draft.history or draft.added or draft.changed or draft.tasks_made)


def settled(draft: Draft, answer: StockAnswer) -> Order:
    """The order, settled by an answer; its amounts are held against its lines."""
    order = apply_stock_answer(draft, answer, METHODS)
    total = order.amounts
    assert sum(line.quantity * line.unit_price_minor for line in order.lines) == total.goods_minor
    paid = sum(line.amount_minor for line in order.lines)
    assert paid == total.total_minor - total.freight_minor
    for name in Amounts.__struct_fields__:
        shares = (getattr(part.amounts, name) for part in order.sub_orders)
        assert sum(shares) == getattr(total, name)
    return order


def test_a_reserved_order_waits_for_its_payment_until_shortly_before_the_stock_expires() -> None:
    draft = draft_of({"TEA": 2})
    found = settled(draft, Reserved([Take("TEA", 2, "north")], EXPIRES_AT_MS))
    assert found.state is OrderState.AWAITING_PAYMENT
    assert found.payment_due_at_ms == EXPIRES_AT_MS - GRACE_MS
    assert [(line.line_no, line.location) for line in found.lines] == [(1, "north")]
    assert kinds(draft) == [TaskKind.PAYMENT_DUE]
    assert found.tasks[0].due_at_ms == found.payment_due_at_ms


def test_a_line_from_two_warehouses_becomes_two_lines() -> None:
    draft = draft_of({"TEA": 3, "CUP": 1}, amounts=amounts(lines(TEA=3, CUP=1), discount=100))
    takes = [Take("TEA", 1, "north"), Take("TEA", 2, "south"), Take("CUP", 1, "north")]
    found = settled(draft, Reserved(takes, EXPIRES_AT_MS))
    assert [(line.line_no, line.sku, line.quantity, line.location) for line in found.lines] == [
        (1, "TEA", 1, "north"),
        (3, "TEA", 2, "south"),
        (2, "CUP", 1, "north"),
    ]


def with_a_gift(bought: int, given: int, **values: object) -> Draft:
    """A new order of tea, and of tea that is a gift, and of a cup."""
    price = ARTICLES["TEA"].price_minor
    wanted = (
        WantedLine("TEA", given, 0),
        WantedLine("TEA", bought, price),
        WantedLine("CUP", 1, ARTICLES["CUP"].price_minor),
    )
    return draft_of({"TEA": bought}, lines=wanted, amounts=amounts(wanted, freight=100), **values)


def test_an_article_on_two_lines_is_reserved_as_one_and_stays_on_two() -> None:
    draft = with_a_gift(2, 2)
    assert units_of(draft.order) == {"TEA": 4, "CUP": 1}
    takes = [Take("TEA", 3, "north"), Take("TEA", 1, "south"), Take("CUP", 1, "north")]
    found = settled(draft, Reserved(takes, EXPIRES_AT_MS))
    placed = [
        (line.line_no, line.sku, line.quantity, line.amount_minor, line.location)
        for line in found.lines
    ]
    assert placed == [
        (1, "TEA", 2, 0, "north"),
        (2, "TEA", 1, 500, "north"),
        (4, "TEA", 1, 500, "south"),
        (3, "CUP", 1, 2_000, "north"),
    ]


def test_of_two_lines_the_dearer_has_what_there_is() -> None:
    draft = with_a_gift(2, 2, shortage_policy=ShortagePolicy.SHIP_AVAILABLE)
    takes = [Take("TEA", 3, "north"), Take("CUP", 1, "north")]
    found = settled(draft, Reserved(takes, EXPIRES_AT_MS))
    kept = [(line.quantity, line.unit_price_minor) for line in found.lines]
    assert kept == [(1, 0), (2, 500), (1, 2_000)]
    assert found.amounts.goods_minor == 3_000


def test_cash_on_delivery_is_confirmed_at_once() -> None:
    draft = draft_of({"TEA": 2}, payment_method="cash_on_delivery")
    found = settled(draft, Reserved([Take("TEA", 2, "north")], EXPIRES_AT_MS))
    assert found.state is OrderState.CONFIRMING
    assert [payment.state for payment in found.payments] == [PaymentState.PENDING]
    assert kinds(draft) == [TaskKind.CONFIRM]


@pytest.mark.parametrize("method", ["cash_on_delivery", "sandbox_card"])
def test_an_order_that_costs_nothing_is_sold_at_once_whatever_it_would_be_paid_with(
    method: str,
) -> None:
    free = amounts(lines(TEA=2), coupon=1_000)
    draft = draft_of({"TEA": 2}, amounts=free, payment_method=method)
    found = settled(draft, Reserved([Take("TEA", 2, "north")], EXPIRES_AT_MS))
    assert found.state is OrderState.CONFIRMING
    assert found.payments == []
    assert kinds(draft) == [TaskKind.CONFIRM]
    confirming = next_draft(found)
    stock_confirmed(confirming)
    confirming.finish()
    assert confirming.order.state is OrderState.CONFIRMED


def test_what_there_is_becomes_the_order_and_its_merchants_shares() -> None:
    wanted = lines(TEA=4, RUG=1)
    draft = draft_of(
        {"TEA": 4, "RUG": 1},
        amounts=amounts(wanted, discount=3_201, coupon=7, freight=100, tax=33),
        shortage_policy=ShortagePolicy.SHIP_AVAILABLE,
    )
    found = settled(draft, Reserved([Take("TEA", 3, "north")], EXPIRES_AT_MS))
    assert [(line.sku, line.quantity, line.sub_order_no) for line in found.lines] == [("TEA", 3, 0)]
    assert [part.merchant_id for part in found.sub_orders] == ["merchant-1"]
    assert found.amounts.goods_minor == 1_500
    assert found.amounts.freight_minor == 100
    assert draft.lines_gone == [2]
    notes = [entry.why for entry in draft.history if entry.event is None]
    assert notes == ["TEA: 3 of 4 units", "RUG: 0 of 1 units"]


SHORT = Short([Shortage("TEA", 2, 1)])


def test_all_or_nothing_is_rejected_and_says_what_was_short() -> None:
    draft = draft_of({"TEA": 2})
    found = settled(draft, SHORT)
    assert found.state is OrderState.REJECTED
    assert found.closed_reason == "OUT_OF_STOCK: TEA: 1 of 2 units"
    assert refusal_of(found) is RefusalReason.OUT_OF_STOCK
    assert kinds(draft) == []


def test_a_rejection_names_some_articles_and_counts_the_others() -> None:
    draft = draft_of({"TEA": 2})
    found = settled(draft, Short([Shortage(f"S{n}", 2, 0) for n in range(200)]))
    assert found.closed_reason.endswith("S2: 0 of 2 units, and 197 more")


def test_an_order_that_waits_joins_the_queue_and_stays_there_while_there_is_too_little() -> None:
    draft = draft_of({"TEA": 2}, shortage_policy=ShortagePolicy.WAIT)
    found = settled(draft, SHORT)
    assert found.state is OrderState.BACKORDERED
    assert kinds(draft) == [TaskKind.WAIT_DUE]
    again = next_draft(found)
    assert settled(again, SHORT).state is OrderState.BACKORDERED
    assert untouched(again)


def test_whose_turn_has_come_waits_for_the_payment() -> None:
    waiting = settled(draft_of({"TEA": 2}, shortage_policy=ShortagePolicy.WAIT), SHORT)
    draft = next_draft(waiting)
    found = settled(draft, Reserved([Take("TEA", 2, "north")], EXPIRES_AT_MS))
    assert found.state is OrderState.AWAITING_PAYMENT
    assert kinds(draft) == [TaskKind.PAYMENT_DUE]


def test_an_order_past_the_buyers_limit_is_rejected_or_leaves_the_queue() -> None:
    limit = Declined(RefusalReason.LIMIT_EXCEEDED, "the limit")
    found = settled(draft_of({"TEA": 2}), limit)
    assert refusal_of(found) is RefusalReason.LIMIT_EXCEEDED
    waiting = settled(draft_of({"TEA": 2}, shortage_policy=ShortagePolicy.WAIT), SHORT)
    draft = next_draft(waiting)
    assert settled(draft, limit).state is OrderState.CANCELLED


def test_an_order_that_was_settled_by_another_is_left_alone() -> None:
    reserved = Reserved([Take("TEA", 2, "north")], EXPIRES_AT_MS)
    draft = next_draft(settled(draft_of({"TEA": 2}), reserved))
    apply_stock_answer(draft, SHORT, METHODS)
    apply_stock_answer(draft, reserved, METHODS)
    assert untouched(draft)


def test_stock_that_was_reserved_for_an_order_that_is_closed_goes_back() -> None:
    rejected = settled(draft_of({"TEA": 2}), SHORT)
    draft = next_draft(rejected)
    apply_stock_answer(draft, Reserved([Take("TEA", 2, "north")], EXPIRES_AT_MS), METHODS)
    assert kinds(draft) == [TaskKind.RELEASE]


def test_closing_an_order_that_others_may_be_reserving_for_gives_back_whatever_they_have() -> None:
    limit = Declined(RefusalReason.LIMIT_EXCEEDED, "the limit")
    new = draft_of({"TEA": 2}).order
    for answer in (SHORT, limit):
        by_its_task = next_draft(new, RESERVE_AGAIN_MS)
        assert settled(by_its_task, answer).state is OrderState.REJECTED
        assert kinds(by_its_task) == [TaskKind.RELEASE]
    waiting = settled(draft_of({"TEA": 2}, shortage_policy=ShortagePolicy.WAIT), SHORT)
    leaves = next_draft(waiting)
    assert settled(leaves, limit).state is OrderState.CANCELLED
    assert kinds(leaves) == [TaskKind.RELEASE]


def test_an_order_that_is_refused_at_once_costs_the_engine_nothing_more() -> None:
    at_once = next_draft(draft_of({"TEA": 2}).order, RESERVE_AGAIN_MS - 1)
    assert settled(at_once, SHORT).state is OrderState.REJECTED
    assert kinds(at_once) == []


def test_an_order_is_planned_by_merchant() -> None:
    found = draft_of({"TEA": 1, "RUG": 1}).order
    stock = {"TEA": {"a": 1}, "RUG": {"a": 0, "b": 1}}
    origins = [Origin("a", 0.0), Origin("b", 1.0)]
    assert plan(found, stock, origins) == [Take("TEA", 1, "a"), Take("RUG", 1, "b")]


def test_a_plan_says_what_is_short_or_what_there_is_as_the_buyer_chose() -> None:
    stock = {"TEA": {"a": 1}}
    origins = [Origin("a", 0.0)]
    found = draft_of({"TEA": 3, "CUP": 1}).order
    assert plan(found, stock, origins) == [Shortage("TEA", 3, 1), Shortage("CUP", 1, 0)]
    takes_what_there_is = structs.replace(found, shortage_policy=ShortagePolicy.SHIP_AVAILABLE)
    assert plan(takes_what_there_is, stock, origins) == [Take("TEA", 1, "a")]
    assert plan(takes_what_there_is, {}, origins) == [Shortage("TEA", 3, 0), Shortage("CUP", 1, 0)]


def test_what_others_have_the_first_claim_to_is_taken_off_the_least_preferred_warehouses() -> None:
    origins = [Origin("near", 0.0), Origin("far", 1.0)]
    stock = {"TEA": {"near": 5, "far": 5, "closed": 9}}
    assert less_claims(stock, {"TEA": 7}, origins) == {"TEA": {"near": 3, "far": 0, "closed": 9}}
