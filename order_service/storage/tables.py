"""All tables: whoever needs the whole schema imports this, so that none is forgotten."""

from order_service.storage import (
    schema,
    schema_catalogue,
    schema_fulfilment,
    schema_payments,
    schema_receipts,
)
from order_service.storage.schema import METADATA

__all__ = [
    "METADATA",
    "schema",
    "schema_catalogue",
    "schema_fulfilment",
    "schema_payments",
    "schema_receipts",
]
