"""Versions of policies of after-sales, and pauses of deadlines: both are only added to.

Revision: 0024, after 0023.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_INT8 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INT2 = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")
_STAYS = "policies and pauses are only added to"


def upgrade() -> None:
    """Makes the schema newer by one step."""
    op.create_table(
        "policies",
        *_columns(sa.Text(), "tenant"),
        *_columns(sa.Integer(), "version"),
        *_columns(sa.Text(), "policy_id", "merchant_id"),
        *_columns(_INT8, "published_at_ms", "effective_from_ms"),
        *_columns(_INT2, "law"),
        *_columns(sa.Text(), "clauses"),
        sa.PrimaryKeyConstraint("tenant", "version", name=op.f("pk_policies")),
        sa.CheckConstraint(
            "effective_from_ms >= published_at_ms",
            name=op.f("ck_policies_none_begins_in_the_past"),
        ),
        sqlite_strict=True,
    )
    op.create_table(
        "pauses",
        *_columns(sa.Text(), "tenant", "state"),
        *_columns(_INT8, "from_at_ms", "until_at_ms"),
        sa.PrimaryKeyConstraint(
            "tenant", "state", "from_at_ms", "until_at_ms", name=op.f("pk_pauses")
        ),
        sa.CheckConstraint("from_at_ms < until_at_ms", name=op.f("ck_pauses_it_has_a_length")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    is_postgres = op.get_bind().dialect.name == "postgresql"
    for statement in _POSTGRES if is_postgres else _SQLITE:
        op.execute(statement)


def _columns(kind: sa.types.TypeEngine, *names: str) -> list[sa.Column]:
    return [sa.Column(name, kind, nullable=False, autoincrement=False) for name in names]


_TABLES = ("policies", "pauses")
_POSTGRES = (
    f"""
    CREATE FUNCTION refuse_to_change_policies() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '{_STAYS}' USING ERRCODE = 'check_violation'; END $$
    """,
    *(
        f"""
        CREATE TRIGGER {name}_stay BEFORE UPDATE OR DELETE ON {name}
        FOR EACH ROW EXECUTE FUNCTION refuse_to_change_policies()
        """
        for name in _TABLES
    ),
)
_SQLITE = tuple(
    f"""
    CREATE TRIGGER {name}_stay_{number} BEFORE {event} ON {name}
    BEGIN SELECT RAISE(ABORT, '{_STAYS}'); END
    """
    for name in _TABLES
    for number, event in enumerate(("UPDATE", "DELETE"), 1)
)
