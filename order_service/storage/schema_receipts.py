"""The table of receipts (O18)."""

from sqlalchemy import PrimaryKeyConstraint

from order_service.storage.schema import of_order, table, whole, words

# Made when it is first asked for, and never changed: the same each time it is printed.
receipts = table(
    "receipts",
    words("order_id"),
    whole("issued_at_ms"),
    words("content"),
    PrimaryKeyConstraint("order_id"),
    of_order(),
)
