"""The history is only added to: the database refuses to change an entry or to take one out.

Revision: 0003, after 0002.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_WHY = "history is only added to"
_SQLITE = (
    f"""
    CREATE TRIGGER history_is_not_changed BEFORE UPDATE ON history
    BEGIN SELECT RAISE(ABORT, '{_WHY}'); END
    """,
    f"""
    CREATE TRIGGER history_is_not_taken_out BEFORE DELETE ON history
    BEGIN SELECT RAISE(ABORT, '{_WHY}'); END
    """,
)
_POSTGRES = (
    f"""
    CREATE FUNCTION refuse_to_change_history() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '{_WHY}' USING ERRCODE = 'check_violation'; END $$
    """,
    """
    CREATE TRIGGER history_is_only_added_to BEFORE UPDATE OR DELETE ON history
    FOR EACH ROW EXECUTE FUNCTION refuse_to_change_history()
    """,
)


def upgrade() -> None:
    """Makes the schema newer by one step."""
    for statement in _POSTGRES if _is_postgres() else _SQLITE:
        op.execute(statement)


def _is_postgres() -> bool:
    return op.get_bind().dialect.name == "postgresql"
