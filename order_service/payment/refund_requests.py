"""Refunds that somebody asks for: of an amount, of units, of freight, or as a present (P5). Pure.

Units that are refunded whole do not leave: `fulfilment/stopping.py` stops them at once.
"""

from collections import Counter
from typing import Final, NamedTuple

from order_service.order.bounds import check_room
from order_service.order.draft import Draft
from order_service.order.lines import Line
from order_service.order.model import Order, Refund, Shipment
from order_service.order.refund_amounts import adjustable_minor, kept_units, left_minor
from order_service.order.refund_rows import RefundWhat
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.states import ShipmentState
from order_service.payment.paying_back import (
    PayBack,
    captured,
    freight_left_minor,
    lines_with_money,
    refundable_minor,
    refunds_of,
    rows_of,
    units_to_give,
)
from order_service.payment.providers.steps import step_of
from order_service.payment.refunds import try_again
from order_service.payment.undisputed import check_undisputed, open_chargebacks

GOODWILL_PERCENT_MAX: Final = 30
"""The part of an order's total that may be given as presents, where nothing else is set."""

LEFT: Final = "that are left of what was captured"


class AskedUnits(NamedTuple):
    """Units of a line whose money is to go back."""

    line_no: int
    units: int = 0
    """0: all whose money did not go back."""
    shipment_id: str = ""
    """The parcel that they are in; "" where that is plain."""


class Asked(NamedTuple):
    """The purpose of a refund. Nothing said: for what is kept, in proportion."""

    lines: tuple[AskedUnits, ...] = ()
    freight: bool = False
    goodwill: bool = False
    goodwill_percent_max: int = GOODWILL_PERCENT_MAX


_NOTHING_SAID: Final = Asked()


def request_refund(
    draft: Draft, refund_key: str, amount_minor: int, reason: str, asked: Asked = _NOTHING_SAID
) -> tuple[list[Refund], bool]:
    """Sends captured money back, once per key; the second value says whether it was known.

    Where nothing is said of units, 0 means all that is left, and less than all the goods' money is
    a part of the price of what is kept. With lines or freight, 0 means all of their money.

    The money comes from as many payments as it takes, each with a refund of its own. Asked for
    again, a refund that the provider refused is tried again. Raises Refused: KEY_REUSED, NOT_FOUND,
    AMOUNT_EXCEEDED, UNITS_TAKEN, UNDER_DISPUTE, WRONG_CONTENT, TOO_MANY.
    """
    known = refunds_of(draft.order, refund_key)
    if known:
        if not _is_the_same(draft.order, known, amount_minor, asked):
            raise Refused(RefusalReason.KEY_REUSED, field="refund_key", key=refund_key)
        for refund in known if not open_chargebacks(draft.order) else ():
            try_again(draft, refund)
        return known, True
    check_undisputed(draft.order)
    check_room(draft.order, Refund)
    back = PayBack(draft)
    at_most_minor = amount_minor or None
    if asked.goodwill:
        if asked.lines or asked.freight:
            detail = "a present is for no goods: it has neither lines nor freight"
            raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)
        _give(draft.order, back, amount_minor, asked.goodwill_percent_max)
    elif asked.lines or asked.freight:
        _of_lines(draft, back, amount_minor, asked)
    else:
        _of_amount(draft.order, back, amount_minor)
    made = back.send(refund_key, reason, at_most_minor=at_most_minor)
    if not made:
        detail = "it comes to less than its payment's provider can pay back"
        raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)
    return made, False


def _is_the_same(order: Order, known: list[Refund], amount_minor: int, asked: Asked) -> bool:
    """Whether refunds are those that are asked for again under their key."""
    rows = [row for refund in known for row in rows_of(order, refund)]
    kinds = {row.what for row in rows}
    if amount_minor not in (0, sum(refund.amount_minor for refund in known)):
        return False
    if asked.goodwill != (RefundWhat.GOODWILL in kinds):
        return False
    if asked.freight and RefundWhat.FREIGHT not in kinds:
        return False
    if not (asked.lines or asked.freight or asked.goodwill):
        return _is_of_amount(order, kinds, amount_minor)
    if asked.lines and (RefundWhat.ADJUST in kinds) != bool(amount_minor):
        return False
    counted: Counter[int] = Counter()
    for row in rows:
        counted[row.line_no] += row.units
    wanted: Counter[int] = Counter()
    for each in asked.lines:
        wanted[each.line_no] += each.units or counted[each.line_no]
    return not asked.lines or wanted == +Counter({no: counted[no] for no in counted if no})


