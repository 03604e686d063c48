"""Orders wait for stock until a time, and can be put on hold.

Revision: 0009, after 0008.
"""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the schema newer by one step."""
    for name in ("waits_until_at_ms", "held_at_ms"):
        op.add_column("orders", Column(name, BigInteger().with_variant(Integer, "sqlite")))
