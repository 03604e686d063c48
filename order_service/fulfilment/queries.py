"""Reads fulfilment's lists, each in one transaction."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    exists,
    func,
    literal_column,
    or_,
    select,
)

from order_service.fulfilment.remarks import REMARK_WORDS, is_to_be_read
from order_service.order.contact import CORRECTED, is_about_correction
from order_service.order.model import Incident, IncidentKind, Shipment
from order_service.order.parts import PART_KINDS, part_id
from order_service.order.records import Review, TemperatureReading, TrackingEvent, Verdict
from order_service.order.return_legs import ReturnLeg
from order_service.order.states import OrderState, ShipmentState
from order_service.storage.aftersales_schema import HAS_WAYBILL, IS_OPEN, return_legs
from order_service.storage.columns import NO_WORDS, is_after_part, is_part
from order_service.storage.rows import ROW_KINDS
from order_service.storage.schema import (
    incidents,
    order_merchants,
    orders,
    remarks,
    reviews,
    shipments,
    temperature_readings,
    tracking_events,
)

T = TypeVar("T")

PICKED_AT_ONCE_MAX: Final = 1_000
"""The most shipments of a pick list: the oldest."""
REMARKS_OF_A_PICK_MAX: Final = 3
"""The most remarks of an order on a pick list: the newest."""
REMARK_OF_A_PICK_LENGTH_MAX: Final = 200
"""The length at which a remark on a pick list is cut."""

_SHIPMENT: Final = (shipments.c.order_id, shipments.c.shipment_no)
_INCIDENT: Final = (incidents.c.order_id, incidents.c.incident_no)
# As they stand in the conditions of indexes, which no parameter matches.
_WAITS: Final[ColumnElement[str]] = literal_column(f"'{Verdict.WAITS}'")
_HAS_WAYBILL: Final = shipments.c.waybill != NO_WORDS
IS_IN_WAVE: Final = shipments.c.wave_id != NO_WORDS


class WaitingReview(NamedTuple):
    """An order that waits for a person, since when and why."""

    order_id: str
    review_id: str
    since_at_ms: int
    findings: tuple[str, ...]


class Pick(NamedTuple):
    """Units of one article to be taken from the shelf for one shipment."""

    location: str
    zone: str
    sku: str
    shipment_id: str
    quantity: int
    wave_id: str
    created_at_ms: int
    remarks: tuple[str, ...] = ()
    """The last remarks of the order, the newest last. Personal."""


class PickFilter(Struct, frozen=True):
    """Which picks: "" and 0 mean all."""

    wave_id: str = ""
    location: str = ""
    zone: str = ""
    created_before_ms: int = 0


class ShipmentFilter(Struct, frozen=True):
    """Which shipments: "" and None mean all."""

    order_id: str = ""
    state: ShipmentState | None = None
    location: str = ""
    waybill: str = ""


class IncidentFilter(Struct, frozen=True):
    """Which incidents: "", None and 0 mean all."""

    owner: str = ""
    kind: IncidentKind | None = None
    closed_too: bool = False
    due_before_ms: int = 0


def remarks_to_read(
    connection: Connection, order_id: str, words: Sequence[str] = REMARK_WORDS
) -> int:
    """The number of an order's remarks that a person has to read. Corrections are none."""
    texts = connection.scalars(select(remarks.c.text).where(remarks.c.order_id == order_id))
    return sum(not is_about_correction(text) and is_to_be_read(text, words) for text in texts)


def waiting_reviews(
    connection: Connection,
    tenant: str,
    size: int,
    after: str,
    merchant_id: str = "",
    since_before_ms: int = 0,
) -> list[WaitingReview]:
    """Orders that wait for a person, those that wait longest first; `after` a review id.

    With a merchant, only those of which it has a part; with a time, those that have waited then.
    """
    statement = (
        select(reviews)
        .join(orders, orders.c.order_id == reviews.c.order_id)
        .where(
            orders.c.tenant == tenant,
            # It is not reviewed yet, or on the hold that began then.
            or_(orders.c.state == OrderState.CONFIRMED, orders.c.held_at_ms == reviews.c.at_ms),
            reviews.c.verdict == _WAITS,
            reviews.c.review_id > after,
        )
        .order_by(reviews.c.review_id)
        .limit(size)
    )
    if since_before_ms:
        statement = statement.where(reviews.c.at_ms <= since_before_ms)
    if merchant_id:
        statement = statement.where(
            exists().where(
                order_merchants.c.tenant == tenant,
                order_merchants.c.merchant_id == merchant_id,
                order_merchants.c.order_id == reviews.c.order_id,
            )
        )
    return [
        WaitingReview(review.order_id, review.review_id, review.at_ms, review.findings)
        for review in _read(connection, statement, Review)
    ]


