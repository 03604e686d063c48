"""${message}.

Revision: ${up_revision}, after ${down_revision or "none"}.
"""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the schema newer by one step."""
    ${upgrades if upgrades else "pass"}
