"""Incidents may name the units of a parcel that they are about.

Revision: 0013, after 0012.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the schema newer by one step."""
    # With a default, because a process of the version before goes on writing incidents meanwhile.
    column = sa.Column("lines", sa.Text(), nullable=False, server_default="[]")
    op.add_column("incidents", column)
