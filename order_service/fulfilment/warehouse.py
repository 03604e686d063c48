"""Work in the warehouse: picking, packing, handing over (O6, O7). Pure decisions.

Each can be asked for again when its answer was lost: `replayed` says that it was done before.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from order_service.fulfilment.content import (
    Units,
    differences,
    planned_units,
    summed,
    wrong_content,
)
from order_service.fulfilment.planning import plan_like
from order_service.fulfilment.timers import tasks_about
from order_service.order.draft import Draft
from order_service.order.model import Shipment, ShipmentLine
from order_service.order.refusals import RefusalReason, Refused, wrong_state
from order_service.order.states import ShipmentEvent, ShipmentState
from order_service.order.tasks import GetLabel, ShipStock

_S = ShipmentState
# In the order in which a parcel goes through the warehouse; what comes after LABELLED has left it.
_STEPS: Final = (_S.PLANNED, _S.PICKED, _S.PACKED, _S.LABELLED)


class Picked(NamedTuple):
    """A parcel that was picked, and the parcel of what was not found, if any."""

    shipment: Shipment
    rest: Shipment | None
    replayed: bool


class Done(NamedTuple):
    """A parcel after a command on it."""

    shipment: Shipment
    replayed: bool


def shipment_of(draft: Draft, shipment_id: str) -> Shipment:
    """A parcel of the order. Raises Refused: NOT_FOUND."""
    try:
        return draft.order.shipment(shipment_id)
    except KeyError:
        raise Refused(RefusalReason.NOT_FOUND, thing="shipment", name=shipment_id) from None


def put_in_wave(draft: Draft, shipment_id: str, wave_id: str) -> Shipment | None:
    """Makes a parcel part of a wave; None if it is picked already, or in another wave."""
    shipment = shipment_of(draft, shipment_id)
    if shipment.wave_id == wave_id:
        return shipment
    if shipment.state is not _S.PLANNED or shipment.wave_id:
        return None
    draft.update(shipment, wave_id=wave_id)
    draft.note(f"in wave {wave_id}", shipment)
    return shipment


def confirm_pick(draft: Draft, shipment_id: str, taken: Sequence[Units]) -> Picked:
    """PLANNED becomes PICKED; what was planned and not taken becomes a parcel of its own.

    Nothing `taken` means all of it. Raises Refused: NOT_FOUND, WRONG_STATE, WRONG_CONTENT for more
    of a SKU than planned.
    """
    shipment = shipment_of(draft, shipment_id)
    planned = planned_units(shipment)
    picked = summed(taken) or planned
    if shipment.state is not _S.PLANNED:
        if _is_past(shipment, _S.PLANNED) and picked == planned:
            return Picked(shipment, None, replayed=True)
        raise not_now(shipment, ShipmentEvent.PICK)
    if picked - planned:
        raise wrong_content(differences(planned, picked))
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
        draft.update(shipment, lines=tuple(lines))
        rest = plan_like(
            draft,
            shipment,
            tuple(rest_lines),
            location=shipment.location,
            replaces=shipment.replaces,
        )
    draft.move(shipment, ShipmentEvent.PICK, f"the rest is {rest.shipment_id}" if rest else "")
    return Picked(shipment, rest, replayed=False)


def confirm_packing(
    draft: Draft, shipment_id: str, scanned: Sequence[Units], weight_g: int
) -> Done:
    """PICKED becomes PACKED, if what was scanned is what should be in the parcel.

    One that is PACKED and has no waybill yet takes another weight: the first may have been wrong.
    Raises Refused: NOT_FOUND, WRONG_STATE, WRONG_CONTENT naming every SKU that differs.
    """
    shipment = shipment_of(draft, shipment_id)
    wrong = differences(planned_units(shipment), summed(scanned))
    if shipment.state is not _S.PICKED:
        if _is_past(shipment, _S.PICKED) and not wrong and shipment.weight_g == weight_g:
            return Done(shipment, replayed=True)
        if shipment.state is _S.PACKED and not wrong:
            _weigh_again(draft, shipment, weight_g)
            return Done(shipment, replayed=False)
        raise not_now(shipment, ShipmentEvent.PACK)
    if wrong:
        raise wrong_content(wrong)
    draft.update(shipment, weight_g=weight_g)
    draft.move(shipment, ShipmentEvent.PACK)
    draft.send(GetLabel(shipment_id))
    return Done(shipment, replayed=False)


def hand_over(draft: Draft, shipment_id: str) -> Done:
    """The parcel has left: LABELLED becomes SHIPPED, and its units leave the stock (出库确认, O7).

    Raises Refused: NOT_FOUND, WRONG_STATE.
    """
    shipment = shipment_of(draft, shipment_id)
    if shipment.state is not _S.LABELLED:
        if shipment.shipped_at_ms:
            return Done(shipment, replayed=True)
        raise not_now(shipment, ShipmentEvent.SHIP)
    draft.move(shipment, ShipmentEvent.SHIP)
    draft.update(shipment, shipped_at_ms=draft.now_ms)
    draft.send(ShipStock(shipment_id))
    if draft.order.carries_lines(shipment):
        _count_shipped(draft, shipment)
    return Done(shipment, replayed=False)


def _weigh_again(draft: Draft, shipment: Shipment, weight_g: int) -> None:
    """Has the waybill asked for anew, also where it was given up.

    A carrier that was chosen stays so, because it may have made one. If it refuses the weight,
    another is chosen.
    """
    draft.note(f"weighs {weight_g} g, not {shipment.weight_g} g", shipment)
    draft.update(shipment, weight_g=weight_g)
    for task in tasks_about(draft, shipment.shipment_id, GetLabel):
        draft.done(task)
    draft.send(GetLabel(shipment.shipment_id))


def report_overdue_picks(draft: Draft, pick_within_ms: int) -> None:
    """Writes down which parcels should have been picked by now."""
    for shipment in draft.order.shipments:
        due_at_ms = shipment.created_at_ms + pick_within_ms
        if shipment.state is _S.PLANNED and due_at_ms <= draft.now_ms:
            draft.note("its pick is overdue", shipment)


def _count_shipped(draft: Draft, shipment: Shipment) -> None:
    lines = {line.line_no: line for line in draft.order.lines}
    for packed in shipment.lines:
        line = lines[packed.line_no]
        draft.update(line, shipped=line.shipped + packed.quantity)


def _is_past(shipment: Shipment, step: ShipmentState) -> bool:
    if shipment.state is _S.CANCELLED:
        return False
    return shipment.state not in _STEPS or _STEPS.index(shipment.state) > _STEPS.index(step)


def not_now(shipment: Shipment, event: str) -> Refused:
    """The refusal of an event that a shipment's state does not allow."""
    return wrong_state("shipment", shipment.shipment_id, shipment.state, event)
