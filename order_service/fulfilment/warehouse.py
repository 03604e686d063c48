"""Work in the warehouse: picking, packing, handing over (O6, O7). Pure decisions.

Each can be repeated when its answer was lost; it is then answered as `replayed`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from order_service.fulfilment.holding import check_not_held
from order_service.fulfilment.merchant_parts import held_parts
from order_service.fulfilment.planning import plan_like
from order_service.fulfilment.timers import tasks_about
from order_service.fulfilment.withheld import check_paid, money_is_back
from order_service.order.bounds import check_room
from order_service.order.draft import Draft
from order_service.order.model import Order, Shipment, ShipmentLine
from order_service.order.refusals import RefusalReason, Refused, wrong_state
from order_service.order.states import ShipmentEvent, ShipmentState
from order_service.order.tasks import CatchUpOnTracking, GetLabel, ShipStock, VoidLabel

Units = tuple[str, int]
"""A SKU and a number of its units."""

_S = ShipmentState
# In the order in which a shipment goes through the warehouse; after LABELLED it has left.
_STEPS: Final = (_S.PLANNED, _S.PICKED, _S.PACKED, _S.LABELLED)


class ShipmentAnswer(NamedTuple):
    """The answer to a command on a shipment."""

    shipment: Shipment
    replayed: bool
    """Whether it was carried out before, and its answer was lost."""
    rest: Shipment | None = None
    """The new shipment of the units that a pick did not find."""


def shipment_of(draft: Draft, shipment_id: str) -> Shipment:
    """A shipment of the order that is changed. Raises Refused: NOT_FOUND."""
    return shipment_in(draft.order, shipment_id)


def shipment_in(order: Order, shipment_id: str) -> Shipment:
    """A shipment of an order. Raises Refused: NOT_FOUND."""
    try:
        return order.shipment(shipment_id)
    except KeyError:
        raise Refused(RefusalReason.NOT_FOUND, thing="shipment", name=shipment_id) from None


def put_in_wave(draft: Draft, shipment_id: str, wave_id: str) -> Shipment | None:
    """Makes a shipment part of a wave; None if it is picked already, in another wave, or held."""
    shipment = shipment_of(draft, shipment_id)
    if shipment.wave_id == wave_id:
        return shipment
    is_held = shipment.sub_order_no in held_parts(draft.order)
    if shipment.state is not _S.PLANNED or shipment.wave_id or is_held:
        return None
    draft.update(shipment, wave_id=wave_id)
    draft.note(f"in wave {wave_id}", shipment)
    return shipment


def confirm_pick(draft: Draft, shipment_id: str, taken: Sequence[Units]) -> ShipmentAnswer:
    """PLANNED becomes PICKED; units that were not taken become a shipment of their own.

    Nothing `taken` means all units. Raises Refused: NOT_FOUND, WRONG_STATE, WRONG_CONTENT for more
    of a SKU than planned.
    """
    shipment = shipment_of(draft, shipment_id)
    planned = _planned_units(shipment)
    picked = _summed(taken) or planned
    if shipment.state is not _S.PLANNED:
        if _is_past(shipment, _S.PLANNED) and picked == planned:
            return ShipmentAnswer(shipment, replayed=True)
        raise not_now(shipment, ShipmentEvent.PICK)
    check_not_held(draft.order, shipment, ShipmentEvent.PICK)
    check_paid(draft.order, shipment, ShipmentEvent.PICK)
    if picked - planned:
        raise _wrong_content(_differences(planned, picked))
    left = picked.copy()
    lines, rest_lines = [], []
    for line in shipment.lines:
        units = min(line.quantity, left[line.sku])
        left[line.sku] -= units
        if units:
            lines.append(ShipmentLine(line.line_no, line.sku, units))
        if units < line.quantity:
            rest_lines.append(ShipmentLine(line.line_no, line.sku, line.quantity - units))
    rest = None
    if rest_lines:
        check_room(draft.order, Shipment)
        draft.update(shipment, lines=tuple(lines))
        rest = plan_like(draft, shipment, tuple(rest_lines), replaces=shipment.replaces)
        draft.update(rest, missing=True)
    draft.update(shipment, missing=False)
    draft.move(shipment, ShipmentEvent.PICK, f"the rest is {rest.shipment_id}" if rest else "")
    return ShipmentAnswer(shipment, replayed=False, rest=rest)


def confirm_packing(
    draft: Draft, shipment_id: str, scanned: Sequence[Units], weight_g: int
) -> ShipmentAnswer:
    """PICKED becomes PACKED, if the scanned units are the planned ones.

    A shipment that is PACKED and has no waybill yet can be weighed again, as a mistake may be.
    Raises Refused: NOT_FOUND, WRONG_STATE, WRONG_CONTENT naming every SKU that differs.
    """
    shipment = shipment_of(draft, shipment_id)
    wrong = _differences(_planned_units(shipment), _summed(scanned))
    if shipment.state is not _S.PICKED:
        if _is_past(shipment, _S.PICKED) and not wrong and shipment.weight_g == weight_g:
            return ShipmentAnswer(shipment, replayed=True)
        if shipment.state is _S.PACKED and not wrong:
            _weigh_again(draft, shipment, weight_g)
            return ShipmentAnswer(shipment, replayed=False)
        raise not_now(shipment, ShipmentEvent.PACK)
    if wrong:
        raise _wrong_content(wrong)
    check_not_held(draft.order, shipment, ShipmentEvent.PACK)
    check_paid(draft.order, shipment, ShipmentEvent.PACK)
    draft.update(shipment, weight_g=weight_g)
    draft.move(shipment, ShipmentEvent.PACK)
    draft.send(GetLabel(shipment_id))
    return ShipmentAnswer(shipment, replayed=False)


def hand_over(draft: Draft, shipment_id: str) -> ShipmentAnswer:
    """LABELLED becomes SHIPPED: the shipment has left, its units leave the stock (出库确认, O7).

    Raises Refused: NOT_FOUND, WRONG_STATE.
    """
    shipment = shipment_of(draft, shipment_id)
    if shipment.state is not _S.LABELLED:
        if shipment.shipped_at_ms:
            return ShipmentAnswer(shipment, replayed=True)
        raise not_now(shipment, ShipmentEvent.SHIP)
    check_not_held(draft.order, shipment, ShipmentEvent.SHIP)
    check_paid(draft.order, shipment, ShipmentEvent.SHIP)
    has_left(draft, shipment)
    return ShipmentAnswer(shipment, replayed=False)


def has_left(draft: Draft, shipment: Shipment) -> None:
    """Notes that a shipment has left: its units leave the stock."""
    if money_is_back(draft.order, shipment):
        draft.note("it has left, though its money went back: have it brought back", shipment)
    draft.move(shipment, ShipmentEvent.SHIP)
    draft.update(shipment, shipped_at_ms=draft.now_ms)
    draft.send(ShipStock(shipment.shipment_id))
    count_units(draft, shipment, "shipped")


def withdraw(draft: Draft, shipment: Shipment, why: str) -> None:
    """Cancels a shipment that has not left, and has its waybill given back."""
    draft.move(shipment, ShipmentEvent.CANCEL, why)
    for task in tasks_about(draft, shipment.shipment_id, CatchUpOnTracking):
        draft.done(task)
    for task in tasks_about(draft, shipment.shipment_id, GetLabel):
        if task.dead:  # it would be in the way of the next
            draft.done(task)
    if shipment.carrier:
        # Perhaps its waybill is just being made: this is done after that.
        draft.send(VoidLabel(shipment.shipment_id))


def _weigh_again(draft: Draft, shipment: Shipment, weight_g: int) -> None:
    """Has the waybill asked for again, also where that was given up.

    A carrier that was chosen is kept, because it may have made a waybill. If it refuses the weight,
    another is chosen.
    """
    draft.note(f"weighs {weight_g} g, not {shipment.weight_g} g", shipment)
    draft.update(shipment, weight_g=weight_g)
    for task in tasks_about(draft, shipment.shipment_id, GetLabel):
        draft.done(task)
    draft.send(GetLabel(shipment.shipment_id))


def count_units(draft: Draft, shipment: Shipment, counted_as: str) -> None:
    """Adds a shipment's units to those of its lines that are `shipped`, `cancelled`, `returned`."""
    if not draft.order.carries_lines(shipment):
        return
    lines = {line.line_no: line for line in draft.order.lines}
    for packed in shipment.lines:
        line = lines[packed.line_no]
        draft.update(line, **{counted_as: getattr(line, counted_as) + packed.quantity})


