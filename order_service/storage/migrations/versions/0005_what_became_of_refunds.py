"""Refunds have the currency of their money, and what their providers said became of them.

Until now a refund's amount was taken for one of the order's currency, which it is not where money
came in another; and a provider's word was kept as a state alone.

Revision: 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_INT8 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INT2 = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Makes the schema newer by one step."""
    for name in ("currency", "sent_currency", "refused_refs"):
        column = sa.Column(name, sa.Text(), nullable=False, server_default="")
        op.add_column("refunds", column)
    op.add_column("refunds", sa.Column("sent_minor", _INT8, nullable=True))
    op.add_column("refunds", sa.Column("by_hand", _INT2, nullable=False, server_default="0"))
    op.execute(
        "UPDATE refunds SET currency = (SELECT captured_currency FROM payments "
        "WHERE payments.order_id = refunds.order_id AND payments.payment_no = refunds.payment_no)"
    )
    # Until now only a person moved a refund from FAILED to DONE, or a provider that had said no.
    op.execute(
        "UPDATE refunds SET by_hand = 1 WHERE state = 'DONE' AND EXISTS ("
        "SELECT 1 FROM history JOIN moves ON moves.move = history.move "
        "WHERE history.order_id = refunds.order_id AND history.part_no = refunds.refund_no "
        "AND moves.machine = 'refund' AND moves.from_state = 'FAILED' "
        "AND moves.event = 'SENT_BACK' AND history.actor NOT LIKE 'provider:%' "
        "AND history.actor NOT IN ('relay', 'reconciliation'))"
    )
