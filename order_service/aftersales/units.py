"""The units that a case is about: where they are, and which are free to be asked for. Pure.

Units are free whose money did not go back, and that are in no other open case. So goods are paid
back once, whoever asks.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from order_service.aftersales.policy.windows import NOT_LEFT, Stage
from order_service.aftersales.stages import stage_in
from order_service.order.cases import CLAIMS, Case, CaseLine
from order_service.order.lines import Line
from order_service.order.model import Order, Shipment
from order_service.order.refund_amounts import kept_units
from order_service.order.refusals import RefusalReason, Refused
from order_service.payment.paying_back import units_to_give
from order_service.payment.refund_requests import AskedUnits, units_in


class Place(NamedTuple):
    """Free units of a line in one place."""

    stage: Stage
    shipment_id: str
    """"" for units in no parcel, or in parcels that are not picked yet."""
    units: int


def claimed(order: Order, line_no: int, but: Case | None = None) -> "Counter[str]":
    """The units of a line in open cases, by the parcels that they are in."""
    units: Counter[str] = Counter()
    for case in order.parts_of(Case):
        if case.state in CLAIMS and case is not but:
            for line in case.lines:
                if line.line_no == line_no:
                    units[line.shipment_id] += line.quantity
    return units


def free_units(order: Order, line: Line) -> int:
    """The units of a line that can be asked for."""
    return max(0, kept_units(line) - claimed(order, line.line_no).total())


def places_of(order: Order, line: Line) -> list[Place]:
    """The free units of a line, by where they are: those that nobody has touched come first."""
    taken = claimed(order, line.line_no)
    found: list[Place] = []
    behind = max(line.cancelled, line.refunded_unshipped) + units_to_give(order, line)
    untouched = line.quantity - line.shipped - behind - taken[""]
    for shipment in order.shipments:
        stage = _stage_in(order, shipment)
        if stage is None or stage is Stage.NOT_PICKED:
            continue
        units = units_in(order, shipment, line)
        if stage in NOT_LEFT and order.carries_lines(shipment):
            untouched -= units
        found.append(Place(stage, shipment.shipment_id, units - taken[shipment.shipment_id]))
    found.insert(0, Place(Stage.NOT_PICKED, "", untouched))
    return _bounded(found, free_units(order, line))


def _bounded(places: Sequence[Place], left: int) -> list[Place]:
    """Places with units, up to a number of units in all."""
    bounded = []
    for place in places:
        units = min(left, place.units)
        if units > 0:
            left -= units
            bounded.append(place._replace(units=units))
    return bounded


def _stage_in(order: Order, shipment: Shipment) -> Stage | None:
    """Where the units of a parcel are; None for one that is given away or replaced, too."""
    is_replaced = any(other.replaces == shipment.shipment_id for other in order.shipments)
    return None if shipment.given_away or is_replaced else stage_in(shipment)


def find_units(
    order: Order, asked: Sequence[AskedUnits], fitting: Sequence[frozenset[Stage]]
) -> tuple[CaseLine, ...]:
    """The units that are asked for: all in the first group of `fitting` stages that has them.

    Raises Refused: NOT_FOUND, UNITS_TAKEN, NOT_ELIGIBLE for units that are elsewhere, WRONG_CONTENT
    where a line is in several parcels of which none is named.
    """
    lines = {line.line_no: line for line in order.lines}
    for each in asked:
        _check_free(order, lines.get(each.line_no), each)
    for stages in fitting:
        places = [_places_in(order, lines[each.line_no], each, stages) for each in asked]
        if all(
            _room(found) >= max(1, each.units) for each, found in zip(asked, places, strict=True)
        ):
            return tuple(
                line
                for each, found in zip(asked, places, strict=True)
                for line in _taken_from(lines[each.line_no], each, found)
            )
    where = " or ".join(sorted(stage for stages in fitting for stage in stages))
    numbers = ", ".join(str(each.line_no) for each in asked)
    detail = (
        f"it is for units that are {where}: those of line {numbers} are not, or not all of them"
    )
    raise Refused(RefusalReason.NOT_ELIGIBLE, detail=detail)


def _check_free(order: Order, line: Line | None, asked: AskedUnits) -> None:
    if line is None:
        raise Refused(RefusalReason.NOT_FOUND, thing="line", name=asked.line_no)
    named = asked.shipment_id
    if named and not any(each.shipment_id == named for each in order.shipments):
        raise Refused(RefusalReason.NOT_FOUND, thing="shipment", name=named)
    free = free_units(order, line)
    if not free or asked.units > free:
        about = {"line_no": line.line_no, "requested": asked.units, "left": free}
        raise Refused(RefusalReason.UNITS_TAKEN, **about)


def _places_in(
    order: Order, line: Line, asked: AskedUnits, stages: frozenset[Stage]
) -> list[Place]:
    """The places in some stages; with a parcel's name only what is in it."""
    found = [place for place in places_of(order, line) if place.stage in stages]
    if not asked.shipment_id:
        return found
    is_untouched = stage_in(order.shipment(asked.shipment_id)) is Stage.NOT_PICKED
    return [
        place for place in found if place.shipment_id == ("" if is_untouched else asked.shipment_id)
    ]


def _room(places: Sequence[Place]) -> int:
    return sum(place.units for place in places)


def _taken_from(line: Line, asked: AskedUnits, places: Sequence[Place]) -> Iterator[CaseLine]:
    wanted = asked.units or _room(places)
    has_left = places[0].stage not in NOT_LEFT
    if has_left and len(places) > 1 and wanted < _room(places):
        names = ", ".join(place.shipment_id for place in places)
        detail = f"line {line.line_no} is in {names}: say in which parcel the units are"
        raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)
    for place in places:
        units = min(wanted, place.units)
        if units:
            wanted -= units
            yield CaseLine(line.line_no, line.sku, units, place.shipment_id)
