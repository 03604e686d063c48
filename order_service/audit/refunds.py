"""Rules of what refunds are for: money follows units, and no unit leaves whose money went back."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from order_service.audit.case import Case, Rule
from order_service.audit.shipments import has_left
from order_service.fulfilment.withheld import money_is_back
from order_service.order.joint_rules import SOLD
from order_service.order.machines import SHIPMENT
from order_service.order.model import Line, Order, Shipment
from order_service.order.refund_amounts import refunded_units
from order_service.order.refund_rows import RefundRow, RefundWhat
from order_service.order.states import ShipmentEvent, ShipmentState
from order_service.payment.methods import CASH

_OF_LINES: Final = frozenset({RefundWhat.UNITS, RefundWhat.ADJUST})


def _rows_make_up_refunds(case: Case) -> Iterator[str]:
    order = case.order
    by_refund: Counter[str] = Counter()
    for row in order.refund_rows:
        by_refund[row.refund_id] += row.amount_minor
    for refund in order.refunds:
        if by_refund[refund.refund_id] != refund.amount_minor:
            yield (
                f"{refund.refund_id}: {refund.amount_minor} go back, its rows come to "
                f"{by_refund[refund.refund_id]}"
            )
    for line in order.lines:
        rows = [row for row in order.refund_rows if row.line_no == line.line_no]
        yield from _line_counts_its_rows(line, rows)
    freight_minor = sum(
        row.amount_minor for row in order.refund_rows if row.what is RefundWhat.FREIGHT
    )
    if freight_minor != order.freight_refunded_minor:
        yield f"freight: {order.freight_refunded_minor} back, the rows say {freight_minor}"


def _line_counts_its_rows(line: Line, rows: list[RefundRow]) -> Iterator[str]:
    back_minor = sum(row.amount_minor for row in rows)
    if back_minor != line.refunded_minor:
        yield f"line {line.line_no}: {line.refunded_minor} back, the rows say {back_minor}"
    units = sum(row.units for row in rows if row.what is RefundWhat.UNITS)
    counted = refunded_units(line)
    if units != counted:
        yield f"line {line.line_no}: {counted} units back, the rows say {units}"


def _nothing_leaves_unpaid(case: Case) -> Iterator[str]:
    order = case.order
    for shipment in order.shipments:
        if shipment.given_away:
            continue
        if shipment.state is ShipmentState.SOURCING:  # it does not leave: others go in its stead
            continue
        if SHIPMENT.allows(shipment.state, ShipmentEvent.CANCEL):
            if money_is_back(order, shipment):
                yield f"{shipment.shipment_id} is {shipment.state}, and its money went back"
        elif has_left(shipment) and order.carries_lines(shipment):
            yield from _left_unpaid(order, shipment)


def _left_unpaid(order: Order, shipment: Shipment) -> Iterator[str]:
    """The units of a parcel that left after all money of their line went back."""
    before = {
        refund.refund_id
        for refund in order.refunds
        if refund.created_at_ms < shipment.shipped_at_ms
    }
    back_minor: Counter[int] = Counter()
    for row in order.refund_rows:
        if row.what in _OF_LINES and row.refund_id in before:
            back_minor[row.line_no] += row.amount_minor
    lines = {line.line_no: line for line in order.lines}
    for packed in shipment.lines:
        line = lines.get(packed.line_no)
        if line is not None and 0 < line.amount_minor <= back_minor[packed.line_no]:
            yield (
                f"{shipment.shipment_id} left with {packed.quantity} x {packed.sku}, whose money "
                f"had gone back ({back_minor[packed.line_no]} of {line.amount_minor})"
            )


def _nothing_is_refunded_twice(case: Case) -> Iterator[str]:
    order = case.order
    if order.state not in SOLD or any(payment.provider == CASH for payment in order.payments):
        return
    excess_minor = sum(
        row.amount_minor for row in order.refund_rows if row.what is RefundWhat.EXCESS
    )
    too_much_minor = max(0, order.captured_minor - order.amounts.total_minor)
    if excess_minor > too_much_minor:
        yield (
            f"{excess_minor - too_much_minor} more went back than the units that were refunded "
            "had cost: some were paid back twice"
        )


RULES: Final = (
    Rule(
        "refund_is_the_sum_of_its_rows",
        "a refund is the sum of its rows, and the counters of lines and freight are the sums of "
        "theirs",
        "rows and counters are never changed by hand: restore them from a backup",
        _rows_make_up_refunds,
    ),
    Rule(
        "no_unit_leaves_whose_money_went_back",
        "no parcel has left, or is to leave, with units whose money had gone back, unless a person "
        "gives it away",
        "leave a parcel out that is still there (CancelShipment), or let it go all the same "
        "(ShipAllTheSame); of one that has left, ask the buyer for the goods or the money",
        _nothing_leaves_unpaid,
    ),
    Rule(
        "no_units_money_goes_back_twice",
        "no more goes back for units than they cost; more than that only where more had come",
        "`holdfast orders payments ORDER` lists the refunds: ask the buyer for what was too much",
        _nothing_is_refunded_twice,
    ),
)
