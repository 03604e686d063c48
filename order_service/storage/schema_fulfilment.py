"""The tables of fulfilment: reviews, waves, what carriers and sensors said, incidents."""

from sqlalchemy import ForeignKeyConstraint, Index, PrimaryKeyConstraint

from order_service.order.states import INCIDENT
from order_service.storage.columns import ids, small, whole, words
from order_service.storage.schema import known_state, of_order, table


def of_shipment() -> ForeignKeyConstraint:
    """The parcel that a row belongs to."""
    return ForeignKeyConstraint(
        ["order_id", "shipment_no"], ["shipments.order_id", "shipments.shipment_no"]
    )


# What reviews said of an order where there was something to say: first the automatic one, why a
# person has to decide. Orders wait for a person as long as they are CONFIRMED and have a row here.
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
Index(
    "ix_reviews_waiting",
    reviews.c.review_id,
    sqlite_where=reviews.c.verdict == "WAITS",
    postgresql_where=reviews.c.verdict == "WAITS",
)

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
    small("shipment_no"),
    words("kind"),
    whole("happened_at_ms"),
    whole("received_at_ms"),
    words("place"),
    whole("amount_minor"),
    words("currency"),
    PrimaryKeyConstraint("carrier", "event_id"),
    of_order(),
    of_shipment(),
)
Index("ix_tracking_events_shipment", tracking_events.c.order_id, tracking_events.c.shipment_no)

temperature_readings = table(
    "temperature_readings",
    ids("order_id"),
    small("shipment_no"),
    words("sensor"),
    whole("read_at_ms"),
    whole("millicelsius"),
    small("out_of_limits"),
    PrimaryKeyConstraint("order_id", "shipment_no", "sensor", "read_at_ms"),
    of_order(),
    of_shipment(),
)

incidents = table(
    "incidents",
    ids("order_id"),
    small("incident_no"),
    small("shipment_no"),
    words("kind"),
    words("state"),
    words("owner"),
    whole("opened_at_ms"),
    whole("due_at_ms"),
    whole("settled_at_ms"),
    whole("updated_at_ms"),
    PrimaryKeyConstraint("order_id", "incident_no"),
    known_state(INCIDENT),
    of_order(),
    of_shipment(),
)
Index("ix_incidents_due", incidents.c.settled_at_ms, incidents.c.due_at_ms)
