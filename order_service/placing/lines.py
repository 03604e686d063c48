"""The lines of an order, once it is known where its units come from, and how many there are."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from msgspec import structs

from order_service.fulfilment.merchant_parts import held_parts, put_on_hold
from order_service.order.draft import Draft
from order_service.order.model import Line, Order
from order_service.order.placed import SubOrder
from order_service.placing.shortage import units_of
from order_service.placing.sourcing import Take
from order_service.placing.splitting import Goods, Split, proportional, reduced, split


def sub_orders_of(
    order_id: str, shares: Split, contract_nos: Mapping[str, int]
) -> tuple[SubOrder, ...]:
    """The sub-orders of an order that is split so, with the merchants' contracts."""
    return tuple(
        SubOrder(f"{order_id}.{number}", merchant_id, amounts, False, contract_nos[merchant_id])
        for number, (merchant_id, amounts) in enumerate(shares.merchants, 1)
    )


def assign_warehouses(draft: Draft, takes: Sequence[Take]) -> None:
    """Replaces the order's lines by lines that name the warehouses they come from.

    Where less was reserved than was ordered, quantities and amounts are reduced to that, before
    anybody pays.
    """
    if _is_as_planned(draft.order.lines, takes):
        return
    kept: Counter[str] = Counter()
    for take in takes:
        kept[take.sku] += take.quantity
    lines: Sequence[Line] = draft.order.lines
    if any(kept[sku] != wanted for sku, wanted in units_of(draft.order).items()):
        lines = _reduce(draft, kept)
    draft.replace_lines(_placed(lines, takes))


def _is_as_planned(lines: Sequence[Line], takes: Sequence[Take]) -> bool:
    """Whether all units of the lines come from where the lines say, as in a shop with one
    warehouse.
    """
    left: defaultdict[tuple[str, str], int] = defaultdict(int)
    for take in takes:
        left[take.sku, take.location] += take.quantity
    for line in lines:
        left[line.sku, line.location] -= line.quantity
    return not any(left.values())


def _reduce(draft: Draft, kept: Mapping[str, int]) -> list[Line]:
    order = draft.order
    for sku, wanted in units_of(order).items():
        if kept[sku] < wanted:
            draft.note(f"{sku}: {kept[sku]} of {wanted} units")
    lines = _of_kept(order.lines, kept)
    goods = [Goods(_merchant(order, line), line.quantity * line.unit_price_minor) for line in lines]
    amounts = reduced(order.amounts, sum(each.goods_minor for each in goods))
    shares = split(goods, amounts)
    held = {order.sub_orders[number].merchant_id for number in held_parts(order)}
    contract_nos = {part.merchant_id: part.terms for part in order.sub_orders}
    parts = sub_orders_of(order.order_id, shares, contract_nos)
    draft.update(order, amounts=amounts, sub_orders=parts)
    if held:
        numbered = enumerate(order.sub_orders)
        still_held = frozenset(number for number, part in numbered if part.merchant_id in held)
        put_on_hold(draft, still_held, order.held_at_ms)
    columns = zip(lines, shares.sub_order_nos, shares.line_amounts_minor, strict=True)
    return [
        structs.replace(line, sub_order_no=sub_order_no, amount_minor=amount_minor)
        for line, sub_order_no, amount_minor in columns
    ]


def _of_kept(lines: Sequence[Line], kept: Mapping[str, int]) -> list[Line]:
    """The lines with the units that are kept of each article: its dearest lines have them first."""
    left = Counter(kept)
    quantities: dict[int, int] = {}
    for line in sorted(lines, key=lambda line: -line.unit_price_minor):
        quantities[line.line_no] = min(line.quantity, left[line.sku])
        left[line.sku] -= quantities[line.line_no]
    return [
        structs.replace(line, quantity=quantities[line.line_no])
        for line in lines
        if quantities[line.line_no]
    ]


def _merchant(order: Order, line: Line) -> str:
    return order.sub_orders[line.sub_order_no].merchant_id


def _placed(lines: Sequence[Line], takes: Sequence[Take]) -> list[Line]:
    """The lines with their warehouses: one for each, in so far as one does not have all of it."""
    left: defaultdict[str, list[Take]] = defaultdict(list)
    for take in takes:
        left[take.sku].append(take)
    placed: list[Line] = []
    next_line_no = lines[-1].line_no + 1
    for line in lines:
        parts = _taken(left[line.sku], line.quantity)
        shares = proportional(line.amount_minor, [part.quantity for part in parts])
        for position, (part, share) in enumerate(zip(parts, shares, strict=True)):
            line_no = line.line_no
            if position:
                line_no, next_line_no = next_line_no, next_line_no + 1
            placed.append(
                structs.replace(
                    line,
                    line_no=line_no,
                    quantity=part.quantity,
                    amount_minor=share,
                    location=part.location,
                )
            )
    return placed


def _taken(takes: list[Take], quantity: int) -> list[Take]:
    """Takes units off the first of an article's takes, which are fewer then."""
    taken: list[Take] = []
    while quantity:
        take = takes.pop(0)
        units = min(quantity, take.quantity)
        taken.append(take._replace(quantity=units))
        quantity -= units
        if units < take.quantity:
            takes.insert(0, take._replace(quantity=take.quantity - units))
    return taken
