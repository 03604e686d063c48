"""Keys of orders have a channel, and waves know for how many shipments they were asked.

Revision: 0016, after 0015.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_SQLITE_KEY = "substr(order_key, 1, instr(order_key, '@') - 1)"
_POSTGRES_KEY = "split_part(order_key, '@', 1)"


def upgrade() -> None:
    """Makes the schema newer by one step."""
    is_postgres = op.get_context().dialect.name == "postgresql"
    key = _POSTGRES_KEY if is_postgres else _SQLITE_KEY
    where = "order_key LIKE '%@%'"
    op.execute(f"CREATE INDEX ix_orders_key ON orders (tenant, {key}) WHERE {where}")
    # With a default, because a process of the version before goes on writing waves meanwhile.
    size = sa.Column("shipments_max", sa.Integer(), nullable=False, server_default="0")
    op.add_column("waves", size)
