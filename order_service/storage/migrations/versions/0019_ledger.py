"""The ledger: accounts, journals, postings and balances, and what keeps them in balance.

Nothing is posted here: money of before is entered when its order next changes.

Revision: 0019, after 0018.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_INT8 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INT2 = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")
_SIDE = (
    "side = CASE WHEN kind IN ('escrow', 'refunding', 'wallet', 'held', 'payout', 'deposit') "
    "THEN -1 WHEN kind = 'chargeback' THEN 1 ELSE 0 END"
)
_NUMBERED = (
    "numbered = CASE WHEN kind IN ('merchant', 'held', 'payout', 'deposit') THEN 1 ELSE 0 END"
)
_STAYS = "the ledger is only added to"
_LATE = "a journal that is posted takes no posting"
_UNKNOWN = "a posting names an account that is not known"
_UNEVEN = "a journal has two postings or more of its shop and currency, and they sum to 0"
# What a journal is refused for, among its postings.
_IS_UNEVEN = """
    (SELECT coalesce(sum(p.amount_minor), 1) <> 0 OR count(*) < 2 OR count(a.account) < count(*)
     FROM postings p LEFT JOIN accounts a
     ON a.account = p.account AND a.tenant = NEW.tenant AND a.currency = NEW.currency
     WHERE p.journal_id = NEW.journal_id)
"""
_POSTED = "EXISTS (SELECT 1 FROM journals WHERE journal_id = {}.journal_id)"
_NEW_BALANCE = """
    INSERT INTO balances (account, slot, amount_minor, last_no, side)
    SELECT account, NEW.slot, 0, CASE numbered WHEN 1 THEN 0 END, side
    FROM accounts WHERE account = NEW.account
"""
_MOVE = """
    UPDATE balances SET amount_minor = amount_minor + NEW.amount_minor, last_no = last_no + 1
    WHERE account = NEW.account AND slot = NEW.slot
"""


def upgrade() -> None:
    """Makes the schema newer by one step."""
    is_postgres = op.get_bind().dialect.name == "postgresql"
    op.execute("ALTER TABLE payments ADD COLUMN booked INTEGER")
    _create_tables()
    for statement in _POSTGRES if is_postgres else _SQLITE:
        op.execute(statement)


def _create_tables() -> None:
    _create(
        "accounts",
        _columns(_INT8, "account"),
        _columns(sa.Text(), "tenant", "kind", "whose", "currency"),
        _columns(_INT2, "side", "numbered"),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_accounts")),
        sa.CheckConstraint(_SIDE, name=op.f("ck_accounts_its_side_is_that_of_its_kind")),
        sa.CheckConstraint(_NUMBERED, name=op.f("ck_accounts_those_of_merchants_are_numbered")),
    )
    op.create_index("ix_accounts_named", "accounts", ["tenant", "kind", "whose"])
    _create(
        "journals",
        _columns(_INT8, "journal_id", "order_id", "at_ms"),
        _columns(sa.Text(), "tenant", "once_key", "kind", "currency", "actor", "corrects"),
        sa.PrimaryKeyConstraint("journal_id", name=op.f("pk_journals")),
        sa.UniqueConstraint("order_id", "once_key", name=op.f("uq_journals_order_id")),
    )
    _create(
        "postings",
        _columns(_INT8, "journal_id", "account", "amount_minor"),
        _columns(_INT8, "account_no", "balance_after_minor", nullable=True),
        _columns(_INT2, "posting_no", "slot"),
        sa.PrimaryKeyConstraint("journal_id", "posting_no", name=op.f("pk_postings")),
        _refers("postings", "account", "accounts"),
        _refers("postings", "journal_id", "journals", deferrable=True, initially="DEFERRED"),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("ck_postings_something_is_moved")),
        by_key=True,
    )
    where = sa.text("account_no IS NOT NULL")
    op.create_index(
        "ix_postings_account",
        "postings",
        ["account", "account_no"],
        sqlite_where=where,
        postgresql_where=where,
    )
    _create(
        "balances",
        _columns(_INT8, "account", "amount_minor"),
        _columns(_INT8, "last_no", nullable=True),
        _columns(_INT2, "slot", "side"),
        sa.PrimaryKeyConstraint("account", "slot", name=op.f("pk_balances")),
        _refers("balances", "account", "accounts"),
        sa.CheckConstraint("amount_minor * side >= 0", name=op.f("ck_balances_it_is_on_its_side")),
        by_key=True,
    )


def _create(name: str, *parts: Any, by_key: bool = False) -> None:
    flat = [each for part in parts for each in (part if isinstance(part, list) else [part])]
    op.create_table(name, *flat, sqlite_strict=True, sqlite_with_rowid=not by_key)


def _columns(kind: Any, *names: str, nullable: bool = False) -> list["sa.Column[Any]"]:
    return [sa.Column(name, kind, nullable=nullable, autoincrement=False) for name in names]


def _refers(table: str, column: str, other: str, **more: Any) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}")
    return sa.ForeignKeyConstraint([column], [f"{other}.{column}"], name=name, **more)


_REFUSE = "RAISE EXCEPTION '{}' USING ERRCODE = 'check_violation'"
_POSTGRES = (
    f"""
    CREATE FUNCTION refuse_to_change_ledger() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN {_REFUSE.format(_STAYS)}; END $$
    """,
    *(
        f"""
        CREATE TRIGGER {name}_stay BEFORE UPDATE OR DELETE ON {name}
        FOR EACH ROW EXECUTE FUNCTION refuse_to_change_ledger()
        """
        for name in ("journals", "postings", "accounts")
    ),
    f"""
    CREATE FUNCTION move_balance() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF {_POSTED.format("NEW")} THEN {_REFUSE.format(_LATE)}; END IF;
        FOR attempt IN 1..2 LOOP
            {_MOVE} RETURNING last_no, CASE WHEN last_no > 0 THEN amount_minor END
            INTO NEW.account_no, NEW.balance_after_minor;
            IF FOUND THEN RETURN NEW; END IF;
            {_NEW_BALANCE} ON CONFLICT DO NOTHING;
        END LOOP;
        {_REFUSE.format(_UNKNOWN)};
    END $$
    """,
    """
    CREATE TRIGGER postings_move_balances BEFORE INSERT ON postings
    FOR EACH ROW EXECUTE FUNCTION move_balance()
    """,
    f"""
    CREATE FUNCTION balance_journal() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF {_IS_UNEVEN} THEN {_REFUSE.format(_UNEVEN)}; END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER journals_balance BEFORE INSERT ON journals
    FOR EACH ROW EXECUTE FUNCTION balance_journal()
    """,
)
_ABORT = "BEGIN SELECT RAISE(ABORT, '{}'); END"
# A posting gets its numbers after it was written, and before its journal is.
_IS_OTHER = f"""
    {_POSTED.format("OLD")} OR NEW.journal_id <> OLD.journal_id OR NEW.account <> OLD.account
    OR NEW.amount_minor <> OLD.amount_minor OR NEW.posting_no <> OLD.posting_no
    OR NEW.slot <> OLD.slot OR OLD.account_no IS NOT NULL
