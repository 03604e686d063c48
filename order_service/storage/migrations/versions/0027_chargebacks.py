"""Banks take money of payments back: chargebacks.

Revision: 0027, after 0026.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_INT8 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INT2 = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")
_OPEN = sa.text("state NOT IN ('WON', 'LOST')")
_NO_MORE_IS_DISPUTED = """
    coalesce(disputed_minor, 0) >= 0
    AND refunded_minor + coalesce(disputed_minor, 0) <= captured_minor
"""


def upgrade() -> None:
    """Makes the schema newer by one step."""
    big = "BIGINT" if op.get_bind().dialect.name == "postgresql" else "INTEGER"
    named = (
        f"CONSTRAINT ck_payments_no_more_is_disputed_than_is_left CHECK ({_NO_MORE_IS_DISPUTED})"
    )
    op.execute(f"ALTER TABLE payments ADD COLUMN disputed_minor {big} {named}")
    op.create_table(
        "chargebacks",
        sa.Column("order_id", _INT8, autoincrement=False, nullable=False),
        sa.Column("chargeback_no", _INT2, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("payment_no", _INT2, nullable=False),
        sa.Column("provider_ref", sa.Text(), nullable=False),
        sa.Column("amount_minor", _INT8, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("created_at_ms", _INT8, nullable=False),
        sa.Column("updated_at_ms", _INT8, nullable=False),
        sa.Column("disputed_minor", _INT8, nullable=True),
        sa.Column("fee_minor", _INT8, nullable=True),
        sa.Column("due_at_ms", _INT8, nullable=True),
        sa.Column("refund_no", _INT2, nullable=False),
        sa.PrimaryKeyConstraint("order_id", "chargeback_no", name=op.f("pk_chargebacks")),
        sa.UniqueConstraint(
            "order_id",
            "payment_no",
            "provider_ref",
            name=op.f("uq_chargebacks_order_id"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_chargebacks_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["order_id", "payment_no"],
            ["payments.order_id", "payments.payment_no"],
            name=op.f("fk_chargebacks_order_id_payment_no"),
        ),
        sa.CheckConstraint(
            "amount_minor >= 0 AND coalesce(disputed_minor, 0) BETWEEN 0 AND amount_minor "
            "AND coalesce(fee_minor, 0) >= 0",
            name=op.f("ck_chargebacks_no_more_is_disputed_than_was_taken"),
        ),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_chargebacks_open",
        "chargebacks",
        ["created_at_ms"],
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    _guard_states()


def _guard_states() -> None:
    """Has the database refuse states that the machine does not have (migration 0004)."""
    new = ("INSERT", "")
    moved = ("UPDATE OF state", "NEW.state <> OLD.state")
    for number, (event, when) in enumerate((new, moved), 1):
        name = f"chargebacks_state_is_known_{number}"
        if op.get_bind().dialect.name == "postgresql":
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {event} ON chargebacks FOR EACH ROW "
                f"{when and f'WHEN ({when})'} EXECUTE FUNCTION refuse_unknown_state('chargeback')"
            )
        else:
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {event} ON chargebacks "
                f"WHEN {when and f'{when} AND '}NOT EXISTS (SELECT 1 FROM moves "
                "WHERE machine = 'chargeback' AND to_state = NEW.state) "
                "BEGIN SELECT RAISE(ABORT, 'no chargeback has this state'); END"
            )
