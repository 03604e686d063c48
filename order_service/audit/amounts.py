"""Rules of an order's amounts (P1): they add up, however they are looked at."""

from collections.abc import Iterator
from typing import Final

from msgspec import structs

from order_service.audit.case import Case, Rule
from order_service.order.placed import Amounts

_MEND: Final = (
    "amounts are fixed before payment and never changed by hand: restore the row from a backup, or "
    "correct it to what the history and the provider say"
)


def _amounts_add_up(case: Case) -> Iterator[str]:
    of_parts = [("the order", case.order.amounts)]
    of_parts += [(part.sub_order_id, part.amounts) for part in case.order.sub_orders]
    for name, amounts in of_parts:
        total_minor = amounts.added_up_minor
        if total_minor != amounts.total_minor:
            yield f"{name}: the amounts come to {total_minor}, the total is {amounts.total_minor}"
        if min(structs.astuple(amounts)) < 0:
            yield f"{name}: an amount is negative"


def _lines_make_up_the_order(case: Case) -> Iterator[str]:
    order = case.order
    if not order.lines:
        yield "it has no line"
    goods_minor = sum(line.quantity * line.unit_price_minor for line in order.lines)
    if goods_minor != order.amounts.goods_minor:
        yield f"the lines cost {goods_minor}, the goods {order.amounts.goods_minor}"
    to_pay_minor = sum(line.amount_minor for line in order.lines) + order.amounts.freight_minor
    if to_pay_minor != order.amounts.total_minor:
        yield f"lines and freight come to {to_pay_minor}, the total is {order.amounts.total_minor}"


def _sub_orders_make_up_the_order(case: Case) -> Iterator[str]:
    order = case.order
    for name in Amounts.__struct_fields__:
        sum_minor = sum(getattr(part.amounts, name) for part in order.sub_orders)
        if sum_minor != getattr(order.amounts, name):
            whole_minor = getattr(order.amounts, name)
            yield f"{name}: the sub-orders come to {sum_minor}, the order to {whole_minor}"
    for number, part in enumerate(order.sub_orders):
        lines_minor = sum(line.amount_minor for line in order.lines if line.sub_order_no == number)
        if lines_minor + part.amounts.freight_minor != part.amounts.total_minor:
            yield (
                f"{part.sub_order_id}: its lines and freight come to "
                f"{lines_minor + part.amounts.freight_minor}, its total is "
                f"{part.amounts.total_minor}"
            )
    for line in order.lines:
        if not 0 <= line.sub_order_no < len(order.sub_orders):
            yield f"line {line.line_no} is of no sub-order"


RULES: Final = (
    Rule(
        "amounts_add_up",
        "total = goods - discount - coupon + freight + tax; no amount is negative",
        _MEND,
        _amounts_add_up,
    ),
    Rule(
        "lines_make_up_the_order",
        "units times prices are the goods; what the lines cost and the freight are the total",
        _MEND,
        _lines_make_up_the_order,
    ),
    Rule(
        "sub_orders_make_up_the_order",
        "each amount of an order is the sum over its merchants, each merchant's of its lines",
        _MEND,
        _sub_orders_make_up_the_order,
    ),
)
