"""The table of receipts (O18)."""

from sqlalchemy import PrimaryKeyConstraint

from order_service.storage.columns import ids, whole, words
from order_service.storage.schema import of_order, table

# Made when it is first asked for, and never changed: the same each time it is printed.
receipts = table(
    "receipts",
    ids("order_id"),
    whole("issued_at_ms"),
    words("content"),
    PrimaryKeyConstraint("order_id"),
    of_order(),
)
