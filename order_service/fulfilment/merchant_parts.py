"""The part of an order that one merchant delivers: which it is, and whether it is held (O5). Pure.

A hold is of the whole order, or of those parts of it that are marked as `held`.
"""

from msgspec import structs

from order_service.order.draft import Draft
from order_service.order.lines import Line
from order_service.order.model import Order, Shipment
from order_service.order.refusals import RefusalReason, Refused


def part_of(order: Order, merchant_id: str) -> int:
    """The position of a merchant's part. Raises Refused: NOT_FOUND."""
    for number, part in enumerate(order.sub_orders):
        if part.merchant_id == merchant_id:
            return number
    thing = f"part in order {order.order_id} of merchant"
    raise Refused(RefusalReason.NOT_FOUND, thing=thing, name=merchant_id)


def parts_of(order: Order, merchant_id: str) -> frozenset[int]:
    """The parts that are meant: a merchant's, or all for "". Raises Refused: NOT_FOUND."""
    return frozenset({part_of(order, merchant_id)}) if merchant_id else _all_parts(order)


def lines_of(order: Order, number: int) -> list[Line]:
    """The lines of a part."""
    return [line for line in order.lines if line.sub_order_no == number]


def is_left_out(order: Order, number: int) -> bool:
    """Whether no unit of a part comes."""
    return all(line.cancelled == line.quantity for line in lines_of(order, number))


def is_all_there_is(order: Order, number: int) -> bool:
    """Whether no unit of another part comes, or has come."""
    others = _all_parts(order) - {number}
    return all(is_left_out(order, other) for other in others)


def parcels_gone(order: Order, number: int) -> list[Shipment]:
    """The parcels of a part that have left."""
    return [each for each in order.shipments if each.sub_order_no == number and each.shipped_at_ms]


def held_parts(order: Order) -> frozenset[int]:
    """The parts that are on hold."""
    if not order.held_at_ms:
        return frozenset()
    marked = frozenset(number for number, part in enumerate(order.sub_orders) if part.held)
    return marked or _all_parts(order)


def put_on_hold(draft: Draft, parts: frozenset[int], since_ms: int) -> None:
    """Has these parts on hold, and no others."""
    order = draft.order
    marked = parts if parts < _all_parts(order) else frozenset()
    draft.update(
        order,
        held_at_ms=since_ms if parts else 0,
        sub_orders=tuple(
            structs.replace(part, held=number in marked)
            for number, part in enumerate(order.sub_orders)
        ),
    )


def _all_parts(order: Order) -> frozenset[int]:
    return frozenset(range(len(order.sub_orders)))
