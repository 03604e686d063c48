"""The states of a machine are rows of `moves`, so that a new state needs no migration.

Until now each table with a state listed the states in a CHECK, and a new one meant to rebuild it.
`moves` has every state already, as where a move leads or where a part begins, and fills itself when
a process starts. A trigger holds a row's state against it, which costs no room. A foreign key could
not: it needs the machine beside each state, and locks the row of the state that all orders share.

Revision: 0004, after 0003.
"""

import re

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_MACHINES = {
    "orders": "order",
    "payments": "payment",
    "refunds": "refund",
    "shipments": "shipment",
    "incidents": "incident",
}
_SQLITE_CHECK = re.compile(
    r",\s*CONSTRAINT ck_[a-z]+_state_is_known CHECK \(state IN \([A-Z_', ]+\)\)"
)
_POSTGRES_FUNCTION = """
CREATE FUNCTION refuse_unknown_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM moves WHERE machine = TG_ARGV[0] AND to_state = NEW.state) THEN
        RAISE EXCEPTION 'no % has the state %', TG_ARGV[0], NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    """Makes the schema newer by one step."""
    op.create_index("ix_moves_to_state", "moves", ["machine", "to_state"])
    if _is_postgres():
        op.execute(_POSTGRES_FUNCTION)
        for table in _MACHINES:
            op.drop_constraint(op.f(f"ck_{table}_state_is_known"), table, type_="check")
    else:
        _drop_checks_of_sqlite()
    for table, machine in _MACHINES.items():
        guard_states(table, machine)


def guard_states(table: str, machine: str) -> None:
    """Has the database refuse rows in states that the machine does not have."""
    new = ("INSERT", "")
    moved = ("UPDATE OF state", "NEW.state <> OLD.state")
    for number, (event, when) in enumerate((new, moved), 1):
        name = f"{table}_state_is_known_{number}"
        if _is_postgres():
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW "
                f"{when and f'WHEN ({when})'} EXECUTE FUNCTION refuse_unknown_state('{machine}')"
            )
        else:
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {event} ON {table} WHEN {when and f'{when} AND '}"
                f"NOT EXISTS (SELECT 1 FROM moves WHERE machine = '{machine}' "
                "AND to_state = NEW.state) "
                f"BEGIN SELECT RAISE(ABORT, 'no {machine} has this state'); END"
            )


def _drop_checks_of_sqlite() -> None:
    """Takes the CHECKs out of the tables' texts, as SQLite's manual says (ALTER TABLE, section 7).

    No row is touched, however many there are, and no foreign key notices.
    """
    connection = op.get_bind()
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    for table in _MACHINES:
        of_table = "FROM sqlite_schema WHERE type = 'table' AND name = ?"
        text = connection.exec_driver_sql(f"SELECT sql {of_table}", (table,)).scalar_one()
        without, found = _SQLITE_CHECK.subn("", text)
        assert found == 1, table
        connection.exec_driver_sql(
            "UPDATE sqlite_schema SET sql = ? WHERE type = 'table' AND name = ?", (without, table)
        )
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = RESET")


def _is_postgres() -> bool:
    return op.get_bind().dialect.name == "postgresql"
