"""Parcels that nobody has announced: scanned, and matched with what they brought (来路不明的退件).

A parcel is known by its waybill, or by the old one that is still on it. One that is not goes to a
desk, where a person finds the parcel that brought the goods.
"""

from collections import Counter
from functools import partial
from typing import Final

from msgspec import Struct, structs
from sqlalchemy import Connection, insert, select, tuple_, update

from order_service.aftersales.opening import open_leg
from order_service.aftersales.queries import LegFilter, list_legs
from order_service.aftersales.receiving import came_back_here, receive
from order_service.fulfilment.coming_back import leg_of_parcel
from order_service.fulfilment.queries import ShipmentFilter, list_shipments
from order_service.fulfilment.timers import HOUR_MS
from order_service.fulfilment.warehouse import shipment_of
from order_service.order.draft import Draft
from order_service.order.model import Order, Shipment
from order_service.order.parts import order_id_of
from order_service.order.refusals import RefusalReason, Refused, wrong_state
from order_service.order.return_legs import (
    LegEvent,
    LegKind,
    LegLine,
    LegState,
    ReturnLeg,
)
from order_service.storage.aftersales_schema import arrivals
from order_service.storage.batch import OrderNotFound
from order_service.storage.orders import Orders

MATCHED_WITHIN_MS: Final = 48 * HOUR_MS
"""The time that the desk has to find out what a parcel brought."""


class Arrival(Struct, frozen=True):
    """A parcel that came, as it was scanned."""

    tenant: str
    arrival_id: str
    """The caller's: the same scan sent twice is one arrival."""
    location: str
    """The warehouse that has it."""
    carrier: str
    waybill: str
    old_waybill: str
    """The waybill under which the goods went to their buyer; "" where none is on the parcel."""
    arrived_at_ms: int
    due_at_ms: int
    leg_id: str = ""
    """The return that it is; "" while nobody knows."""


async def record_arrival(orders: Orders, scanned: Arrival, actor: str) -> tuple[Arrival, bool]:
    """Writes a parcel down, and matches it where it is known; tells whether it was there before.

    Raises Refused: KEY_REUSED.
    """
    arrival, replayed = await orders.write(partial(_begin, scanned=scanned))
    found = "" if arrival.leg_id else await orders.read(partial(_known_as, arrival=arrival))
    if found:
        arrival = await _match(orders, arrival, found, actor)
    return arrival, replayed


async def match_arrival(
    orders: Orders, tenant: str, arrival_id: str, shipment_id: str, actor: str
) -> tuple[Arrival, bool]:
    """A person says which parcel brought the goods; returns whether that was said before.

    Raises Refused: NOT_FOUND, WRONG_STATE where it was matched with other goods.
    """
    arrival = await orders.read(partial(_arrival_of, tenant=tenant, arrival_id=arrival_id))
    if arrival is None:
        raise Refused(RefusalReason.NOT_FOUND, thing="arrival", name=arrival_id)
    if arrival.leg_id:
        if order_id_of(arrival.leg_id) == order_id_of(shipment_id):
            return arrival, True
        raise wrong_state("arrival", arrival_id, f"matched with {arrival.leg_id}", "a match")
    return await _match(orders, arrival, shipment_id, actor), False


def list_arrivals(
    connection: Connection, tenant: str, matched_too: bool, size: int, after: tuple[int, str]
) -> list[Arrival]:
    """Parcels that came unannounced, those that wait longest first; `after` a time and an id."""
    columns = arrivals.c
    statement = select(arrivals).where(
        columns.tenant == tenant, tuple_(columns.arrived_at_ms, columns.arrival_id) > after
    )
    if not matched_too:
        statement = statement.where(columns.leg_id == "")
    ordered = statement.order_by(columns.arrived_at_ms, columns.arrival_id).limit(size)
    return [Arrival(*row) for row in connection.execute(ordered)]


def bring(draft: Draft, part_id: str, arrival: Arrival) -> ReturnLeg:
    """A parcel brought the goods of a return, or of a parcel that we had sent: its leg has ARRIVED.

    Raises Refused: NOT_FOUND, WRONG_STATE.
    """
    order = draft.order
    if order.tenant != arrival.tenant:
        raise OrderNotFound(order.order_id)
    legs = order.parts_of(ReturnLeg)
    expected = next((leg for leg in legs if _is_meant(order, leg, part_id, arrival)), None)
    if expected is not None:
        return receive(draft, expected.leg_id, arrival.location).leg
    shipment = shipment_of(draft, part_id)
    if not shipment.shipped_at_ms:
        raise wrong_state("shipment", part_id, shipment.state, "to come back")
    if not shipment.delivered_at_ms and leg_of_parcel(order, part_id) is None:
        came_back_here(draft, shipment)
    leg = leg_of_parcel(order, part_id) or _unannounced(draft, shipment, arrival)
    return receive(draft, leg.leg_id, arrival.location).leg