def _is_past(shipment: Shipment, step: ShipmentState) -> bool:
    if shipment.state in (_S.CANCELLED, _S.SOURCING):
        return False
    return shipment.state not in _STEPS or _STEPS.index(shipment.state) > _STEPS.index(step)


def _planned_units(shipment: Shipment) -> "Counter[str]":
    return _summed((line.sku, line.quantity) for line in shipment.lines)


def _summed(scanned: Iterable[Units]) -> "Counter[str]":
    """Units by SKU; a SKU may come more than once."""
    units: Counter[str] = Counter()
    for sku, quantity in scanned:
        units[sku] += quantity
    return units


def _differences(expected: "Counter[str]", got: "Counter[str]") -> list[str]:
    """A sentence for each SKU whose number of units is wrong, sorted by SKU."""
    return [
        f"{sku}: {expected[sku] or 'none'} expected, {got[sku] or 'none'} scanned"
        for sku in sorted(expected | got)
        if expected[sku] != got[sku]
    ]


def _wrong_content(differences: Iterable[str]) -> Refused:
    return Refused(RefusalReason.WRONG_CONTENT, detail="; ".join(differences))


def not_now(shipment: Shipment, event: str) -> Refused:
    """The refusal of an event that a shipment's state does not allow."""
    return wrong_state("shipment", shipment.shipment_id, shipment.state, event)
