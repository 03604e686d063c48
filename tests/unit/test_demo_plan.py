"""What the demo makes from a seed: the order log and the buyers' plans."""

import random
from collections import Counter

import pytest

from holdfast.commands import Cancel, Ship
from holdfast.demo.order_log import DemoInputError, Order, OrderLog, ReturnLine, initial_stock_units
from holdfast.demo.plan import (
    LAPSING_TTL_MS,
    Buyer,
    Delivery,
    Ending,
    MishapKind,
    delivery_commands,
    plan_buyers,
)
from holdfast.demo.synthetic_log import synthetic_log
from holdfast.types import Line


def buyer_of(delivery: Delivery, *lines: Line) -> Buyer:
    return Buyer(Order(1, "o", "b", lines), Ending.CONFIRM, delivery, 0, ())


def test_a_seed_makes_the_same_log_and_plans_again() -> None:
    first, again, other = (synthetic_log(random.Random(seed)) for seed in (7, 7, 8))
    assert first == again
    assert first != other
    assert plan_buyers(first, random.Random(1)) == plan_buyers(again, random.Random(1))


def test_a_made_log_has_crowds_for_few_articles_and_accounts_for_its_rows() -> None:
    log = synthetic_log(random.Random(1))
    demand = log.demand_units().most_common()
    assert demand[0][1] > 20 * demand[-1][1]
    assert len({order.buyer_id for order in log.orders}) < len(log.orders)
    assert log.rows == log.line_count() + len(log.returns)
    assert any(len(order.units_by_sku()) < len(order.lines) for order in log.orders)


def test_a_made_return_comes_after_an_order_of_its_buyer() -> None:
    log = synthetic_log(random.Random(1))
    for line in log.returns:
        assert any(
            order.buyer_id == line.buyer_id
            and order.position < line.position
            and order.units_by_sku().get(line.sku, 0) >= line.quantity
            for order in log.orders
        )


def test_every_kind_of_buyer_is_planned_and_only_lapsing_ones_have_a_short_deadline() -> None:
    buyers = plan_buyers(synthetic_log(random.Random(1)), random.Random(1))
    assert {buyer.ending for buyer in buyers} == set(Ending)
    assert {buyer.delivery for buyer in buyers} == set(Delivery)
    kinds = Counter(mishap.kind for buyer in buyers for mishap in buyer.mishaps)
    assert set(kinds) == set(MishapKind)
    assert 0.80 < kinds[MishapKind.NONE] / kinds.total() < 0.90
    for buyer in buyers:
        if buyer.ending in (Ending.LAPSE, Ending.LAPSE_AND_REACQUIRE):
            assert LAPSING_TTL_MS[0] <= buyer.ttl_ms <= LAPSING_TTL_MS[1]
        else:
            assert buyer.ttl_ms == 0


def test_an_order_that_is_sent_back_later_was_confirmed_and_shipped_whole() -> None:
    orders = tuple(Order(n, f"o{n}", "b", (Line("A", 1),)) for n in range(400))
    log = OrderLog(orders, (ReturnLine(300, "r", "b", "A", 1),), {}, {}, 401)
    buyers = plan_buyers(log, random.Random(1))
    sent_back, others = buyers[:300], buyers[300:]
    assert {(b.ending, b.delivery) for b in sent_back} == {(Ending.CONFIRM, Delivery.WHOLE)}
    assert {b.ending for b in others} == set(Ending)


def test_a_return_without_a_customer_plans_nothing() -> None:
    orders = tuple(Order(n, f"o{n}", "", (Line("A", 1),)) for n in range(400))
    log = OrderLog(orders, (ReturnLine(999, "r", "", "A", 1),), {}, {}, 401)
    assert {b.ending for b in plan_buyers(log, random.Random(1))} == set(Ending)


@pytest.mark.parametrize(
    ("lines", "part"),
    [
        ([Line("A", 5)], (Line("A", 2),)),
        ([Line("A", 2), Line("B", 1), Line("A", 1)], (Line("A", 2), Line("A", 1))),
    ],
)
def test_a_part_of_an_order_is_shipped_or_cancelled_before_the_rest(
    lines: list[Line], part: tuple[Line, ...]
) -> None:
    assert delivery_commands(buyer_of(Delivery.IN_TWO, *lines)) == [
        Ship("o", "shipment-1", part),
        Ship("o", "shipment-2"),
    ]
    assert delivery_commands(buyer_of(Delivery.PART_CANCELLED, *lines)) == [
        Cancel("o", "cancellation-1", part),
        Ship("o", "shipment-1"),
    ]


def test_a_single_unit_is_shipped_in_one_piece() -> None:
    for delivery in (Delivery.IN_TWO, Delivery.PART_CANCELLED):
        assert delivery_commands(buyer_of(delivery, Line("A", 1))) == [Ship("o", "shipment-1")]


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
