"""Sends goods again for a parcel that was lost, damaged or given up (O10).

The goods are reserved and confirmed in the engine under an id of their own, made from the shipment
that they replace: `<order id>-x1` for `<order id>-s1`. So an attempt can be repeated. Before that,
the lost units are taken back in the engine as lost: otherwise they would count against the limit of
their buyer, who could not be sent what they have bought.
"""

from collections import Counter
from functools import partial
from typing import Final

from holdfast.client import Client
from holdfast.errors import HoldfastError, Reason
from holdfast.outcomes import Outcome
from holdfast.types import Disposition, StockLevel
from holdfast.types import Line as StockLine
from order_service.fulfilment.coming_back import leg_of_parcel
from order_service.fulfilment.incidents import close, open_again, reshipping
from order_service.fulfilment.planning import plan_like
from order_service.fulfilment.withheld import is_refunded
from order_service.order.draft import Decide, Draft
from order_service.order.model import Order, Shipment
from order_service.order.reservations import reservation_instead_of, reservation_of
from order_service.order.return_legs import ReturnLeg
from order_service.order.states import IncidentEvent, IncidentState, ShipmentState
from order_service.order.tasks import ReturnStock, ShipStock, TakeIn, todos
from order_service.relay.handler import GiveUp, Learned, TryLater

# The units were taken back before (as damaged, by 0.7.0), or the engine has forgotten the old
# reservation.
_TAKEN_BACK: Final = frozenset({Outcome.QUANTITY_EXCEEDED, Outcome.NOT_FOUND, Outcome.ID_REUSED})


async def reship(order: Order, incident_id: str, engine: Client) -> Decide | None:
    """Gets the goods of a parcel again. Raises HoldfastError, TryLater, GiveUp."""
    incident = order.incident(incident_id)
    if incident.state is not IncidentState.RESHIPPING:
        return None
    lost = order.shipment(incident.shipment_id)
    if is_refunded(order, lost):
        return partial(_failed, lost_id=lost.shipment_id, why="its money went back")
    reservation_id = reservation_instead_of(order, lost.shipment_id)
    failed = partial(_failed, lost_id=lost.shipment_id)
    location = await _location_reserved(engine, order.tenant, reservation_id)
    if not location:
        location = await _location_with_all(engine, order.tenant, lost)
        if not location:
            return partial(failed, why="no warehouse has all of it")
        await _write_off(order, lost, engine)
        lines = stock_lines(lost, location)
        reserved = await engine.reserve(
            reservation_id, lines, buyer_id=order.buyer_id, tenant=order.tenant
        )
        if not reserved.applied:
            return partial(failed, why=f"reserving it again: {reserved.outcome.name}")
    confirmed = await engine.confirm(reservation_id, reacquire_if_expired=True, tenant=order.tenant)
    if not confirmed.applied:
        return partial(failed, why=f"confirming it again: {confirmed.outcome.name}")
    return Learned(partial(_ready, lost_id=lost.shipment_id, location=location))


def stock_lines(shipment: Shipment, location: str) -> list[StockLine]:
    """The units of a shipment, as lines for the engine, at a location."""
    units: Counter[str] = Counter()
    for line in shipment.lines:
        units[line.sku] += line.quantity
    return [StockLine(sku, quantity, location) for sku, quantity in units.items()]


async def take_back(order: Order, shipment_id: str, engine: Client) -> Decide | None:
    """Puts the units of a parcel that came back unopened on sale again, once.

    Raises HoldfastError, GiveUp.
    """
    back = order.shipment(shipment_id)
    result = await engine.return_units(
        reservation_of(order, back),
        shipment_id,
        stock_lines(back, back.location),
        disposition=Disposition.RESELLABLE,
        tenant=order.tenant,
    )
    if result.outcome is Outcome.ID_REUSED:
        # Its goods went again before it came back.
        return partial(_was_written_off, shipment_id=shipment_id)
    if not result.applied:
        raise GiveUp(f"the engine does not take {shipment_id} back: {result.outcome.name}")
    return None


def _was_written_off(draft: Draft, shipment_id: str) -> None:
    why = "its units were counted as damaged when its goods went again: put them on sale by hand"
    draft.note(why, draft.order.shipment(shipment_id))


async def _write_off(order: Order, lost: Shipment, engine: Client) -> None:
    """Counts the units of a parcel as lost and no longer as their buyer's, once.

    Those of one that came back and was inspected are not their buyer's any more.
    """
    leg = leg_of_parcel(order, lost.shipment_id)
    if lost.state is ShipmentState.RETURNED and (leg is None or leg.inspected_at_ms):
        if _is_to_be_heard(order, lost, leg):
            raise TryLater(f"the engine has not heard yet that {lost.shipment_id} came back")
        return
    result = await engine.return_units(
        reservation_of(order, lost),
        lost.shipment_id,
        stock_lines(lost, lost.location),
        disposition=Disposition.LOST,
        tenant=order.tenant,
    )
    leaves = any(todo.payload.shipment_id == lost.shipment_id for todo in todos(order, ShipStock))
    if result.outcome is Outcome.QUANTITY_EXCEEDED and leaves:
        raise TryLater(f"the engine has not heard yet that {lost.shipment_id} left")
    if not result.applied and result.outcome not in _TAKEN_BACK:
        raise GiveUp(f"the engine does not take {lost.shipment_id} back: {result.outcome.name}")


def _is_to_be_heard(order: Order, back: Shipment, leg: ReturnLeg | None) -> bool:
    """Whether the engine has still to be told that the units of a parcel came back."""
    of_parcel = (todo.payload.shipment_id for todo in todos(order, ReturnStock))
    of_leg = (todo.payload.leg_id for todo in todos(order, TakeIn))
    return back.shipment_id in of_parcel or (leg is not None and leg.leg_id in of_leg)


async def _location_reserved(engine: Client, tenant: str, reservation_id: str) -> str:
    """The location at which an earlier attempt has reserved the goods; "" if none has."""
    try:
        reservation = await engine.get_reservation(reservation_id, tenant=tenant)
    except HoldfastError as error:
        if error.reason == Reason.RESERVATION_NOT_FOUND:
            return ""
        raise
    return reservation.lines[0].location


async def _location_with_all(engine: Client, tenant: str, lost: Shipment) -> str:
    """A location that has all the goods, best the one they first came from; "" if none has."""
    levels = await engine.get_stock(*{line.sku for line in lost.lines}, tenant=tenant)
    able = [
        location
        for location in sorted({level.location for level in levels})
        if _has_all(location, levels, lost)
    ]
    return lost.location if lost.location in able else (able or [""])[0]


def _has_all(location: str, levels: list[StockLevel], lost: Shipment) -> bool:
    available = {level.sku: level.available for level in levels if level.location == location}
    wanted: dict[str, int] = {}
    for line in lost.lines:
        wanted[line.sku] = wanted.get(line.sku, 0) + line.quantity
    return all(available.get(sku, 0) >= units for sku, units in wanted.items())


def _ready(draft: Draft, lost_id: str, location: str) -> None:
    lost = draft.order.shipment(lost_id)
    waiting = reshipping(draft, lost)
    if not waiting:
        return
    again = plan_like(draft, lost, lost.lines, location=location, replaces=lost_id)
    for incident in waiting:
        close(draft, incident, IncidentEvent.STOCK_CONFIRMED, f"goes again as {again.shipment_id}")


def _failed(draft: Draft, lost_id: str, why: str) -> None:
    for incident in reshipping(draft, draft.order.shipment(lost_id)):
        open_again(draft, incident, IncidentEvent.STOCK_SHORT, why)
