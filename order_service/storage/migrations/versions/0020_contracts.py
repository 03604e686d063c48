"""Contracts of merchants: the rates by which their parts of orders are settled.

Revision: 0020, after 0019.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_INT8 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INT2 = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")
_COLUMNS = (
    ("tenant", sa.Text()),
    ("merchant_id", sa.Text()),
    ("contract_no", sa.Integer()),
    ("from_at_ms", _INT8),
    ("commission_bp", sa.Integer()),
    ("service_fee_bp", sa.Integer()),
    ("coupon_bp", sa.Integer()),
    ("merchant_ships", _INT2),
    ("merchant_collects", _INT2),
    ("period", sa.Text()),
    ("period_days", sa.Integer()),
    ("zone", sa.Text()),
    ("payout_min_minor", _INT8),
    ("version", sa.Integer()),
)


def upgrade() -> None:
    """Makes the schema newer by one step."""
    op.create_table(
        "contracts",
        *(sa.Column(name, kind, nullable=False, autoincrement=False) for name, kind in _COLUMNS),
        sa.PrimaryKeyConstraint("tenant", "merchant_id", "contract_no", name=op.f("pk_contracts")),
        sqlite_strict=True,
    )
