"""Parcels that come unannounced are written down, and matched with what they brought.

Revision: 0026, after 0025.
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_INT8 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WORDS = ("tenant", "arrival_id", "location", "carrier", "waybill", "old_waybill")
_WAITING = sa.text("leg_id = ''")


def upgrade() -> None:
    """Makes the schema newer by one step."""
    op.create_table(
        "arrivals",
        *(sa.Column(name, sa.Text(), nullable=False) for name in _WORDS),
        sa.Column("arrived_at_ms", _INT8, nullable=False),
        sa.Column("due_at_ms", _INT8, nullable=False),
        sa.Column("leg_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "arrival_id", name=op.f("pk_arrivals")),
        sqlite_strict=True,
    )
    op.create_index("ix_arrivals_arrived", "arrivals", ["tenant", "arrived_at_ms", "arrival_id"])
    op.create_index(
        "ix_arrivals_waiting",
        "arrivals",
        ["due_at_ms"],
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    )