def _is_of_amount(order: Order, kinds: set[RefundWhat], amount_minor: int) -> bool:
    """Whether refunds may be what was made where nothing was said but an amount, or all."""
    some_units = kinds >= {RefundWhat.UNITS} and RefundWhat.ADJUST not in kinds
    if some_units and any(map(kept_units, order.lines)):
        return False
    return bool(amount_minor) or not refundable_minor(order)


def _of_amount(order: Order, back: PayBack, amount_minor: int) -> None:
    """All that is left takes every unit, and so does an amount that leaves nothing of the goods'
    money; less is a part of the price of what is kept.
    """
    left = refundable_minor(order)
    wanted_minor = amount_minor or left
    _check_amount(amount_minor, wanted_minor, left)
    goods_minor = sum(map(left_minor, lines_with_money(order)))
    if wanted_minor == left or 0 < goods_minor <= wanted_minor:
        back.all_units()
    else:
        _check_step(order, wanted_minor)
        if goods_minor:
            back.adjust_all(wanted_minor)
    back.all_freight(wanted_minor - back.total_minor)
    back.other(RefundWhat.EXCESS, wanted_minor - back.total_minor)


def _give(order: Order, back: PayBack, amount_minor: int, percent_max: int) -> None:
    """A present: for no goods, and with all before it within the ceiling."""
    given_minor = sum(
        row.amount_minor for row in order.refund_rows if row.what is RefundWhat.GOODWILL
    )
    ceiling_minor = order.amounts.total_minor * percent_max // 100 - given_minor
    if amount_minor > ceiling_minor:
        raise _exceeded(amount_minor, ceiling_minor, "that may be given without goods")
    _check_amount(amount_minor, amount_minor, refundable_minor(order))
    _check_step(order, amount_minor)
    back.other(RefundWhat.GOODWILL, amount_minor)


def _of_lines(draft: Draft, back: PayBack, amount_minor: int, asked: Asked) -> None:
    order = draft.order
    if not refundable_minor(order):
        raise _exceeded(amount_minor, 0, LEFT)
    if amount_minor:
        _lower_price(order, back, amount_minor, asked)
        return
    for each in asked.lines:
        for line, units, shipment in _places_of(order, each):
            back.units(line, units, shipment)
    for number in range(len(order.sub_orders)):
        if asked.freight or _nothing_will_come(order, number):
            back.freight(number)
    if not back.total_minor:
        detail = "nothing was paid for it: a parcel can be left out without a refund"
        raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)


def _lower_price(order: Order, back: PayBack, amount_minor: int, asked: Asked) -> None:
    """An amount for units that the buyer keeps: a part of the price of one line."""
    if len(asked.lines) != 1 or asked.freight:
        detail = "an amount can be of one line only: ask for each with a key of its own"
        raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)
    line = _line_of(order, asked.lines[0])
    units = asked.lines[0].units or kept_units(line)
    ceiling_minor = adjustable_minor(line, units)
    if amount_minor > ceiling_minor:
        raise _exceeded(amount_minor, ceiling_minor, "that units can have back and be kept")
    _check_amount(amount_minor, amount_minor, refundable_minor(order))
    _check_step(order, amount_minor)
    back.adjust(line, units, amount_minor)


def _line_of(order: Order, asked: AskedUnits) -> Line:
    """The line that is asked for. Raises Refused: NOT_FOUND, UNITS_TAKEN."""
    line = next((line for line in order.lines if line.line_no == asked.line_no), None)
    if line is None:
        raise Refused(RefusalReason.NOT_FOUND, thing="line", name=asked.line_no)
    free = _free_units(line)
    if not free or asked.units > free:
        raise _taken(asked, free)
    return line


def _free_units(line: Line) -> int:
    """Units whose money did not go back, and that are in no open case."""
    return max(0, kept_units(line) - line.open_units)


