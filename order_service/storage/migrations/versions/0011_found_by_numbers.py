"""Orders are found by numbers of providers and of phones, payments by what is pending.

Revision: 0011, after 0010.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_SQLITE_PHONE = "json_extract(delivery, '$[1]')"


def upgrade() -> None:
    """Makes the schema newer by one step."""
    for table in ("payments", "refunds"):
        has_one = sa.text("provider_ref != ''")
        op.create_index(
            f"ix_{table}_provider_ref",
            table,
            ["provider_ref"],
            sqlite_where=has_one,
            postgresql_where=has_one,
        )
    is_pending = sa.text("state = 'CREATED' OR state = 'PENDING'")
    op.create_index(
        "ix_payments_pending",
        "payments",
        ["created_at_ms"],
        sqlite_where=is_pending,
        postgresql_where=is_pending,
    )
    is_postgres = op.get_context().dialect.name == "postgresql"
    phone = "CAST(delivery AS jsonb) ->> 1" if is_postgres else _SQLITE_PHONE
    op.execute(f"CREATE INDEX ix_orders_phone ON orders (tenant, ({phone}))")
