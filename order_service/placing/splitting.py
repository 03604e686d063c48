"""Splits an order by merchant, and its amounts by what they are for (O5). Every sum is exact.

Discount, coupon and tax go to lines in proportion to what these cost, by the method of the largest
remainder; freight goes to sub-orders. No share is negative, and no line is given more off than it
costs.
"""

from collections.abc import Sequence
from typing import NamedTuple

from order_service.order.placed import Amounts


class Goods(NamedTuple):
    """A line, as far as amounts go."""

    merchant_id: str
    goods_minor: int
    """The units of the line at their prices."""


class Split(NamedTuple):
    """The shares of merchants, in the order in which the lines name them, and of lines."""

    merchants: tuple[tuple[str, Amounts], ...]
    sub_order_nos: tuple[int, ...]
    """For each line the position of its merchant."""
    line_amounts_minor: tuple[int, ...]
    """The buyer's price of each line: discounts taken off and tax added, freight apart."""


def split(lines: Sequence[Goods], amounts: Amounts) -> Split:
    """The shares of an order's amounts. Its goods must be the sum of its lines'."""
    if len(lines) == 1:
        line = lines[0]
        return Split(
            ((line.merchant_id, amounts),), (0,), (amounts.total_minor - amounts.freight_minor,)
        )
    merchants = list(dict.fromkeys(line.merchant_id for line in lines))
    sub_order_nos = tuple(merchants.index(line.merchant_id) for line in lines)
    goods = [line.goods_minor for line in lines]
    discounts = proportional(amounts.discount_minor, goods)
    left = [cost - off for cost, off in zip(goods, discounts, strict=True)]
    coupons = proportional(amounts.coupon_minor, left)
    net = [cost - off for cost, off in zip(left, coupons, strict=True)]
    taxes = proportional(amounts.tax_minor, net)

    def of_merchants(shares: Sequence[int]) -> list[int]:
        sums = [0] * len(merchants)
        for sub_order_no, share in zip(sub_order_nos, shares, strict=True):
            sums[sub_order_no] += share
        return sums

    freights = proportional(amounts.freight_minor, of_merchants(goods))
    columns = (*map(of_merchants, (goods, discounts, coupons)), freights, of_merchants(taxes))
    shares = (
        Amounts(cost, discount, coupon, freight, tax, cost - discount - coupon + freight + tax)
        for cost, discount, coupon, freight, tax in zip(*columns, strict=True)
    )
    return Split(
        tuple(zip(merchants, shares, strict=True)),
        sub_order_nos,
        tuple(cost + tax for cost, tax in zip(net, taxes, strict=True)),
    )


def reduced(amounts: Amounts, goods_minor: int) -> Amounts:
    """The amounts of an order of which only goods for `goods_minor` are left (O14).

    Discount, coupon and tax shrink in proportion; the freight stays, as a parcel goes all the same.
    """
    gone = amounts.goods_minor - goods_minor
    discount, discount_gone = proportional(amounts.discount_minor, [goods_minor, gone])
    left, left_gone = goods_minor - discount, gone - discount_gone
    coupon, coupon_gone = proportional(amounts.coupon_minor, [left, left_gone])
    tax, _ = proportional(amounts.tax_minor, [left - coupon, left_gone - coupon_gone])
    total = goods_minor - discount - coupon + amounts.freight_minor + tax
    return Amounts(goods_minor, discount, coupon, amounts.freight_minor, tax, total)


def proportional(amount: int, weights: Sequence[int]) -> list[int]:
    """Shares of an amount in proportion to weights, by the largest remainder; of equals the first.

    The shares add up to the amount, and each is its exact share rounded down or up. Where all
    weights are 0 they count as equal.
    """
    whole = sum(weights)
    if not whole:
        weights, whole = [1] * len(weights), len(weights)
    if not amount:
        return [0] * len(weights)
    shares, remainders = [], []
    for weight in weights:
        share, remainder = divmod(amount * weight, whole)
        shares.append(share)
        remainders.append(remainder)
    left = amount - sum(shares)
    if left:
        by_remainder = sorted(range(len(weights)), key=remainders.__getitem__, reverse=True)
        for position in by_remainder[:left]:
            shares[position] += 1
    return shares