"""
_SQLITE = (
    *(
        f"CREATE TRIGGER {name}_stay_{number} BEFORE {event} ON {name} {_ABORT.format(_STAYS)}"
        for name in ("journals", "accounts")
        for number, event in enumerate(("UPDATE", "DELETE"), 1)
    ),
    f"""
    CREATE TRIGGER postings_stay_1 BEFORE UPDATE ON postings WHEN {_IS_OTHER}
    {_ABORT.format(_STAYS)}
    """,
    f"CREATE TRIGGER postings_stay_2 BEFORE DELETE ON postings {_ABORT.format(_STAYS)}",
    f"""
    CREATE TRIGGER postings_come_first BEFORE INSERT ON postings WHEN {_POSTED.format("NEW")}
    {_ABORT.format(_LATE)}
    """,
    f"""
    CREATE TRIGGER postings_are_of_accounts BEFORE INSERT ON postings
    WHEN NOT EXISTS (SELECT 1 FROM accounts WHERE account = NEW.account)
    {_ABORT.format(_UNKNOWN)}
    """,
    f"""
    CREATE TRIGGER postings_move_balances AFTER INSERT ON postings BEGIN
        {_NEW_BALANCE} AND NOT EXISTS
            (SELECT 1 FROM balances WHERE account = NEW.account AND slot = NEW.slot);
        {_MOVE};
        UPDATE postings SET (account_no, balance_after_minor) =
            (SELECT last_no, amount_minor FROM balances
             WHERE account = NEW.account AND slot = NEW.slot)
        WHERE journal_id = NEW.journal_id AND posting_no = NEW.posting_no
        AND EXISTS (SELECT 1 FROM balances
            WHERE account = NEW.account AND slot = NEW.slot AND last_no > 0);
    END
    """,
    f"""
    CREATE TRIGGER journals_balance BEFORE INSERT ON journals WHEN {_IS_UNEVEN}
    {_ABORT.format(_UNEVEN)}
    """,
)