def list_shipments(
    connection: Connection, tenant: str, wanted: ShipmentFilter, size: int, after: str
) -> list[Shipment]:
    """Shipments in the order of their ids; `after` a shipment id."""
    statement = _shipments_of(tenant).where(
        is_after_part(*_SHIPMENT, after), *_equal(shipments, asdict(wanted))
    )
    if wanted.waybill:
        statement = statement.where(_HAS_WAYBILL)
    return _read(connection, statement.order_by(*_SHIPMENT).limit(size), Shipment)


def shipment_id_of(connection: Connection, carrier: str, waybill: str) -> str:
    """The newest shipment that has a carrier's waybill; "" if none has.

    Carriers give a number to another parcel some months later.
    """
    statement = (
        select(*_SHIPMENT)
        .where(shipments.c.waybill == waybill, _HAS_WAYBILL, shipments.c.carrier == carrier)
        .order_by(shipments.c.created_at_ms.desc())
        .limit(1)
    )
    found = connection.execute(statement).first()
    return part_id(found[0], PART_KINDS[Shipment].letter, found[1]) if found else ""


def carried_by(connection: Connection, carrier: str, waybill: str) -> str:
    """The return or shipment that a carrier has under a waybill; "" if none.

    An open return first: its buyer may send it under the number that an old parcel had.
    """
    named = (
        return_legs.c.waybill == waybill,
        HAS_WAYBILL,
        return_legs.c.carrier == carrier,
    )
    legs = select(return_legs.c.order_id, return_legs.c.leg_no).where(*named)
    is_open = connection.execute(legs.where(IS_OPEN)).first()
    found = shipment_id_of(connection, carrier, waybill) if is_open is None else ""
    if found:
        return found
    newest_first = legs.order_by(return_legs.c.created_at_ms.desc()).limit(1)
    leg = is_open or connection.execute(newest_first).first()
    return part_id(leg[0], PART_KINDS[ReturnLeg].letter, leg[1]) if leg else ""


def waiting_shipments(
    connection: Connection, tenant: str, location: str, zone: str, size: int
) -> list[Shipment]:
    """Shipments that are to be picked and in no wave yet, the oldest first."""
    statement = _shipments_of(tenant).where(
        shipments.c.state == ShipmentState.PLANNED,
        shipments.c.location == location,
        shipments.c.wave_id == "",
        *_equal(shipments, {"zone": zone}),
    )
    return _oldest(connection, statement, size)


def list_picks(connection: Connection, tenant: str, wanted: PickFilter) -> list[Pick]:
    """Units to be picked, sorted by warehouse, zone, SKU and shipment: the order of one walk."""
    equal = {"wave_id": wanted.wave_id, "location": wanted.location, "zone": wanted.zone}
    statement = _shipments_of(tenant).where(
        shipments.c.state == ShipmentState.PLANNED, *_equal(shipments, equal)
    )
    if wanted.wave_id:
        statement = statement.where(IS_IN_WAVE)
    if wanted.created_before_ms:
        statement = statement.where(shipments.c.created_at_ms <= wanted.created_before_ms)
    found = _oldest(connection, statement, PICKED_AT_ONCE_MAX)
    said = _last_remarks(connection, {shipment.order_id for shipment in found})
    return sorted(
        Pick(
            shipment.location,
            shipment.zone,
            line.sku,
            shipment.shipment_id,
            line.quantity,
            shipment.wave_id,
            shipment.created_at_ms,
            tuple(said[shipment.order_id]),
        )
        for shipment in found
        for line in shipment.lines
    )


