"""Parcels have a way back and a label, and each open incident has a timer.

Until now an incident that nobody decided had no timer: those that are open get one.

Revision: 0010, after 0009.
"""

import random

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_INT8 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TASKS = sa.table(
    "tasks",
    *(
        sa.column(name, _INT8)
        for name in (
            "task_id",
            "order_id",
            "due_at_ms",
            "created_at_ms",
            "attempts",
            "lease_until_ms",
            "dead",
        )
    ),
    *(sa.column(name) for name in ("lane", "kind", "payload", "owner", "last_error")),
)
# An id is 42 bits of time and 21 of chance; tasks are done in the order of their ids.
_CHANCE_BITS = 21


def upgrade() -> None:
    """Makes the schema newer by one step."""
    for name in ("turned_back_at_ms", "failed_attempts"):
        op.add_column("shipments", sa.Column(name, _INT8, nullable=True))
    text = {"nullable": False, "server_default": ""}
    op.add_column("shipments", sa.Column("label_url", sa.Text(), **text))
    _time_open_incidents()


def _time_open_incidents() -> None:
    waiting = op.get_bind().execute(
        sa.text(
            "SELECT order_id, min(due_at_ms), max(updated_at_ms) FROM incidents "
            "WHERE settled_at_ms = 0 AND order_id NOT IN "
            "(SELECT order_id FROM tasks WHERE kind = 'DELIVERY_DUE') GROUP BY order_id"
        )
    )
    chance = random.SystemRandom()
    first = [(row, chance.getrandbits(_CHANCE_BITS)) for row in waiting]
    rows = [
        {
            "task_id": (updated_at_ms << _CHANCE_BITS) | lot,
            "order_id": order_id,
            "lane": "delivery",
            "kind": "DELIVERY_DUE",
            "payload": "",
            "due_at_ms": due_at_ms,
            "created_at_ms": updated_at_ms,
            "attempts": 0,
            "lease_until_ms": 0,
            "owner": "",
            "dead": 0,
            "last_error": "",
        }
        for (order_id, due_at_ms, updated_at_ms), lot in first
    ]
    if rows:
        op.bulk_insert(_TASKS, rows)
