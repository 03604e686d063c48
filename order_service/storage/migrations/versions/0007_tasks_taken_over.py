"""Tasks count how often they were taken over, apart from the attempts that failed.

Until now a lease that ran out counted as a failed attempt, and a task whose processes' clocks were
apart was given up within seconds.

Revision: 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the schema newer by one step."""
    # With a default, because a process of the version before goes on writing tasks meanwhile.
    op.add_column(
        "tasks", sa.Column("taken_over", sa.Integer(), nullable=False, server_default="0")
    )
