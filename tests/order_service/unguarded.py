"""Writes to a database behind the order service's back, past what guards history and refunds."""

from sqlalchemy import Connection, text


def unguarded(connection: Connection) -> Connection:
    """A connection whose transaction may change the history, and the amounts of refunds."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL session_replication_role = replica"))
    else:
        for trigger in (
            "history_is_not_changed",
            "history_is_not_taken_out",
            "refund_is_its_rows_2",
        ):
            connection.execute(text(f"DROP TRIGGER IF EXISTS {trigger}"))
    return connection
