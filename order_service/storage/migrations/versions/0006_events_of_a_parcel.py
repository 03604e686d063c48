"""Carriers' event ids are counted by parcel, not over all orders.

Until now an event whose id another order had used could never be written. What was written before
is known again under the new key, so that nothing has its effect twice.

Revision: 0006, after 0005.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_AT_ONCE = 1_000
_KEY = ("order_id", "shipment_no", "carrier", "event_id")
_INT8 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INT2 = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Makes the schema newer by one step."""
    seen = sa.table("seen", sa.column("order_id", _INT8), sa.column("once", _INT8))
    for rows in _in_slices():
        op.bulk_insert(seen, [{"order_id": row[0], "once": _digest(*row)} for row in rows])
    op.drop_index("ix_tracking_events_shipment", "tracking_events")
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("pk_tracking_events", "tracking_events", type_="primary")
        op.create_primary_key("pk_tracking_events", "tracking_events", list(_KEY))
    else:
        _make_table_of_sqlite_anew()


def _in_slices() -> Iterator[Sequence[Any]]:
    """The keys of all events, some at a time."""
    columns = [sa.column(name) for name in _KEY]
    events = sa.table("tracking_events", *columns)
    after: Any = None
    while True:
        statement = sa.select(*columns).select_from(events)
        if after is not None:
            statement = statement.where(sa.tuple_(*columns[2:]) > tuple(after[2:]))
        rows = op.get_bind().execute(statement.order_by(*columns[2:]).limit(_AT_ONCE)).all()
        if not rows:
            return
        yield rows
        after = rows[-1]


def _digest(order_id: int, shipment_no: int, carrier: str, event_id: str) -> int:
    """The digest of the key under which an event has its effect once from now on."""
    key = f"track/{order_id:019}-s{shipment_no}/{carrier}/{event_id}"
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)


def _make_table_of_sqlite_anew() -> None:
    """SQLite cannot give a table another primary key."""
    op.rename_table("tracking_events", "tracking_events_before")
    op.create_table(
        "tracking_events",
        *_columns(sa.Text(), "carrier", "event_id"),
        *_columns(_INT8, "order_id"),
        *_columns(_INT2, "shipment_no"),
        *_columns(sa.Text(), "kind"),
        *_columns(_INT8, "happened_at_ms", "received_at_ms"),
        *_columns(sa.Text(), "place"),
        *_columns(_INT8, "amount_minor"),
        *_columns(sa.Text(), "currency"),
        sa.ForeignKeyConstraint(
            ["order_id", "shipment_no"],
            ["shipments.order_id", "shipments.shipment_no"],
            name=op.f("fk_tracking_events_order_id_shipment_no"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_tracking_events_order_id")
        ),
        sa.PrimaryKeyConstraint(*_KEY, name=op.f("pk_tracking_events")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    names = (
        "carrier, event_id, order_id, shipment_no, kind, happened_at_ms, received_at_ms, place, "
        "amount_minor, currency"
    )
    op.execute(f"INSERT INTO tracking_events ({names}) SELECT {names} FROM tracking_events_before")
    op.drop_table("tracking_events_before")


def _columns(kind: Any, *names: str) -> list[Any]:
    return [sa.Column(name, kind, nullable=False, autoincrement=False) for name in names]
