"""Writes to a database behind the order service's back, past what guards its history."""

from sqlalchemy import Connection, text


def unguarded(connection: Connection) -> Connection:
    """A connection whose transaction may change the history."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL session_replication_role = replica"))
    else:
        for trigger in ("history_is_not_changed", "history_is_not_taken_out"):
            connection.execute(text(f"DROP TRIGGER IF EXISTS {trigger}"))
    return connection
