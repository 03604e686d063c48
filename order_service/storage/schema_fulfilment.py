"""The tables of fulfilment: reviews, waves, what carriers and sensors said, incidents."""

from sqlalchemy import ForeignKeyConstraint, Index, PrimaryKeyConstraint

from order_service.storage.columns import ids, small, whole, words
from order_service.storage.schema import of_order, table

# What reviews said of an order, the automatic one first. Orders wait for a person as long as they
# are CONFIRMED and have a row here.
reviews = table(
    "reviews",
    ids("order_id"),
    ids("review_id"),
    words("verdict"),
    words("findings"),
    words("reviewer"),
    words("reason"),
    whole("at_ms"),
    PrimaryKeyConstraint("order_id", "review_id"),
    of_order(),
    by_key=True,
)
Index("ix_reviews_review_id", reviews.c.review_id)

waves = table(
    "waves",
    words("tenant"),
    words("wave_id"),
    words("location"),
    words("zone"),
    words("shipment_ids"),
    whole("created_at_ms"),
    PrimaryKeyConstraint("tenant", "wave_id"),
)

# Every event a carrier told, once, in whatever order; what it has changed is in the history.
tracking_events = table(
    "tracking_events",
    words("carrier"),
    words("event_id"),
    ids("order_id"),
    words("shipment_id"),
    words("kind"),
    whole("happened_at_ms"),
    whole("received_at_ms"),
    words("place"),
    whole("amount_minor"),
    words("currency"),
    PrimaryKeyConstraint("carrier", "event_id"),
    of_order(),
    ForeignKeyConstraint(["shipment_id"], ["shipments.shipment_id"]),
)
Index("ix_tracking_events_shipment_id", tracking_events.c.shipment_id)

temperature_readings = table(
    "temperature_readings",
    words("shipment_id"),
    words("sensor"),
    whole("read_at_ms"),
    ids("order_id"),
    whole("millicelsius"),
    small("out_of_limits"),
    PrimaryKeyConstraint("shipment_id", "sensor", "read_at_ms"),
    of_order(),
    ForeignKeyConstraint(["shipment_id"], ["shipments.shipment_id"]),
)

incidents = table(
    "incidents",
    words("incident_id"),
    ids("order_id"),
    words("shipment_id"),
    words("kind"),
    words("state"),
    words("owner"),
    whole("opened_at_ms"),
    whole("due_at_ms"),
    whole("settled_at_ms"),
    whole("updated_at_ms"),
    PrimaryKeyConstraint("incident_id"),
    of_order(),
    ForeignKeyConstraint(["shipment_id"], ["shipments.shipment_id"]),
)
Index("ix_incidents_order_id", incidents.c.order_id)
Index("ix_incidents_due", incidents.c.settled_at_ms, incidents.c.due_at_ms)
