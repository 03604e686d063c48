"""What providers say that belongs to no order, so that it is not lost but reconciled (P2)."""

from sqlalchemy import Index, PrimaryKeyConstraint

from order_service.storage.columns import whole, words
from order_service.storage.schema import table

# A proven callback about a payment that we do not know.
stray_callbacks = table(
    "stray_callbacks",
    words("provider"),
    words("event_id"),
    words("payment_id"),
    words("refund_id"),
    words("provider_ref"),
    words("kind"),
    whole("amount_minor"),
    words("currency"),
    whole("at_ms"),
    whole("received_at_ms"),
    PrimaryKeyConstraint("provider", "event_id"),
)
Index("ix_stray_callbacks_received", stray_callbacks.c.provider, stray_callbacks.c.received_at_ms)
