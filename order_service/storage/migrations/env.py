"""Alembic's entry: runs migrations on the connection that `storage/migrate.py` hands over."""

from typing import Any

from alembic import context

from order_service.storage.columns import Id
from order_service.storage.schema import METADATA

connection = context.config.attributes["connection"]


def rendered(kind: str, thing: Any, _context: Any) -> str | bool:
    """A migration goes on to mean what it meant, whatever becomes of our own types."""
    if kind == "type" and isinstance(thing, Id):
        return "sa.BigInteger().with_variant(sa.Integer(), 'sqlite')"
    return False


context.configure(
    connection=connection,
    target_metadata=METADATA,
    transactional_ddl=True,
    render_item=rendered,
)
with context.begin_transaction():
    context.run_migrations()
