"""Cash that carriers brought for orders paid otherwise is owned by somebody.

0.4.0 only noted it in the order's history. Each such order gets a task, which puts the money into
quarantine, where a person sees it.

Revision: 0018, after 0017.
"""

import random

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# An id is 42 bits of time and 21 of chance; tasks are done in the order of their ids.
_CHANCE_BITS = 21
_UNOWNED = """
    SELECT order_id, max(updated_at_ms) AS at_ms FROM shipments
    WHERE collected_minor > 0
    AND order_id NOT IN (SELECT order_id FROM payments WHERE provider = 'cash')
    AND order_id NOT IN (SELECT order_id FROM tasks WHERE kind = 'CASH_DUE')
    GROUP BY order_id
"""
_CURRENCIES = """
    SELECT DISTINCT currency FROM tracking_events
    WHERE order_id = :order_id AND kind = 'CASH_COLLECTED' AND amount_minor > 0
"""
_TASK = """
    INSERT INTO tasks (task_id, order_id, lane, kind, payload, due_at_ms, created_at_ms, attempts,
    lease_until_ms, owner, dead, last_error)
    VALUES (:task_id, :order_id, 'cash', 'CASH_DUE', :payload, :at_ms, :at_ms, 0, 0, '', 0, '')
"""


def upgrade() -> None:
    """Makes the schema newer by one step."""
    connection = op.get_bind()
    chance = random.SystemRandom()
    for order_id, at_ms in connection.execute(sa.text(_UNOWNED)).all():
        said = connection.scalars(sa.text(_CURRENCIES), {"order_id": order_id}).all()
        values = {
            "task_id": (at_ms << _CHANCE_BITS) | chance.getrandbits(_CHANCE_BITS),
            "order_id": order_id,
            "payload": f'{{"currency":"{said[0]}"}}' if len(said) == 1 and said[0] else "",
            "at_ms": at_ms,
        }
        connection.execute(sa.text(_TASK), values)
