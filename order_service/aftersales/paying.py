"""The money of cases: what their units cost, and its way back, by `PayBack` alone. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from msgspec import structs

from order_service.fulfilment.giving_back import own_key
from order_service.order.cases import FAULT, Case, CaseKind, CaseLine, CaseState
from order_service.order.draft import Draft
from order_service.order.lines import Line
from order_service.order.model import Order, Refund, Shipment
from order_service.order.refund_amounts import adjustable_minor, kept_units, price_of
from order_service.order.refusals import RefusalReason, Refused
from order_service.payment.paying_back import PayBack, refundable_minor, refunds_of
from order_service.payment.refund_requests import units_in


class PaidUnits(NamedTuple):
    """Units of a case whose money goes back whole."""

    line: Line
    units: int
    shipment: Shipment | None


def refunds_of_case(order: Order, case: Case) -> list[Refund]:
    """The refunds of a case."""
    return refunds_of(order, own_key(case.case_id))


def worth_minor(order: Order, lines: Iterable[CaseLine]) -> int:
    """The price of units, whose money did not go back, one line after another."""
    found = {line.line_no: structs.replace(line) for line in order.lines}
    total_minor = 0
    for each in lines:
        line = found[each.line_no]
        units = min(each.quantity, kept_units(line))
        if units:
            price = price_of(line, units)
            total_minor += price.amount_minor
            line.refunded_shipped += units
            line.refunded_minor += price.amount_minor
            line.adjusted_units -= price.adjusted_units
            line.adjusted_minor -= price.adjusted_minor
    return total_minor


def check_amount(order: Order, case: Case, amount_minor: int) -> None:
    """Refuses an amount that the units of a case cannot have back. A person may only lower one.

    Raises Refused: AMOUNT_EXCEEDED, WRONG_CONTENT for a part of the price of units in several
    lines, or of units that are not kept.
    """
    if not amount_minor:
        return
    whole_minor = worth_minor(order, case.lines)
    if amount_minor == whole_minor and case.kind is not CaseKind.PRICE_DIFFERENCE:
        return
    if len({line.line_no for line in case.lines}) > 1:
        detail = "an amount can be of one line only: ask for each with a key of its own"
        raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)
    line = _line_of(order, case.lines[0])
    ceiling_minor = adjustable_minor(line, sum(each.quantity for each in case.lines))
    if amount_minor > ceiling_minor:
        raise Refused(
            RefusalReason.AMOUNT_EXCEEDED,
            requested=amount_minor,
            left=max(0, ceiling_minor),
            of="that its units can have back and be kept",
        )


def pay_back(draft: Draft, case: Case) -> None:
    """Sends the money of a case back, once: what was agreed on, or what its units cost."""
    order = draft.order
    back = PayBack(draft)
    amount_minor = _agreed_minor(order, case)
    if amount_minor:
        line = _line_of(order, case.lines[0])
        units = min(sum(each.quantity for each in case.lines), kept_units(line))
        if units:
            back.adjust(line, units, min(amount_minor, max(0, adjustable_minor(line, units))))
    else:
        for each in case.lines:
            _add_units(draft, back, each)
        _add_freight(order, back, case)
    back.send(own_key(case.case_id), f"case {case.case_id}")


def _agreed_minor(order: Order, case: Case) -> int:
    """A part of the price of units that are kept; 0 where all of it goes back."""
    asked_minor = case.granted_minor or case.wanted_minor
    if case.kind is CaseKind.PRICE_DIFFERENCE:
        return asked_minor
    return asked_minor if 0 < asked_minor < worth_minor(order, case.lines) else 0


def _add_units(draft: Draft, back: PayBack, each: CaseLine) -> None:
    order = draft.order
    line = _line_of(order, each)
    units = min(each.quantity, kept_units(line))
    if not each.shipment_id:
        if units:
            back.units(line, units)
        return
    shipment = order.shipment(each.shipment_id)
    units = min(units, units_in(order, shipment, line))
    if units > 0:
        back.units(line, units, shipment)


def _add_freight(order: Order, back: PayBack, case: Case) -> None:
    """Adds the freight of the parts whose last unit this is.

    It comes back if nothing of the part has left, or if all that did comes back for fault.
    """
    lines = {line.line_no: line for line in order.lines}
    for number in sorted({lines[each.line_no].sub_order_no for each in case.lines}):
        part = [line for line in order.lines if line.sub_order_no == number]
        if any(kept_units(line) for line in part) or number in order.parts_sent_in_vain:
            continue
        if all(not line.shipped for line in part) or _all_for_fault(order, part):
            back.freight(number)


def _all_for_fault(order: Order, part: list[Line]) -> bool:
    """Whether no unit of a part that has left was paid back for a reason that is the buyer's."""
    numbers = {line.line_no for line in part}
    paid = (CaseState.REFUNDING, CaseState.DONE)
    return not any(
        line.shipment_id
        and line.line_no in numbers
        and order.shipment(line.shipment_id).shipped_at_ms
        for case in order.parts_of(Case)
        if case.state in paid and case.reason not in FAULT
        for line in case.lines
    )


def _line_of(order: Order, each: CaseLine) -> Line:
    return next(line for line in order.lines if line.line_no == each.line_no)


def check_paid(order: Order) -> None:
    """Refuses money where none of the order's is here. Raises Refused: WRONG_CONTENT."""
    if not refundable_minor(order):
        detail = (
            f"no money of order {order.order_id} is here: what was not paid can be cancelled, and "
            "cash of a delivered parcel comes with its carrier's report"
        )
        raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)