def _last_remarks(connection: Connection, order_ids: Collection[str]) -> Mapping[str, list[str]]:
    """The last remarks of orders, each behind its author, the newest last."""
    newest = func.row_number().over(
        partition_by=remarks.c.order_id,
        order_by=(remarks.c.at_ms.desc(), remarks.c.remark_id.desc()),
    )
    text = func.substr(remarks.c.text, 1, REMARK_OF_A_PICK_LENGTH_MAX)
    made = (
        select(remarks.c.order_id, remarks.c.author, text.label("text"), newest.label("place"))
        .where(remarks.c.order_id.in_(order_ids), ~remarks.c.text.startswith(CORRECTED))
        .subquery()
    )
    last = select(made).where(made.c.place <= REMARKS_OF_A_PICK_MAX).order_by(made.c.place.desc())
    said: defaultdict[str, list[str]] = defaultdict(list)
    for order_id, author, words, _ in connection.execute(last):
        said[order_id].append(f"{author}: {words}")
    return said


def list_incidents(
    connection: Connection, tenant: str, wanted: IncidentFilter, size: int, after: tuple[int, str]
) -> list[Incident]:
    """Incidents, those whose deadline is nearest first; `after` a deadline and an incident id."""
    due_at_ms, incident_id = after
    statement = (
        select(incidents)
        .join(orders, orders.c.order_id == incidents.c.order_id)
        .where(
            orders.c.tenant == tenant,
            or_(
                incidents.c.due_at_ms > due_at_ms,
                (incidents.c.due_at_ms == due_at_ms) & is_after_part(*_INCIDENT, incident_id),
            ),
            *_equal(incidents, {"owner": wanted.owner, "kind": wanted.kind}),
        )
    )
    if not wanted.closed_too:
        statement = statement.where(incidents.c.settled_at_ms == 0)
    if wanted.due_before_ms:
        statement = statement.where(incidents.c.due_at_ms <= wanted.due_before_ms)
    statement = statement.order_by(incidents.c.due_at_ms, *_INCIDENT).limit(size)
    return _read(connection, statement, Incident)


def reports_of(
    connection: Connection, shipment_id: str
) -> tuple[list[TrackingEvent], list[TemperatureReading]]:
    """Events and temperatures of a shipment, by the time at which they happened."""
    events, readings = tracking_events.c, temperature_readings.c
    happened = (
        select(tracking_events)
        .where(is_part(events.order_id, events.shipment_no, shipment_id))
        .order_by(events.happened_at_ms, events.event_id)
    )
    measured = (
        select(temperature_readings)
        .where(is_part(readings.order_id, readings.shipment_no, shipment_id))
        .order_by(readings.read_at_ms, readings.sensor)
    )
    return (
        _read(connection, happened, TrackingEvent),
        _read(connection, measured, TemperatureReading),
    )


def known_event(connection: Connection, event: TrackingEvent) -> TrackingEvent | None:
    """The event that was written down under the id of another, if there is one."""
    columns = tracking_events.c
    statement = select(tracking_events).where(
        is_part(columns.order_id, columns.shipment_no, event.shipment_id),
        columns.carrier == event.carrier,
        columns.event_id == event.event_id,
    )
    found = _read(connection, statement, TrackingEvent)
    return found[0] if found else None


def known_reading(
    connection: Connection, shipment_id: str, sensor: str, read_at_ms: int
) -> TemperatureReading | None:
    """The reading of a sensor and time that was written down, if there is one."""
    columns = temperature_readings.c
    statement = select(temperature_readings).where(
        is_part(columns.order_id, columns.shipment_no, shipment_id),
        columns.sensor == sensor,
        columns.read_at_ms == read_at_ms,
    )
    found = _read(connection, statement, TemperatureReading)
    return found[0] if found else None


def _shipments_of(tenant: str) -> "Select[Any]":
    return (
        select(shipments)
        .join(orders, orders.c.order_id == shipments.c.order_id)
        .where(orders.c.tenant == tenant)
    )


def _oldest(connection: Connection, statement: "Select[Any]", size: int) -> list[Shipment]:
    in_order = statement.order_by(shipments.c.created_at_ms, *_SHIPMENT)
    return _read(connection, in_order.limit(size), Shipment)


def _equal(table: Table, wanted: Mapping[str, object]) -> list[ColumnElement[bool]]:
    """The conditions that columns have values; "" and None mean all."""
    return [table.c[name] == value for name, value in wanted.items() if value]


def _read(connection: Connection, statement: "Select[Any]", kind: type[T]) -> list[T]:
    return [ROW_KINDS[kind].from_row(row) for row in connection.execute(statement)]
