"""Parcels that their warehouse cannot serve, or not as well: their units come from another one (O5,
O14). Pure.

Such a parcel is SOURCING while its units are reserved anew (`placing/elsewhere.py`), under an id
that follows from its own (`order/reservations.py`). Then it ends: parcels from other warehouses go
in its stead, and for what no warehouse has the money goes back. The order's lines count none of
that: they have the same units, which the engine has in two reservations.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from order_service.fulfilment.cancelling import cancel, is_last_parcel
from order_service.fulfilment.giving_back import give_back
from order_service.fulfilment.holding import SOURCE_ANEW_AGAIN_MS, hold
from order_service.fulfilment.incidents import close, close_with_refund, not_closed
from order_service.fulfilment.planning import plan_like
from order_service.fulfilment.stopping import count_left_out
from order_service.fulfilment.warehouse import withdraw
from order_service.order.bounds import check_room
from order_service.order.draft import Draft
from order_service.order.model import Order, Shipment, ShipmentLine
from order_service.order.refusals import Refused
from order_service.order.states import IncidentEvent, OrderState, ShipmentEvent, ShipmentState
from order_service.order.tasks import CancelShipmentStock, SourceAnew, SourceElsewhere

NOBODY_HAS_IT: Final = "no other warehouse has it"
_CANNOT_MOVE: Final = "the delivery was corrected, and no other warehouse can serve it"
_MOVABLE: Final = frozenset({ShipmentState.PLANNED, ShipmentState.PICKED})
_NOT_PLANNED: Final = frozenset(
    {OrderState.AWAITING_PAYMENT, OrderState.CONFIRMING, OrderState.CONFIRMED}
)
# A parcel in these has a waybill, or is about to: what goes in its stead is another one.
_CHECKED: Final = frozenset({ShipmentState.PACKED, ShipmentState.LABELLED})


class Found(NamedTuple):
    """Units that are sold to an order at another warehouse."""

    sku: str
    quantity: int
    location: str


def look_elsewhere(draft: Draft, shipment: Shipment, reason: str) -> Shipment:
    """Has the units of a parcel that has not left reserved at another warehouse.

    Those that are not there leave the stock first. Returns the parcel that is SOURCING.
    Raises Refused: TOO_MANY.
    """
    check_room(draft.order, Shipment)
    if shipment.state in _CHECKED:
        withdraw(draft, shipment, reason)
        again = plan_like(draft, shipment, shipment.lines, replaces=shipment.shipment_id)
        draft.update(again, missing=shipment.missing)
        shipment = again
    draft.move(shipment, ShipmentEvent.SOURCE, reason)
    if shipment.missing:
        draft.send(CancelShipmentStock(shipment.shipment_id, lost=True))
    draft.send(SourceElsewhere(shipment.shipment_id, reason))
    return shipment


def places_tried(order: Order, shipment: Shipment) -> set[str]:
    """The warehouses that have failed to serve a parcel's units."""
    tried = {shipment.location} if shipment.missing else set()
    while shipment.replaces:
        shipment = order.shipment(shipment.replaces)
        if shipment.missing:
            tried.add(shipment.location)
    return tried


def can_move(shipment: Shipment) -> bool:
    """Whether the units of a parcel can still come from another warehouse for its buyer's sake."""
    return shipment.state in _MOVABLE and not shipment.missing


def source_anew(draft: Draft, shipment_ids: Sequence[str]) -> None:
    """Has other warehouses serve parcels, as the delivery was corrected.

    An order that was not planned yet is looked at again later.
    """
    if draft.order.state in _NOT_PLANNED:
        draft.remind(SourceAnew(), draft.now_ms + SOURCE_ANEW_AGAIN_MS)
    for shipment_id in shipment_ids:
        shipment = draft.order.shipment(shipment_id)
        if can_move(shipment):
            try:
                look_elsewhere(draft, shipment, "the delivery was corrected")
            except Refused:
                hold(draft, _CANNOT_MOVE)


