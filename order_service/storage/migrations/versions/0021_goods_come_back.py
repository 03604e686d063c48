"""Goods that come back have a leg of their own, and carriers' events of it.

Revision: 0021, after 0020.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_INT8 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INT2 = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")
_HAS_WAYBILL = "waybill <> ''"
_OPEN = "state IN ('EXPECTED', 'ON_ITS_WAY', 'ARRIVED')"


def upgrade() -> None:
    """Makes the schema newer by one step."""
    op.add_column("orders", sa.Column("after_sales", sa.Integer(), nullable=True))
    op.create_table(
        "return_legs",
        sa.Column("order_id", _INT8, autoincrement=False, nullable=False),
        sa.Column("leg_no", _INT2, nullable=False),
        *_texts("state", "kind"),
        sa.Column("case_no", _INT2, nullable=False),
        sa.Column("shipment_no", _INT2, nullable=False),
        *_texts("lines", "location", "carrier", "waybill"),
        *_wholes("created_at_ms", "updated_at_ms"),
        *_wholes("sent_at_ms", "arrived_at_ms", "inspected_at_ms", "due_at_ms", nullable=True),
        *_texts("judged", "label_url"),
        sa.PrimaryKeyConstraint("order_id", "leg_no", name=op.f("pk_return_legs")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_return_legs_order_id")
        ),
        sqlite_strict=True,
    )
    _index("open_waybill", ["carrier", "waybill"], f"{_HAS_WAYBILL} AND {_OPEN}", unique=True)
    _index("waybill", ["waybill"], _HAS_WAYBILL)
    op.create_index("ix_return_legs_state", "return_legs", ["state", "location"])
    op.create_table(
        "leg_events",
        sa.Column("order_id", _INT8, autoincrement=False, nullable=False),
        sa.Column("leg_no", _INT2, nullable=False),
        *_texts("carrier", "waybill", "event_id", "kind"),
        *_wholes("happened_at_ms", "received_at_ms"),
        *_texts("place"),
        sa.PrimaryKeyConstraint(
            "order_id", "leg_no", "carrier", "waybill", "event_id", name=op.f("pk_leg_events")
        ),
        sa.ForeignKeyConstraint(
            ["order_id", "leg_no"],
            ["return_legs.order_id", "return_legs.leg_no"],
            name=op.f("fk_leg_events_order_id_leg_no"),
        ),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    _guard_states()


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _wholes(*names: str, nullable: bool = False) -> list[sa.Column[int]]:
    return [sa.Column(name, _INT8, nullable=nullable) for name in names]


def _index(name: str, columns: list[str], condition: str, *, unique: bool = False) -> None:
    where = sa.text(condition)
    op.create_index(
        f"ix_return_legs_{name}",
        "return_legs",
        columns,
        unique=unique,
        sqlite_where=where,
        postgresql_where=where,
    )


def _guard_states() -> None:
    """Has the database refuse legs in states that the machine does not have (migration 0004)."""
    new = ("INSERT", "")
    moved = ("UPDATE OF state", "NEW.state <> OLD.state")
    for number, (event, when) in enumerate((new, moved), 1):
        name = f"return_legs_state_is_known_{number}"
        if op.get_bind().dialect.name == "postgresql":
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {event} ON return_legs FOR EACH ROW "
                f"{when and f'WHEN ({when})'} EXECUTE FUNCTION refuse_unknown_state('leg')"
            )
        else:
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {event} ON return_legs "
                f"WHEN {when and f'{when} AND '}NOT EXISTS (SELECT 1 FROM moves "
                "WHERE machine = 'leg' AND to_state = NEW.state) "
                "BEGIN SELECT RAISE(ABORT, 'no leg has this state'); END"
            )
