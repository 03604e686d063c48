"""Keeps units in the warehouse whose money went back: none leaves without its price. Pure.

A refund says which units it is for; `stop_refunded` takes those that have not left out of their
parcels, in the same change. Units that are taken out of a parcel become one of their own, which is
left out, so that the engine hears of them as of any other.
"""

from collections import Counter, defaultdict
from typing import Final

from msgspec import structs

from order_service.fulfilment.giving_away import take_back_given
from order_service.fulfilment.planning import plan_alone, plan_like
from order_service.fulfilment.warehouse import count_units, withdraw
from order_service.fulfilment.withheld import named_units
from order_service.order.draft import Draft
from order_service.order.lines import Line
from order_service.order.model import Order, Shipment, ShipmentLine
from order_service.order.refund_rows import RefundRow
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.states import ShipmentState
from order_service.order.tasks import CancelShipmentStock

WHY: Final = "its money goes back"
# A parcel in these has been checked: what is left of it is packed and labelled anew.
_CHECKED: Final = frozenset({ShipmentState.PACKED, ShipmentState.LABELLED})
_UNTOUCHED_FIRST: Final = (
    ShipmentState.PLANNED,
    ShipmentState.PICKED,
    ShipmentState.PACKED,
    ShipmentState.LABELLED,
)


def stop_refunded(draft: Draft) -> None:
    """Takes units out of their parcels whose money went back before they left.

    Raises Refused: UNDER_WAY, where it is not known yet which parcel they are in.
    """
    order = draft.order
    to_stop = {line.line_no: _to_stop(line) for line in order.lines if _to_stop(line)}
    for shipment in _to_leave(order):
        taken = _named_in(draft, shipment)
        if taken:
            _count_off(order, shipment, to_stop, taken)
            behind = _take_out(draft, shipment, taken)
            _name(draft, shipment.shipment_id, behind.shipment_id)
    for shipment in sorted(_to_leave(order), key=lambda each: _UNTOUCHED_FIRST.index(each.state)):
        taken = _taken_from(order, shipment, to_stop)
        if taken:
            _count_off(order, shipment, to_stop, taken)
            _take_out(draft, shipment, taken)
    left = {line_no: units for line_no, units in to_stop.items() if units > 0}
    if _sourced_now(order) & left.keys():
        raise Refused(
            RefusalReason.UNDER_WAY,
            detail=f"units of order {order.order_id} are being looked for at other warehouses. "
            "Send it again in a moment",
        )
    _stop_before_planning(draft, left)


def leave_behind(draft: Draft, shipment: Shipment, why: str) -> None:
    """Cancels a parcel that has not left, and has the engine told of its units."""
    withdraw(draft, shipment, why)
    draft.send(CancelShipmentStock(shipment.shipment_id, lost=shipment.missing))
    count_left_out(draft, shipment)


def count_left_out(draft: Draft, shipment: Shipment) -> None:
    """Counts the units of a parcel that is cancelled as never leaving."""
    count_units(draft, shipment, "cancelled")
    take_back_given(draft, shipment)


def _to_stop(line: Line) -> int:
    """Units that were refunded as never leaving, and are not cancelled yet."""
    return max(0, line.refunded_unshipped - line.cancelled)


def _count_off(
    order: Order, shipment: Shipment, to_stop: dict[int, int], taken: dict[int, int]
) -> None:
    """Counts units off those to stop, if the parcel's are the lines'."""
    if order.carries_lines(shipment):
        for line_no, units in taken.items():
            to_stop[line_no] = to_stop.get(line_no, 0) - units


def _named_in(draft: Draft, shipment: Shipment) -> dict[int, int]:
    """The units of a parcel that a refund of this draft names."""
    packed: Counter[int] = Counter()
    for line in shipment.lines:
        packed[line.line_no] += line.quantity
    named: Counter[int] = Counter()
    for row in _rows_made(draft, shipment.shipment_id):
        named[row.line_no] += row.units
    return dict(+(named & packed))


def _name(draft: Draft, shipment_id: str, behind_id: str) -> None:
    """Has the rows of this draft name the parcel in which their units stay behind."""
    rows = draft.order.refund_rows
    for row in _rows_made(draft, shipment_id):
        named = structs.replace(row, shipment_id=behind_id)
        draft.replace(row, named)
        rows[rows.index(row)] = named


def _rows_made(draft: Draft, shipment_id: str) -> list[RefundRow]:
    return [
        row for row in draft.added if isinstance(row, RefundRow) and row.shipment_id == shipment_id
    ]


def _to_leave(order: Order) -> list[Shipment]:
    return [
        each for each in order.shipments if each.state in _UNTOUCHED_FIRST and not each.given_away
    ]


def _sourced_now(order: Order) -> set[int]:
    """The numbers of the lines of which units are being reserved at another warehouse."""
    return {
        packed.line_no
        for shipment in order.shipments
        if shipment.state is ShipmentState.SOURCING and order.carries_lines(shipment)
        for packed in shipment.lines
    }


def _taken_from(order: Order, shipment: Shipment, to_stop: dict[int, int]) -> dict[int, int]:
    """The units of each line that a parcel must not take with it."""
    taken: dict[int, int] = {}
    carries_lines = order.carries_lines(shipment)
    for packed in shipment.lines:
        if carries_lines:
            units = to_stop.get(packed.line_no, 0) - taken.get(packed.line_no, 0)
        else:
            units = named_units(order, shipment, packed.line_no)
        if units > 0:
            taken[packed.line_no] = min(units, packed.quantity)
    return taken


def _take_out(draft: Draft, shipment: Shipment, taken: dict[int, int]) -> Shipment:
    """Leaves units of a parcel behind; the others go on, those of a checked one anew.

    Returns the parcel of those that stay.
    """
    out, rest = [], []
    left = dict(taken)
    for packed in shipment.lines:
        units = min(left.get(packed.line_no, 0), packed.quantity)
        left[packed.line_no] = left.get(packed.line_no, 0) - units
        if units:
            out.append(ShipmentLine(packed.line_no, packed.sku, units))
        if units < packed.quantity:
            rest.append(ShipmentLine(packed.line_no, packed.sku, packed.quantity - units))
    if not rest:
        leave_behind(draft, shipment, WHY)
        return shipment
    replaces = shipment.replaces
    if shipment.state in _CHECKED:
        replaces = shipment.shipment_id
        withdraw(draft, shipment, f"{WHY}: the rest is packed anew")
        plan_like(draft, shipment, tuple(rest), replaces=replaces)
    else:
        draft.update(shipment, lines=tuple(rest))
        draft.note(f"{_text(out)} taken out: {WHY}", shipment)
    behind = plan_like(draft, shipment, tuple(out), replaces=replaces)
    leave_behind(draft, behind, WHY)
    return behind


def _text(lines: list[ShipmentLine]) -> str:
    return ", ".join(f"{line.quantity} x {line.sku}" for line in lines)


def _stop_before_planning(draft: Draft, to_stop: dict[int, int]) -> None:
    """Leaves units behind of an order that has no parcels yet."""
    by_place: dict[tuple[int, str], list[ShipmentLine]] = defaultdict(list)
    for line in draft.order.lines:
        units = to_stop.get(line.line_no, 0)
        if units:
            key = (line.sub_order_no, line.location)
            by_place[key].append(ShipmentLine(line.line_no, line.sku, units))
    for (sub_order_no, location), lines in sorted(by_place.items()):
        leave_behind(draft, plan_alone(draft, sub_order_no, location, tuple(lines)), WHY)
