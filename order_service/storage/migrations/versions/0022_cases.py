"""After-sales cases, with the words and files of their people; lines count the units in open ones.

Units that were sent again may come back as well.

Revision: 0022, after 0021.
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_INT8 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INT2 = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")
_ACCOUNTED = "units_are_accounted_for"
_RETURNED = "returned <= shipped + coalesce(resent, 0)"
_ACCOUNTED_CHECK = f"""
    shipped >= 0 AND cancelled >= 0 AND shipped + cancelled <= quantity
    AND returned >= 0 AND {_RETURNED}
"""
_SQLITE_CHECK = re.compile(
    rf"(CONSTRAINT ck_order_lines_{_ACCOUNTED} CHECK \([^)]*)returned <= shipped\)"
)
_IN_ONE_CASE = """
    coalesce(resent, 0) >= 0 AND coalesce(open_units, 0) >= 0 AND coalesce(open_units, 0)
    + coalesce(refunded_unshipped, 0) + coalesce(refunded_shipped, 0)
    + coalesce(unpaid_units, 0) + coalesce(given_units, 0) <= quantity
"""


def upgrade() -> None:
    """Makes the schema newer by one step."""
    big = "BIGINT" if _is_postgres() else "INTEGER"
    op.execute(f"ALTER TABLE orders ADD COLUMN completion_left_ms {big}")
    op.execute("ALTER TABLE order_lines ADD COLUMN resent INTEGER")
    named = f"CONSTRAINT ck_order_lines_units_are_in_one_case CHECK ({_IN_ONE_CASE})"
    op.execute(f"ALTER TABLE order_lines ADD COLUMN open_units INTEGER {named}")
    _let_resent_units_come_back()
    _create_cases()
    _create_of_case(
        "case_texts",
        "text_id",
        sa.Column("text_id", _INT8, nullable=False),
        *_texts("author", "text"),
    )
    _create_of_case("case_evidence", "sha256", *_texts("sha256", "author"))
    _guard_states()


def _let_resent_units_come_back() -> None:
    if _is_postgres():
        name = f"ck_order_lines_{_ACCOUNTED}"
        op.execute(f"ALTER TABLE order_lines DROP CONSTRAINT {name}")
        op.execute(f"ALTER TABLE order_lines ADD CONSTRAINT {name} CHECK ({_ACCOUNTED_CHECK})")
        return
    # The table's text is changed, as in migration 0004: no row is touched.
    connection = op.get_bind()
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    of_table = "FROM sqlite_schema WHERE type = 'table' AND name = 'order_lines'"
    text = connection.exec_driver_sql(f"SELECT sql {of_table}").scalar_one()
    changed, found = _SQLITE_CHECK.subn(rf"\1{_RETURNED})", text)
    assert found == 1
    connection.exec_driver_sql(
        "UPDATE sqlite_schema SET sql = ? WHERE type = 'table' AND name = 'order_lines'", (changed,)
    )
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = RESET")


def _create_cases() -> None:
    op.create_table(
        "cases",
        sa.Column("order_id", _INT8, autoincrement=False, nullable=False),
        sa.Column("case_no", _INT2, nullable=False),
        *_texts("case_key", "state", "kind", "reason", "lines", "opened_by"),
        sa.Column("fingerprint", _INT8, nullable=False),
        *_texts("rule", "proposals", "wanted_sku"),
        *_wholes("created_at_ms", "updated_at_ms", "entered_at_ms"),
        *_wholes("deadline_at_ms", nullable=True),
        *_counts("policy_version"),
        *_wholes("wanted_minor", "granted_minor", "price_minor", nullable=True),
        sa.Column("split_from", _INT2, nullable=False),
        *_texts("lapsed_from"),
        *_counts("asked_by_service", "with_lead", "ships_first", "evidence"),
        sa.PrimaryKeyConstraint("order_id", "case_no", name=op.f("pk_cases")),
        sa.UniqueConstraint("order_id", "case_key", name=op.f("uq_cases_order_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_cases_order_id")),
        sa.CheckConstraint(
            "coalesce(wanted_minor, 0) >= 0 AND coalesce(granted_minor, 0) >= 0 "
            "AND coalesce(price_minor, 0) >= 0",
            name=op.f("ck_cases_no_amount_is_negative"),
        ),
        sqlite_strict=True,
    )
    is_open = sa.text("state NOT IN ('DONE', 'CLOSED')")
    op.create_index(
        "ix_cases_open",
        "cases",
        ["state", "deadline_at_ms"],
        sqlite_where=is_open,
        postgresql_where=is_open,
    )


def _create_of_case(name: str, key: str, *columns: "sa.Column[str] | sa.Column[int]") -> None:
    op.create_table(
        name,
        sa.Column("order_id", _INT8, autoincrement=False, nullable=False),
        sa.Column("case_no", _INT2, nullable=False),
        *columns,
        *_wholes("at_ms"),
        sa.PrimaryKeyConstraint("order_id", "case_no", key, name=op.f(f"pk_{name}")),
        sa.ForeignKeyConstraint(
            ["order_id", "case_no"],
            ["cases.order_id", "cases.case_no"],
            name=op.f(f"fk_{name}_order_id_case_no"),
        ),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _texts(*names: str) -> "list[sa.Column[str]]":
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _wholes(*names: str, nullable: bool = False) -> "list[sa.Column[int]]":
    return [sa.Column(name, _INT8, nullable=nullable) for name in names]


def _counts(*names: str) -> "list[sa.Column[int]]":
    return [sa.Column(name, sa.Integer(), nullable=True) for name in names]


def _guard_states() -> None:
    """Has the database refuse cases in states that the machine does not have (migration 0004)."""
    new = ("INSERT", "")
    moved = ("UPDATE OF state", "NEW.state <> OLD.state")
    for number, (event, when) in enumerate((new, moved), 1):
        name = f"cases_state_is_known_{number}"
        if _is_postgres():
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {event} ON cases FOR EACH ROW "
                f"{when and f'WHEN ({when})'} EXECUTE FUNCTION refuse_unknown_state('case')"
            )
        else:
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {event} ON cases "
                f"WHEN {when and f'{when} AND '}NOT EXISTS (SELECT 1 FROM moves "
                "WHERE machine = 'case' AND to_state = NEW.state) "
                "BEGIN SELECT RAISE(ABORT, 'no case has this state'); END"
            )


def _is_postgres() -> bool:
    return op.get_bind().dialect.name == "postgresql"
