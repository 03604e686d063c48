"""Alembic's entry: runs migrations on the connection that `storage/migrate.py` hands over."""

from alembic import context

from order_service.storage.tables import METADATA

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=METADATA, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