def _is_meant(order: Order, leg: ReturnLeg, part_id: str, arrival: Arrival) -> bool:
    """Whether an arrival is a leg: by its own number, or as the one that is awaited of a parcel."""
    if leg.leg_id == part_id:
        return True
    if leg.kind is LegKind.UNANNOUNCED:
        return (leg.carrier, leg.waybill) == (arrival.carrier, arrival.waybill)
    awaited = leg.state in (LegState.EXPECTED, LegState.ON_ITS_WAY)
    return awaited and not leg.shipment_id and part_id in {line.shipment_id for line in leg.lines}


def _unannounced(draft: Draft, shipment: Shipment, arrival: Arrival) -> ReturnLeg:
    """Opens the leg of goods that nobody waited for: all of their parcel that are not back."""
    back: Counter[int] = Counter()
    for leg in draft.order.parts_of(ReturnLeg):
        for group in leg.ours:
            if group.shipment_id == shipment.shipment_id:
                back[group.line_no] += group.quantity
    lines = [
        LegLine(line.line_no, line.sku, line.quantity - back[line.line_no], shipment.shipment_id)
        for line in shipment.lines
        if line.quantity > back[line.line_no]
    ]
    if not lines:
        state = f"{shipment.state}, and all of it is back"
        raise wrong_state("shipment", shipment.shipment_id, state, "to come back")
    leg = open_leg(draft, "", lines, f"scanned as {arrival.arrival_id}")
    draft.update(leg, kind=LegKind.UNANNOUNCED, carrier=arrival.carrier, waybill=arrival.waybill)
    draft.move(leg, LegEvent.ARRIVE, "nobody had announced it")
    draft.update(leg, arrived_at_ms=draft.now_ms)
    return leg


async def _match(orders: Orders, arrival: Arrival, part_id: str, actor: str) -> Arrival:
    decide = partial(bring, part_id=part_id, arrival=arrival)
    leg = await orders.change(order_id_of(part_id), decide, actor)
    matched = structs.replace(arrival, leg_id=leg.leg_id)
    await orders.write(partial(_write_match, matched=matched))
    return matched


def _known_as(connection: Connection, arrival: Arrival) -> str:
    """The return or parcel that an arrival is by its waybills; "" if that is not known."""
    legs = list_legs(connection, arrival.tenant, LegFilter(waybill=arrival.waybill), 100, "")
    open_legs = [leg for leg in legs if leg.carrier == arrival.carrier and not leg.inspected_at_ms]
    if open_legs:
        return open_legs[-1].leg_id
    for waybill in filter(None, (arrival.waybill, arrival.old_waybill)):
        wanted = ShipmentFilter(waybill=waybill)
        found = list_shipments(connection, arrival.tenant, wanted, 100, "")
        if found:
            return max(found, key=lambda each: each.created_at_ms).shipment_id
    return ""


def _begin(connection: Connection, scanned: Arrival) -> tuple[Arrival, bool]:
    known = _arrival_of(connection, scanned.tenant, scanned.arrival_id)
    if known is None:
        connection.execute(insert(arrivals), [structs.asdict(scanned)])
        return scanned, False
    same = structs.replace(
        scanned,
        arrived_at_ms=known.arrived_at_ms,
        due_at_ms=known.due_at_ms,
        leg_id=known.leg_id,
    )
    if same != known:
        raise Refused(RefusalReason.KEY_REUSED, field="arrival_id", key=scanned.arrival_id)
    return known, True


def _arrival_of(connection: Connection, tenant: str, arrival_id: str) -> Arrival | None:
    named = (arrivals.c.tenant == tenant, arrivals.c.arrival_id == arrival_id)
    row = connection.execute(select(arrivals).where(*named)).first()
    return None if row is None else Arrival(*row)


def _write_match(connection: Connection, matched: Arrival) -> None:
    named = (arrivals.c.tenant == matched.tenant, arrivals.c.arrival_id == matched.arrival_id)
    connection.execute(update(arrivals).where(*named).values(leg_id=matched.leg_id))
