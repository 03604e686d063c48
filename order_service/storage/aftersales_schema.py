"""The tables of after-sales: what happens to goods and money once an order has left."""

from typing import Final

from sqlalchemy import (
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    and_,
    literal_column,
)

from order_service.storage.columns import (
    NO_WORDS,
    ids,
    part_number,
    partial_index,
    table,
    whole,
    words,
)

# A parcel, a case: the number is 0 where there is none, so no foreign key refers to it.
return_legs = table(
    "return_legs",
    *ids("order_id"),
    part_number("leg"),
    *words("state", "kind"),
    part_number("case"),
    part_number("shipment"),
    *words("lines", "location", "carrier", "waybill"),
    *whole("created_at_ms", "updated_at_ms"),
    *whole("sent_at_ms", "arrived_at_ms", "inspected_at_ms", "due_at_ms", nullable=True),
    *words("judged", "label_url"),
    PrimaryKeyConstraint("order_id", "leg_no"),
    ForeignKeyConstraint(["order_id"], ["orders.order_id"]),
)
# Carriers give a number to another parcel some months later.
IS_OPEN: Final[ColumnElement[bool]] = literal_column(
    "state IN ('EXPECTED', 'ON_ITS_WAY', 'ARRIVED')"
)
HAS_WAYBILL: Final[ColumnElement[bool]] = return_legs.c.waybill != NO_WORDS
_OPEN_WITH_WAYBILL: Final = and_(HAS_WAYBILL, IS_OPEN)
Index(
    "ix_return_legs_open_waybill",
    return_legs.c.carrier,
    return_legs.c.waybill,
    unique=True,
    sqlite_where=_OPEN_WITH_WAYBILL,
    postgresql_where=_OPEN_WITH_WAYBILL,
)
partial_index("ix_return_legs_waybill", return_legs.c.waybill, where=HAS_WAYBILL)
Index("ix_return_legs_state", return_legs.c.state, return_legs.c.location)

# Every event that a carrier told of a leg, once: carriers number the events of a waybill.
leg_events = table(
    "leg_events",
    *ids("order_id"),
    part_number("leg"),
    *words("carrier", "waybill", "event_id", "kind"),
    *whole("happened_at_ms", "received_at_ms"),
    *words("place"),
    PrimaryKeyConstraint("order_id", "leg_no", "carrier", "waybill", "event_id"),
    ForeignKeyConstraint(["order_id", "leg_no"], ["return_legs.order_id", "return_legs.leg_no"]),
    by_key=True,
)
