"""Statements of merchants, and what became of them. What a closed one says never changes.

Revision: 0025, after 0024.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_INT8 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WHY = "what a closed statement says never changes"
_IS_OTHER = """
    OLD.state <> 'OPEN' AND (NEW.from_no <> OLD.from_no OR NEW.to_no <> OLD.to_no
    OR NEW.opening_minor <> OLD.opening_minor OR NEW.closing_minor <> OLD.closing_minor
    OR NEW.begins_at_ms <> OLD.begins_at_ms OR NEW.ends_at_ms <> OLD.ends_at_ms)
"""


def upgrade() -> None:
    """Makes the schema newer by one step."""
    names = _columns(sa.Text(), "tenant", "merchant_id", "currency")
    op.create_table(
        "statements",
        *names,
        *_columns(sa.Integer(), "statement_no"),
        *_columns(sa.Text(), "state"),
        *_columns(_INT8, "begins_at_ms", "ends_at_ms", "from_no", "opening_minor"),
        *_columns(_INT8, "entered_at_ms", "due_at_ms", "to_no", "closing_minor"),
        *_columns(sa.Integer(), "payout_no"),
        *_columns(_INT8, "payout_minor"),
        *_columns(sa.Text(), "payout_ref", "approved_by", "why"),
        _key("statements"),
        sa.CheckConstraint(
            "to_no >= from_no OR state = 'OPEN'", name=op.f("ck_statements_it_is_a_range")
        ),
        sqlite_strict=True,
    )
    op.create_index("ix_statements_due", "statements", ["state", "due_at_ms"])
    op.create_table(
        "statement_moves",
        *_columns(sa.Text(), "tenant", "merchant_id", "currency"),
        *_columns(sa.Integer(), "statement_no", "move_no"),
        *_columns(sa.Text(), "event", "from_state", "to_state", "actor", "why"),
        *_columns(_INT8, "at_ms"),
        _key("statement_moves", "move_no"),
        sqlite_strict=True,
    )
    for statement in _POSTGRES if op.get_bind().dialect.name == "postgresql" else _SQLITE:
        op.execute(statement)


def _columns(kind: Any, *names: str) -> list["sa.Column[Any]"]:
    return [sa.Column(name, kind, nullable=False, autoincrement=False) for name in names]


def _key(table: str, *more: str) -> sa.PrimaryKeyConstraint:
    names = ("tenant", "merchant_id", "currency", "statement_no", *more)
    return sa.PrimaryKeyConstraint(*names, name=op.f(f"pk_{table}"))


_POSTGRES = (
    f"""
    CREATE FUNCTION keep_statement() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION '{_WHY}' USING ERRCODE = 'check_violation';
    END $$
    """,
    f"""
    CREATE TRIGGER statements_stay_1 BEFORE UPDATE ON statements
    FOR EACH ROW WHEN ({_IS_OTHER}) EXECUTE FUNCTION keep_statement()
    """,
    """
    CREATE TRIGGER statements_stay_2 BEFORE DELETE ON statements
    FOR EACH ROW EXECUTE FUNCTION keep_statement()
    """,
)
_SQLITE = (
    f"""
    CREATE TRIGGER statements_stay_1 BEFORE UPDATE ON statements WHEN {_IS_OTHER}
    BEGIN SELECT RAISE(ABORT, '{_WHY}'); END
    """,
    f"""
    CREATE TRIGGER statements_stay_2 BEFORE DELETE ON statements
    BEGIN SELECT RAISE(ABORT, '{_WHY}'); END
    """,
)
