"""The order log and the buyers' plans that the demo makes from a seed."""

import random
from collections import Counter

import pytest

from holdfast.demo.order_log import (
    DemoInputError,
    Order,
    OrderedLine,
    OrderLog,
    ReturnLine,
    initial_stock_units,
)
from holdfast.demo.plan import (
    Buyer,
    Delivery,
    MishapKind,
    Paying,
    Review,
    part_of,
    plan_buyers,
)
from holdfast.demo.synthetic_log import PRICES_MINOR, synthetic_log

ORDERS = 2_000


def made_buyers() -> list[Buyer]:
    return plan_buyers(synthetic_log(random.Random(1), ORDERS), random.Random(1))


def log_of(orders: int, returned: ReturnLine) -> OrderLog:
    made = tuple(
        Order(number, f"o{number}", returned.buyer_id, (OrderedLine("A", 1, 100),))
        for number in range(orders)
    )
    return OrderLog(made, (returned,), {}, {}, orders + 1)


def test_a_seed_makes_the_same_log_and_plans_again() -> None:
    first, again, other = (synthetic_log(random.Random(seed)) for seed in (7, 7, 8))
    assert first == again
    assert first != other
    assert plan_buyers(first, random.Random(1)) == plan_buyers(again, random.Random(1))


def test_a_made_log_has_crowds_for_few_articles_and_accounts_for_its_rows() -> None:
    log = synthetic_log(random.Random(1), ORDERS)
    demand = log.demand_units().most_common()
    assert demand[0][1] > 20 * demand[-1][1]
    assert len({order.buyer_id for order in log.orders}) < len(log.orders)
    assert log.rows == log.line_count() + len(log.returns)
    assert any(len(order.units_by_sku()) < len(order.lines) for order in log.orders)


def test_a_made_return_comes_after_an_order_of_its_buyer() -> None:
    log = synthetic_log(random.Random(1), ORDERS)
    for line in log.returns:
        assert any(
            order.buyer_id == line.buyer_id
            and order.position < line.position
            and order.units_by_sku().get(line.sku, 0) >= line.quantity
            for order in log.orders
        )


def test_an_article_of_a_made_log_has_one_price() -> None:
    log = synthetic_log(random.Random(1), ORDERS)
    prices = {(line.sku, line.price_minor) for order in log.orders for line in order.lines}
    assert len(prices) == len({sku for sku, _ in prices})
    cheapest, dearest = PRICES_MINOR
    assert all(cheapest - 50 <= price <= dearest + 100 for _, price in prices)


def test_every_kind_of_buyer_is_planned() -> None:
    buyers = made_buyers()
    assert {buyer.paying for buyer in buyers} == set(Paying)
    assert {buyer.delivery for buyer in buyers} == set(Delivery)
    assert {buyer.review for buyer in buyers} == set(Review)
    assert {buyer.says_received for buyer in buyers} == {True, False}


def test_a_call_in_seven_or_so_meets_a_mishap() -> None:
    kinds = Counter(mishap.kind for buyer in made_buyers() for mishap in buyer.mishaps)
    assert set(kinds) == set(MishapKind)
    assert 0.80 < kinds[MishapKind.NONE] / kinds.total() < 0.90
    buyer = made_buyers()[0]
    assert buyer.mishap(len(buyer.mishaps)) == buyer.mishap(0)


def test_an_order_that_is_sent_back_later_was_paid_and_shipped() -> None:
    buyers = plan_buyers(log_of(800, ReturnLine(600, "r", "b", "A", 1)), random.Random(1))
    sent_back, others = buyers[:600], buyers[600:]
    assert {(b.paying, b.delivery, b.review) for b in sent_back} == {
        (Paying.AT_ONCE, Delivery.WHOLE, Review.BY_ITSELF)
    }
    assert {b.paying for b in others} == set(Paying)


def test_a_return_without_a_customer_plans_nothing() -> None:
    buyers = plan_buyers(log_of(800, ReturnLine(999, "r", "", "A", 1)), random.Random(1))
    assert {b.paying for b in buyers} == set(Paying)


@pytest.mark.parametrize(
    ("units", "part"),
    [({"A": 5}, {"A": 2}), ({"A": 3, "B": 1}, {"A": 3}), ({"A": 1}, {})],
)
def test_a_part_of_a_parcel_is_some_of_it(units: dict[str, int], part: dict[str, int]) -> None:
    assert part_of(units) == part


@pytest.mark.parametrize(
    ("ratio", "demand", "stock"),
    [(0.8, 5, 4), (0.8, 1, 0), (0.8, 6, 4), (0.29, 100, 29), (1, 7, 7), (1.5, 3, 4), (1e-9, 9, 0)],
)
def test_initial_stock_is_the_ratio_of_the_demand_rounded_down(
    ratio: float, demand: int, stock: int
) -> None:
    assert initial_stock_units({"A": demand}, ratio) == {"A": stock}


def test_a_stock_beyond_what_a_level_can_hold_names_the_sku() -> None:
    with pytest.raises(DemoInputError, match="SKU A is 2,000,000,000,000 units"):
        initial_stock_units({"A": 10**12}, 2)
