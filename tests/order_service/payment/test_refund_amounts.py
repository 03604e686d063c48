"""Money follows units by one rule: any sequence of refunds of a line comes to its amount."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from order_service.order.model import Line
from order_service.order.refund_amounts import (
    kept_units,
    left_minor,
    lowered,
    price_of,
    spread,
)


def line(quantity: int, amount_minor: int) -> Line:
    """A line of which nothing went back."""
    return Line(1, 0, "SKU-1", "A thing", quantity, 0, amount_minor)


def refund(found: Line, units: int) -> int:
    """Has units go back whole."""
    price = price_of(found, units)
    found.refunded_shipped += units
    found.refunded_minor += price.amount_minor
    found.adjusted_units -= price.adjusted_units
    found.adjusted_minor -= price.adjusted_minor
    return price.amount_minor


def adjust(found: Line, amount_minor: int) -> int:
    """Gives a part of the price back for all units that are kept."""
    amount_minor = min(amount_minor, left_minor(found) - 1)
    if kept_units(found) and amount_minor > 0:
        found.refunded_minor += amount_minor
        found.adjusted_minor += amount_minor
        found.adjusted_units = kept_units(found)
    return max(0, amount_minor)


def assert_counters(found: Line) -> None:
    """The rules of the database."""
    assert 0 <= found.refunded_minor <= found.amount_minor
    assert 0 <= found.adjusted_minor <= found.refunded_minor
    assert 0 <= found.adjusted_units <= kept_units(found)


@pytest.mark.parametrize(
    ("quantity", "amount_minor", "units", "amounts_minor"),
    [
        (3, 10_000, (1, 1, 1), [3_333, 3_333, 3_334]),
        (3, 10_000, (2, 1), [6_666, 3_334]),
        (3, 10_000, (3,), [10_000]),
        (7, 5, (1,) * 7, [0, 1, 1, 0, 1, 1, 1]),
        (2, 0, (1, 1), [0, 0]),
    ],
)
def test_the_last_unit_takes_what_is_left(
    quantity: int, amount_minor: int, units: tuple[int, ...], amounts_minor: list[int]
) -> None:
    found = line(quantity, amount_minor)
    assert [refund(found, each) for each in units] == amounts_minor


def test_what_was_given_for_a_unit_that_is_kept_does_not_go_back_again() -> None:
    found = line(3, 10_000)
    adjust(found, 2_222)
    assert [refund(found, 2), refund(found, 1)] == [6_666 - 1_481, 10_000 - 2_222 - 5_185]


@given(
    quantity=st.integers(1, 40),
    amount_minor=st.one_of(st.integers(0, 100), st.integers(0, 10**13)),
    seed=st.integers(0, 1_000_000),
)
def test_any_sequence_of_refunds_comes_to_the_amount_of_the_line(
    quantity: int, amount_minor: int, seed: int
) -> None:
    found, chance, back_minor = line(quantity, amount_minor), random.Random(seed), 0
    while kept_units(found):
        if chance.random() < 0.3:
            back_minor += adjust(found, chance.randint(0, 1 + amount_minor // 2))
        else:
            back_minor += refund(found, chance.randint(1, kept_units(found)))
        assert_counters(found)
    assert back_minor == found.refunded_minor == amount_minor


@given(
    amount_minor=st.integers(0, 10**13),
    weights=st.lists(st.integers(0, 10**13), min_size=1, max_size=9).filter(any),
)
def test_an_amount_is_spread_without_loss_and_in_proportion(
    amount_minor: int, weights: list[int]
) -> None:
    parts = spread(amount_minor, weights)
    assert sum(parts) == amount_minor
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - amount_minor * weight) <= sum(weights)


@given(amounts=st.lists(st.integers(0, 1_000), max_size=6), chance=st.floats(0, 1))
def test_lowered_amounts_come_to_the_bound_from_the_last(amounts: list[int], chance: float) -> None:
    to_minor = int(sum(amounts) * chance)
    parts = lowered(amounts, to_minor)
    assert sum(parts) == to_minor
    assert all(0 <= part <= amount for part, amount in zip(parts, amounts, strict=True))
    whole = [part == amount for part, amount in zip(parts, amounts, strict=True)]
    assert whole == sorted(whole, reverse=True) or 0 in amounts
