"""Parcels on their way can be asked back.

Revision: 0023, after 0022.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_INT8 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INT2 = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")
_ASKED = sa.text("state = 'ASKED'")


def upgrade() -> None:
    """Makes the schema newer by one step."""
    op.create_table(
        "intercepts",
        sa.Column("order_id", _INT8, autoincrement=False, nullable=False),
        sa.Column("intercept_no", _INT2, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("shipment_no", _INT2, nullable=False),
        sa.Column("created_at_ms", _INT8, nullable=False),
        sa.Column("updated_at_ms", _INT8, nullable=False),
        sa.PrimaryKeyConstraint("order_id", "intercept_no", name=op.f("pk_intercepts")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_intercepts_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["order_id", "shipment_no"],
            ["shipments.order_id", "shipments.shipment_no"],
            name=op.f("fk_intercepts_order_id_shipment_no"),
        ),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_intercepts_asked",
        "intercepts",
        ["created_at_ms"],
        sqlite_where=_ASKED,
        postgresql_where=_ASKED,
    )
    _guard_states()


def _guard_states() -> None:
    """Has the database refuse states that the machine does not have (migration 0004)."""
    new = ("INSERT", "")
    moved = ("UPDATE OF state", "NEW.state <> OLD.state")
    for number, (event, when) in enumerate((new, moved), 1):
        name = f"intercepts_state_is_known_{number}"
        if op.get_bind().dialect.name == "postgresql":
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {event} ON intercepts FOR EACH ROW "
                f"{when and f'WHEN ({when})'} EXECUTE FUNCTION refuse_unknown_state('intercept')"
            )
        else:
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {event} ON intercepts "
                f"WHEN {when and f'{when} AND '}NOT EXISTS (SELECT 1 FROM moves "
                "WHERE machine = 'intercept' AND to_state = NEW.state) "
                "BEGIN SELECT RAISE(ABORT, 'no intercept has this state'); END"
            )