def sourced(draft: Draft, shipment_id: str, found: Sequence[Found], reason: str) -> None:
    """Ends a parcel that is SOURCING: others go in its stead, from where its units were found.

    Of one that was cancelled meanwhile, what was found is given back.
    """
    shipment = draft.order.shipment(shipment_id)
    if shipment.state is not ShipmentState.SOURCING:
        if found:
            draft.send(SourceElsewhere(shipment_id))
        return
    parcels, rest = _divided(shipment, found)
    if not (parcels or shipment.missing):
        _stay(draft, shipment)
        return
    if not parcels and is_last_parcel(draft.order, shipment):
        cancel(draft, (), reason or NOBODY_HAS_IT)
        return
    withdraw(draft, shipment, _told(parcels) or NOBODY_HAS_IT)
    made = [
        plan_like(draft, shipment, lines, location=location, replaces=shipment_id)
        for location, lines in parcels.items()
    ]
    if made:
        _close_incidents(draft, shipment, made[0])
        if not shipment.missing:
            draft.send(CancelShipmentStock(shipment_id))
    if rest:
        _leave_out(draft, shipment, rest, reason or NOBODY_HAS_IT, alone=not made)


def _stay(draft: Draft, shipment: Shipment) -> None:
    """Has the units of a parcel picked where they are, if a person lets the order go on so."""
    withdraw(draft, shipment, "no other warehouse can serve it now")
    again = plan_like(draft, shipment, shipment.lines, replaces=shipment.shipment_id)
    _close_incidents(draft, shipment, again)
    hold(draft, _CANNOT_MOVE)


def _leave_out(
    draft: Draft, shipment: Shipment, rest: tuple[ShipmentLine, ...], why: str, *, alone: bool
) -> None:
    """Sends the money for units back that no warehouse has. The engine knows of them already."""
    if not alone:
        shipment = plan_like(draft, shipment, rest, replaces=shipment.shipment_id)
        withdraw(draft, shipment, NOBODY_HAS_IT)
    count_left_out(draft, shipment)
    close_with_refund(draft, shipment, why)
    give_back(draft, shipment, shipment.shipment_id, why)


def _divided(
    shipment: Shipment, found: Sequence[Found]
) -> tuple[Mapping[str, tuple[ShipmentLine, ...]], tuple[ShipmentLine, ...]]:
    """The lines of a parcel by the warehouse that has their units, and those that none has."""
    left: Counter[tuple[str, str]] = Counter()
    for take in found:
        left[take.sku, take.location] += take.quantity
    parcels: defaultdict[str, list[ShipmentLine]] = defaultdict(list)
    rest: list[ShipmentLine] = []
    for line in shipment.lines:
        missing = line.quantity
        for sku, location in list(left):
            units = min(missing, left[sku, location]) if sku == line.sku else 0
            if units:
                parcels[location].append(ShipmentLine(line.line_no, sku, units))
                left[sku, location] -= units
                missing -= units
        if missing:
            rest.append(ShipmentLine(line.line_no, line.sku, missing))
    return {location: tuple(lines) for location, lines in parcels.items()}, tuple(rest)


def _told(parcels: Mapping[str, tuple[ShipmentLine, ...]]) -> str:
    """Where units come from, for the history; "" where none do."""
    units = (
        f"{line.quantity} x {line.sku} from {location}"
        for location, lines in parcels.items()
        for line in lines
    )
    return ", ".join(units)


def _close_incidents(draft: Draft, shipment: Shipment, again: Shipment) -> None:
    """Closes the incidents of a parcel, such as that of a late pick: its goods are in another."""
    for incident in not_closed(draft, shipment):
        draft.move(incident, IncidentEvent.RESHIP, "its goods come from another warehouse")
        why = f"goes again as {again.shipment_id}"
        close(draft, incident, IncidentEvent.STOCK_CONFIRMED, why)
