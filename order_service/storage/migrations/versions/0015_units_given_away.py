"""A parcel may go all the same though the money of its units goes back: they are given away.

Revision: 0015, after 0014.
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_CHECK = """
    coalesce(given_units, 0) >= 0 AND coalesce(refunded_unshipped, 0)
    + coalesce(refunded_shipped, 0) + coalesce(adjusted_units, 0)
    + coalesce(unpaid_units, 0) + coalesce(given_units, 0) <= quantity
"""
_NAMED = f"CONSTRAINT ck_order_lines_what_is_given_away_is_paid_back_once CHECK ({_CHECK})"


def upgrade() -> None:
    """Makes the schema newer by one step."""
    op.execute(f"ALTER TABLE order_lines ADD COLUMN given_units INTEGER {_NAMED}")
    op.execute("ALTER TABLE shipments ADD COLUMN given_away INTEGER")