def _places_of(order: Order, asked: AskedUnits) -> list[tuple[Line, int, Shipment | None]]:
    """The units that are asked for, by the parcels that they are in.

    Those that have not left come first: they need no word of where they are.
    """
    line = _line_of(order, asked)
    wanted = asked.units or _free_units(line)
    if asked.shipment_id:
        shipment = _parcel_of(order, asked.shipment_id)
        room = _room_in(order, shipment, line)
        if (wanted > room and asked.units) or not room:
            raise _taken(asked, room)
        return [(line, min(wanted, room), shipment)]
    behind = max(line.cancelled, line.refunded_unshipped) + units_to_give(order, line)
    staying = min(wanted, line.quantity - line.shipped - behind)
    places: list[tuple[Line, int, Shipment | None]] = [(line, staying, None)] if staying else []
    wanted -= staying
    gone = [each for each in order.shipments if _has_units(order, each, line)]
    room = sum(_room_in(order, each, line) for each in gone)
    if wanted and len(gone) > 1 and wanted < room:
        names = ", ".join(each.shipment_id for each in gone)
        detail = f"line {line.line_no} is in {names}: say in which parcel the units are"
        raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)
    for shipment in gone:
        units = min(wanted, _room_in(order, shipment, line))
        if units:
            places.append((line, units, shipment))
            wanted -= units
    if wanted:  # of books that do not say in which parcels units went back
        places.append((line, wanted, None))
    return places


def _parcel_of(order: Order, shipment_id: str) -> Shipment:
    """A parcel that has its units still. Raises Refused: NOT_FOUND, WRONG_CONTENT."""
    try:
        shipment = order.shipment(shipment_id)
    except KeyError:
        raise Refused(RefusalReason.NOT_FOUND, thing="shipment", name=shipment_id) from None
    for other in order.shipments:
        if other.replaces == shipment_id:
            detail = f"{other.shipment_id} goes in stead of {shipment_id}: name that one"
            raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)
    return shipment


def _has_units(order: Order, shipment: Shipment, line: Line) -> bool:
    """Whether a parcel that has left, replaces one or is given away has a line's paid units."""
    is_replaced = any(other.replaces == shipment.shipment_id for other in order.shipments)
    goes = shipment.given_away or not order.carries_lines(shipment)
    has_left = shipment.shipped_at_ms or goes
    is_there = shipment.state is not ShipmentState.CANCELLED and not is_replaced
    return bool(has_left and is_there and _room_in(order, shipment, line))


def _room_in(order: Order, shipment: Shipment, line: Line) -> int:
    """The units of a line in a parcel whose money did not go back; none in one left out."""
    if shipment.state is ShipmentState.CANCELLED:
        return 0
    return min(kept_units(line), units_in(order, shipment, line))


def units_in(order: Order, shipment: Shipment, line: Line) -> int:
    """The units of a line in a parcel, less those of it whose money went back."""
    named = (shipment.shipment_id, line.line_no)
    return packed_units(shipment, line) - sum(
        row.units for row in order.refund_rows if (row.shipment_id, row.line_no) == named
    )


def packed_units(shipment: Shipment, line: Line) -> int:
    """The units of a line in a parcel."""
    return sum(each.quantity for each in shipment.lines if each.line_no == line.line_no)


def _nothing_will_come(order: Order, sub_order_no: int) -> bool:
    """Whether all units of a merchant's part have their money back, and none has left."""
    lines = [line for line in order.lines if line.sub_order_no == sub_order_no]
    return bool(freight_left_minor(order, sub_order_no)) and all(
        not kept_units(line) and not line.shipped for line in lines
    )


def _check_amount(requested_minor: int, wanted_minor: int, left: int) -> None:
    if not 0 < wanted_minor <= left:
        raise _exceeded(requested_minor, left, LEFT)


def _exceeded(requested_minor: int, left: int, of: str) -> Refused:
    return Refused(
        RefusalReason.AMOUNT_EXCEEDED, requested=requested_minor, left=max(0, left), of=of
    )


def _check_step(order: Order, amount_minor: int) -> None:
    """Refuses an amount that a provider cannot pay. All that is left always can be."""
    if amount_minor == refundable_minor(order):
        return
    for payment in captured(order):
        step_minor = step_of(payment.provider, payment.captured_currency)
        if amount_minor % step_minor:
            detail = (
                f"{payment.provider} pays back multiples of {step_minor} minor units of "
                f"{payment.captured_currency}, not {amount_minor}"
            )
            raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)


def _taken(asked: AskedUnits, left: int) -> Refused:
    return Refused(
        RefusalReason.UNITS_TAKEN, line_no=asked.line_no, requested=asked.units, left=left
    )
