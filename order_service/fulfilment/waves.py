"""Waves: shipments that are picked in one walk through a warehouse (O6).

A wave and the shipments that were chosen for it are written first, then each shipment is put into
it; a wave that is asked for again is finished, whatever came in between.
"""

import asyncio
from collections.abc import Sequence
from functools import partial

import msgspec
from sqlalchemy import Connection, func, insert, select, tuple_

from order_service.fulfilment.queries import IS_IN_WAVE, waiting_shipments
from order_service.fulfilment.warehouse import put_in_wave
from order_service.order.parts import order_id_of
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.states import ShipmentState
from order_service.storage.orders import Orders
from order_service.storage.schema import orders as orders_table
from order_service.storage.schema import shipments, waves

_shipment_ids = msgspec.json.Decoder(tuple[str, ...])


class Wave(msgspec.Struct, frozen=True):
    """A wave. A zone of "" means all zones of the warehouse."""

    tenant: str
    wave_id: str
    location: str
    zone: str
    shipment_ids: tuple[str, ...]
    created_at_ms: int
    shipments_max: int
    """At most so many were asked for; 0 of a wave of a version that did not write that down."""


async def create_wave(
    orders: Orders,
    tenant: str,
    wave_id: str,
    location: str,
    zone: str,
    shipments_max: int,
    actor: str,
) -> tuple[Wave, bool]:
    """The wave of that id, with the oldest shipments that wait there; whether it was there before.

    Raises Refused: NOT_FOUND where none waits, KEY_REUSED for a wave of another place or size.
    """
    now_ms = orders.clock_ms()
    blank = Wave(tenant, wave_id, location, zone, (), now_ms, shipments_max)
    begin = partial(_begin, blank=blank)
    wave, replayed = await orders.write(begin)
    put = await asyncio.gather(
        *(_put(orders, shipment_id, wave_id, actor) for shipment_id in wave.shipment_ids)
    )
    taken = tuple(name for name, ours in zip(wave.shipment_ids, put, strict=True) if ours)
    return msgspec.structs.replace(wave, shipment_ids=taken), replayed


def _begin(connection: Connection, blank: Wave) -> tuple[Wave, bool]:
    row = connection.execute(
        select(waves).where(waves.c.tenant == blank.tenant, waves.c.wave_id == blank.wave_id)
    ).first()
    if row is not None:
        known = _from(row)
        same_size = known.shipments_max in (0, blank.shipments_max)
        if (known.location, known.zone) != (blank.location, blank.zone) or not same_size:
            raise Refused(RefusalReason.KEY_REUSED, field="wave_id", key=blank.wave_id)
        return known, True
    waiting = waiting_shipments(
        connection, blank.tenant, blank.location, blank.zone, blank.shipments_max
    )
    if not waiting:
        where = f"{blank.location} {blank.zone}".rstrip()
        raise Refused(RefusalReason.NOT_FOUND, thing="shipment that waits in", name=where)
    wave = msgspec.structs.replace(
        blank, shipment_ids=tuple(shipment.shipment_id for shipment in waiting)
    )
    ids = msgspec.json.encode(wave.shipment_ids).decode()
    connection.execute(insert(waves), [{**msgspec.structs.asdict(wave), "shipment_ids": ids}])
    return wave, False


class WaveInHand(msgspec.Struct, frozen=True):
    """A wave, and how much of it is left."""

    wave: Wave
    to_pick: int
    """Shipments in it that are still to be picked."""


def list_waves(
    connection: Connection,
    tenant: str,
    location: str,
    unfinished: bool,
    size: int,
    after: tuple[int, str],
) -> list[WaveInHand]:
    """Waves, the newest first, those before a time and id; all, or those with something to pick."""
    left = (
        select(func.count())
        .select_from(shipments.join(orders_table, orders_table.c.order_id == shipments.c.order_id))
        .where(
            shipments.c.wave_id == waves.c.wave_id,
            IS_IN_WAVE,
            shipments.c.state == ShipmentState.PLANNED,
            orders_table.c.tenant == waves.c.tenant,
        )
        .scalar_subquery()
    )
    key = (waves.c.created_at_ms, waves.c.wave_id)
    statement = select(*waves.c, left).where(waves.c.tenant == tenant, tuple_(*key) < after)
    if location:
        statement = statement.where(waves.c.location == location)
    if unfinished:
        statement = statement.where(left > 0)
    newest = statement.order_by(*(column.desc() for column in key)).limit(size)
    return [WaveInHand(_from(row[:-1]), row[-1]) for row in connection.execute(newest)]


async def _put(orders: Orders, shipment_id: str, wave_id: str, actor: str) -> bool:
    """Whether a shipment is in the wave: another may have been faster, or its order cancelled."""
    decide = partial(put_in_wave, shipment_id=shipment_id, wave_id=wave_id)
    return await orders.change(order_id_of(shipment_id), decide, actor) is not None


def _from(row: Sequence[object]) -> Wave:
    values = list(row)
    values[4] = _shipment_ids.decode(str(row[4]))
    return Wave(*values)  # type: ignore[arg-type]
