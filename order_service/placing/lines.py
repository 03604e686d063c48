"""The lines of an order, once it is known where its units come from, and how many there are."""

from collections.abc import Mapping, Sequence

from msgspec import structs

from order_service.order.draft import Draft
from order_service.order.model import Line, Order, SubOrder
from order_service.placing.sourcing import Take
from order_service.placing.splitting import Goods, Split, proportional, reduced, split


def sub_orders_of(order_id: str, shares: Split) -> tuple[SubOrder, ...]:
    """The sub-orders of an order that is split so."""
    return tuple(
        SubOrder(f"{order_id}.{number}", merchant_id, amounts)
        for number, (merchant_id, amounts) in enumerate(shares.merchants, 1)
    )


def assign_warehouses(draft: Draft, takes: Sequence[Take]) -> None:
    """Replaces the order's lines by lines that name the warehouses they come from.

    Where less was reserved than was ordered, quantities and amounts are reduced to that, before
    anybody pays.
    """
    taken: dict[str, list[Take]] = {}
    for take in takes:
        taken.setdefault(take.sku, []).append(take)
    kept = {sku: sum(take.quantity for take in places) for sku, places in taken.items()}
    lines: Sequence[Line] = draft.order.lines
    if any(kept.get(line.sku) != line.quantity for line in lines):
        lines = _reduce(draft, kept)
    draft.replace_lines(_placed(lines, taken))


def _reduce(draft: Draft, kept: Mapping[str, int]) -> list[Line]:
    order = draft.order
    for line in order.lines:
        units = kept.get(line.sku, 0)
        if units < line.quantity:
            draft.note(f"{line.sku}: {units} of {line.quantity} units")
    lines = [
        structs.replace(line, quantity=kept[line.sku]) for line in order.lines if line.sku in kept
    ]
    goods = [Goods(_merchant(order, line), line.quantity * line.unit_price_minor) for line in lines]
    amounts = reduced(order.amounts, sum(each.goods_minor for each in goods))
    shares = split(goods, amounts)
    draft.update(order, amounts=amounts, sub_orders=sub_orders_of(order.order_id, shares))
    columns = zip(lines, shares.sub_order_nos, shares.line_amounts_minor, strict=True)
    return [
        structs.replace(line, sub_order_no=sub_order_no, amount_minor=amount_minor)
        for line, sub_order_no, amount_minor in columns
    ]


def _merchant(order: Order, line: Line) -> str:
    return order.sub_orders[line.sub_order_no].merchant_id


def _placed(lines: Sequence[Line], taken: Mapping[str, Sequence[Take]]) -> list[Line]:
    """The lines with their warehouses: one for each, in so far as one does not have all of it."""
    placed: list[Line] = []
    next_line_no = lines[-1].line_no + 1
    for line in lines:
        takes = taken[line.sku]
        shares = proportional(line.amount_minor, [take.quantity for take in takes])
        for position, (take, share) in enumerate(zip(takes, shares, strict=True)):
            line_no = line.line_no
            if position:
                line_no, next_line_no = next_line_no, next_line_no + 1
            placed.append(
                structs.replace(
                    line,
                    line_no=line_no,
                    quantity=take.quantity,
                    amount_minor=share,
                    location=take.location,
                )
            )
    return placed
