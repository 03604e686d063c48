"""Money that waits for a person is a case: callbacks about unknown payments become cases, too.

Refunds that stay open can be listed from now on.

Revision: 0012, after 0011.
"""

from hashlib import blake2b
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_INT8 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WORDS = (
    *("case_id", "tenant", "order_id", "kind", "provider", "payment_id", "refund_id"),
    *("provider_ref", "payment_ref", "said", "currency", "why", "closed_by", "closed_why"),
)
_WHOLE = ("amount_minor", "at_ms", "opened_at_ms", "closed_at_ms")


def upgrade() -> None:
    """Makes the schema newer by one step."""
    op.create_table(
        "money_cases",
        *(sa.Column(name, sa.Text(), nullable=False) for name in _WORDS),
        *(sa.Column(name, _INT8, nullable=False) for name in _WHOLE),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_money_cases")),
        sqlite_strict=True,
    )
    op.create_index("ix_money_cases_opened", "money_cases", ["provider", "opened_at_ms"])
    _index_where("money_cases", "waiting", ["opened_at_ms", "case_id"], "closed_at_ms = 0")
    _index_where("refunds", "requested", ["updated_at_ms"], "state = 'REQUESTED'")
    _move_strays()
    op.drop_table("stray_callbacks")


def _index_where(table: str, name: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(
        f"ix_{table}_{name}", table, columns, sqlite_where=where, postgresql_where=where
    )


def _move_strays() -> None:
    connection = op.get_bind()
    cases = sa.table("money_cases", *(sa.column(name) for name in (*_WORDS, *_WHOLE)))
    for row in connection.execute(sa.text("SELECT * FROM stray_callbacks")).mappings().all():
        connection.execute(sa.insert(cases).values(_case_of(dict(row))))


def _case_of(stray: dict[str, Any]) -> dict[str, Any]:
    kept = ("provider", "payment_id", "refund_id", "provider_ref", "amount_minor", "currency")
    key = f"{stray['provider']}/{stray['event_id']}"
    return {
        **dict.fromkeys(_WORDS, ""),
        **{name: stray[name] for name in (*kept, "at_ms")},
        "case_id": blake2b(key.encode(), digest_size=8).hexdigest(),
        "kind": "UNKNOWN_PAYMENT",
        "said": stray["kind"],
        "why": "it names a payment that is not known",
        "opened_at_ms": stray["received_at_ms"],
        "closed_at_ms": 0,
    }
