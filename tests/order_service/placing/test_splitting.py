"""Shares of amounts: every sum is exact, and no share is negative."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from order_service.order.placed import Amounts
from order_service.placing.splitting import Goods, Split, proportional, reduced, split

MINOR_MAX = 10**12


@given(
    amount=st.integers(0, MINOR_MAX),
    weights=st.lists(st.integers(0, MINOR_MAX), min_size=1, max_size=50),
)
def test_shares_add_up_and_are_exact_but_for_the_last_unit(amount: int, weights: list[int]) -> None:
    shares = proportional(amount, weights)
    assert sum(shares) == amount
    whole = sum(weights) or len(weights)
    for share, weight in zip(shares, weights, strict=True):
        exact = Fraction(amount * (weight if sum(weights) else 1), whole)
        assert abs(share - exact) < 1


def test_the_largest_remainders_get_what_is_left() -> None:
    assert proportional(100, [1, 1, 1]) == [34, 33, 33]
    assert proportional(7, [5, 3, 2]) == [4, 2, 1]
    assert proportional(1, [0, 0]) == [1, 0]


@st.composite
def goods_and_amounts(draw: st.DrawFn) -> tuple[list[Goods], Amounts]:
    """Lines of up to four merchants, and amounts of theirs."""
    lines = draw(
        st.lists(
            st.builds(Goods, st.sampled_from("ABCD"), st.integers(0, 10**6)),
            min_size=1,
            max_size=20,
        )
    )
    goods = sum(line.goods_minor for line in lines)
    discount = draw(st.integers(0, goods))
    coupon = draw(st.integers(0, goods - discount))
    freight, tax = draw(st.integers(0, 10**5)), draw(st.integers(0, 10**5))
    total = goods - discount - coupon + freight + tax
    return lines, Amounts(goods, discount, coupon, freight, tax, total)


def assert_exact(lines: list[Goods], amounts: Amounts, shares: Split) -> None:
    """Holds shares against what they are shares of."""
    of_merchants = [share for _, share in shares.merchants]
    for name in Amounts.__struct_fields__:
        parts = [getattr(share, name) for share in of_merchants]
        assert min(parts) >= 0
        assert sum(parts) == getattr(amounts, name)
    assert min(shares.line_amounts_minor) >= 0
    for number, (merchant_id, share) in enumerate(shares.merchants):
        positions = [at for at, of in enumerate(shares.sub_order_nos) if of == number]
        assert {lines[at].merchant_id for at in positions} == {merchant_id}
        assert share.goods_minor == sum(lines[at].goods_minor for at in positions)
        paid = sum(shares.line_amounts_minor[at] for at in positions)
        assert paid == share.total_minor - share.freight_minor


@given(goods_and_amounts())
def test_sub_orders_and_lines_have_exact_shares_of_every_amount(
    drawn: tuple[list[Goods], Amounts],
) -> None:
    lines, amounts = drawn
    assert_exact(lines, amounts, split(lines, amounts))


@given(goods_and_amounts(), st.data())
def test_an_order_of_which_less_is_left_has_exact_amounts(
    drawn: tuple[list[Goods], Amounts], data: st.DataObject
) -> None:
    lines, amounts = drawn
    left = [
        line._replace(goods_minor=data.draw(st.integers(0, line.goods_minor))) for line in lines
    ]
    less = reduced(amounts, sum(line.goods_minor for line in left))
    assert less.freight_minor == amounts.freight_minor
    for name in Amounts.__struct_fields__:
        assert 0 <= getattr(less, name) <= getattr(amounts, name)
    assert_exact(left, less, split(left, less))


def test_an_order_of_which_all_is_left_keeps_its_amounts() -> None:
    amounts = Amounts(1_000, 33, 66, 50, 77, 1_028)
    assert reduced(amounts, 1_000) == amounts


def test_merchants_come_in_the_order_of_the_lines() -> None:
    shares = split(
        [Goods("B", 300), Goods("A", 100), Goods("B", 600)], Amounts(1_000, 100, 0, 50, 0, 950)
    )
    assert shares.sub_order_nos == (0, 1, 0)
    assert shares.merchants == (
        ("B", Amounts(900, 90, 0, 45, 0, 855)),
        ("A", Amounts(100, 10, 0, 5, 0, 95)),
    )
    assert shares.line_amounts_minor == (270, 90, 540)
