"""The tables of orders, the same on SQLite and PostgreSQL (`catalogue_schema.py` and
`aftersales_schema.py` have the others).

Columns are named as the fields of `model.py`. Times are milliseconds since the Unix epoch, money is
minor units. What the state machines allow is a table too (`moves`), which the history refers to:
the database refuses a move that `machines.py` does not have, whoever writes it. Triggers hold each
row's state against it as well (migration 0004). Two writers of one version of an order collide on
the history's primary key.

An order is to take little room, and there are many: ids are numbers, and an entry of the history
names its move by one. SQLite's tables are STRICT, so that a number is a number there as well.
Whoever changes a table adds a migration (`migrations/versions`); a test holds the two against each
other.
"""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    UniqueConstraint,
    literal_column,
    or_,
)

# Their tables are METADATA's, too.
import order_service.storage.aftersales_schema
import order_service.storage.catalogue_schema
import order_service.storage.policy_schema
import order_service.storage.settlement_schema  # noqa: F401
from order_service.storage.columns import (
    HAS_CHANNEL,
    KNOWN_IS_KEPT,
    METADATA,
    NO_WORDS,
    count,
    ids,
    key_in,
    part_number,
    partial_index,
    phone_in,
    small,
    table,
    whole,
    words,
)

__all__ = ["METADATA"]

PENDING_STATES = ("CREATED", "PENDING")


def of_order() -> ForeignKeyConstraint:
    """The order that a row belongs to."""
    return ForeignKeyConstraint(["order_id"], ["orders.order_id"])


def of_shipment() -> ForeignKeyConstraint:
    """The parcel that a row belongs to."""
    return ForeignKeyConstraint(
        ["order_id", "shipment_no"], ["shipments.order_id", "shipments.shipment_no"]
    )


orders = table(
    "orders",
    *ids("order_id"),
    *words("tenant", "source", "order_key", "state"),
    *count("version", "seal"),
    *words("buyer_id", "currency"),
    *whole(
        "goods_minor", "discount_minor", "coupon_minor", "freight_minor", "tax_minor", "total_minor"
    ),
    *words("payment_method", "shortage_policy", "delivery", "sub_orders"),
    Column("fingerprint", LargeBinary, nullable=False),
    *whole("payment_due_at_ms", "created_at_ms", "updated_at_ms"),
    *words("closed_reason"),
    *whole("freight_refunded_minor", nullable=True),
    # What few orders have is null in the others, and takes no room.
    *whole("waits_until_at_ms", "held_at_ms", nullable=True),
    *count("after_sales", nullable=True),
    *whole("completion_left_ms", nullable=True),
    PrimaryKeyConstraint("order_id"),
    UniqueConstraint("tenant", "source", "order_key"),
    CheckConstraint(
        "goods_minor >= 0 AND discount_minor >= 0 AND coupon_minor >= 0 AND freight_minor >= 0 "
        "AND tax_minor >= 0 AND total_minor >= 0",
        name="no_amount_is_negative",
    ),
    CheckConstraint(
        "total_minor = goods_minor - discount_minor - coupon_minor + freight_minor + tax_minor",
        name="amounts_add_up",
    ),
    CheckConstraint(
        "coalesce(freight_refunded_minor, 0) BETWEEN 0 AND freight_minor",
        name="freight_goes_back_once",
    ),
)
Index("ix_orders_tenant", orders.c.tenant, orders.c.order_id)
Index("ix_orders_buyer", orders.c.tenant, orders.c.buyer_id, orders.c.order_id)
Index("ix_orders_state", orders.c.tenant, orders.c.state, orders.c.order_id)
# Keys of channels, which people know without the channel.
partial_index("ix_orders_key", orders.c.tenant, key_in(orders.c.order_key), where=HAS_CHANNEL)
Index("ix_orders_phone", phone_in(orders.c.delivery))

# Whose parts an order has, so that a merchant's orders are found. Triggers write it (migration
# 0014), so that it never differs from the order.
order_merchants = table(
    "order_merchants",
    *words("tenant", "merchant_id"),
    *ids("order_id"),
    PrimaryKeyConstraint("tenant", "merchant_id", "order_id"),
    by_key=True,
)

order_lines = table(
    "order_lines",
    *ids("order_id"),
    *small("line_no", "sub_order_no"),
    *words("sku", "title"),
    *count("quantity"),
    *whole("unit_price_minor", "amount_minor"),
    *words("location"),
    *count("shipped", "cancelled", "returned"),
    # Of most lines no money goes back: null takes no room.
    *count("refunded_unshipped", "refunded_shipped", nullable=True),
    *count("adjusted_units", "unpaid_units", nullable=True),
    *whole("refunded_minor", "adjusted_minor", "unpaid_minor", nullable=True),
    *count("given_units", "resent", "open_units", nullable=True),
    PrimaryKeyConstraint("order_id", "line_no"),
    of_order(),
    CheckConstraint("quantity > 0", name="quantity_is_positive"),
    CheckConstraint(
        "shipped >= 0 AND cancelled >= 0 AND shipped + cancelled <= quantity "
        "AND returned >= 0 AND returned <= shipped + coalesce(resent, 0)",
        name="units_are_accounted_for",
    ),
    CheckConstraint(
        "coalesce(refunded_unshipped, 0) BETWEEN 0 AND cancelled "
        "AND coalesce(refunded_shipped, 0) BETWEEN 0 AND shipped "
        "AND coalesce(adjusted_units, 0) >= 0 AND coalesce(unpaid_units, 0) >= 0 "
        "AND coalesce(refunded_unshipped, 0) + coalesce(refunded_shipped, 0) "
        "+ coalesce(adjusted_units, 0) + coalesce(unpaid_units, 0) <= quantity",
        name="no_units_money_goes_back_twice",
    ),
    CheckConstraint(
        "coalesce(refunded_minor, 0) >= 0 AND coalesce(unpaid_minor, 0) >= 0 "
        "AND coalesce(refunded_minor, 0) + coalesce(unpaid_minor, 0) <= amount_minor "
        "AND coalesce(adjusted_minor, 0) BETWEEN 0 AND coalesce(refunded_minor, 0)",
        name="no_more_goes_back_than_it_cost",
    ),
    CheckConstraint(
        "coalesce(given_units, 0) >= 0 AND coalesce(refunded_unshipped, 0) "
        "+ coalesce(refunded_shipped, 0) + coalesce(adjusted_units, 0) "
        "+ coalesce(unpaid_units, 0) + coalesce(given_units, 0) <= quantity",
        name="what_is_given_away_is_paid_back_once",
    ),
    CheckConstraint(
        "coalesce(resent, 0) >= 0 AND coalesce(open_units, 0) >= 0 AND coalesce(open_units, 0) "
        "+ coalesce(refunded_unshipped, 0) + coalesce(refunded_shipped, 0) "
        "+ coalesce(unpaid_units, 0) + coalesce(given_units, 0) <= quantity",
        name="units_are_in_one_case",
    ),
    by_key=True,
)

payments = table(
    "payments",
    *ids("order_id"),
    part_number("payment"),
    *words("payment_key", "state", "method", "provider", "provider_ref"),
    *whole("amount_minor", "captured_minor"),
    *words("captured_currency"),
    *whole("captured_at_ms", "refunded_minor", "created_at_ms", "updated_at_ms"),
    *count("booked", nullable=True),
    *whole("disputed_minor", nullable=True),
    PrimaryKeyConstraint("order_id", "payment_no"),
    UniqueConstraint("order_id", "payment_key"),
    of_order(),
    CheckConstraint("amount_minor >= 0 AND captured_minor >= 0", name="no_amount_is_negative"),
    CheckConstraint(
        "refunded_minor >= 0 AND refunded_minor <= captured_minor",
        name="no_more_goes_back_than_came",
    ),
    CheckConstraint(
        "coalesce(disputed_minor, 0) >= 0 "
        "AND refunded_minor + coalesce(disputed_minor, 0) <= captured_minor",
        name="no_more_is_disputed_than_is_left",
    ),
)
# (order_id, payment_key) is also how the payments of an order are found.
# What a day's statement of a provider is held against, and what waits for a person.
partial_index(
    "ix_payments_captured", payments.c.captured_at_ms, where=payments.c.captured_at_ms > 0
)
partial_index(
    "ix_payments_quarantined",
    payments.c.order_id,
    payments.c.payment_no,
    where=payments.c.state == "QUARANTINED",
)
# Attempts that have come to no end yet.
IS_PENDING = or_(*(payments.c.state == literal_column(f"'{state}'") for state in PENDING_STATES))
partial_index("ix_payments_pending", payments.c.created_at_ms, where=IS_PENDING)

refunds = table(
    "refunds",
    *ids("order_id"),
    part_number("refund"),
    *words("refund_key"),
    part_number("payment"),
    *words("state"),
    *whole("amount_minor"),
    *words("reason", "provider_ref"),
    *whole("created_at_ms", "updated_at_ms"),
    *words("currency"),
    *whole("sent_minor", nullable=True),
    *words("sent_currency", "refused_refs"),
    *small("by_hand"),
    PrimaryKeyConstraint("order_id", "refund_no"),
    UniqueConstraint("order_id", "refund_key"),
    of_order(),
    ForeignKeyConstraint(["order_id", "payment_no"], ["payments.order_id", "payments.payment_no"]),
    CheckConstraint("amount_minor > 0", name="amount_is_positive"),
)
# What a refund is for. They are written before their refund, whose trigger adds them up, and are
# never changed (migration 0008).
refund_rows = table(
    "refund_rows",
    *ids("order_id"),
    part_number("refund"),
    *small("row_no"),
    *words("what"),
    *small("line_no", "sub_order_no"),
    part_number("shipment"),
    *count("units"),
    *whole("amount_minor"),
    PrimaryKeyConstraint("order_id", "refund_no", "row_no"),
    of_order(),
    CheckConstraint("amount_minor >= 0 AND units >= 0", name="nothing_is_negative"),
    by_key=True,
)

for _table in (payments, refunds):
    partial_index(
        f"ix_{_table.name}_provider_ref",
        _table.c.provider_ref,
        where=_table.c.provider_ref != NO_WORDS,
    )
# What waits for a person, and what waits for its provider.
partial_index("ix_refunds_requested", refunds.c.updated_at_ms, where=refunds.c.state == "REQUESTED")
partial_index(
    "ix_refunds_failed", refunds.c.order_id, refunds.c.refund_no, where=refunds.c.state == "FAILED"
)

# What is not known yet of a parcel is null, and takes no room.
shipments = table(
    "shipments",
    *ids("order_id"),
    part_number("shipment"),
    *small("sub_order_no"),
    *words("state", "location", "lines", "zone", "wave_id", "carrier", "service", "waybill"),
    *whole("weight_g", "freight_minor", nullable=True),
    *whole("created_at_ms", "updated_at_ms"),
    *whole("shipped_at_ms", "delivered_at_ms", "promised_at_ms", nullable=True),
    part_number("shipment", "replaces"),
    *count("missing", nullable=True),
    *whole(
        "collect_minor",
        "collected_minor",
        "temperature_min_millicelsius",
        "temperature_max_millicelsius",
        "turned_back_at_ms",
        "failed_attempts",
        nullable=True,
    ),
    *words("label_url"),
    *count("given_away", nullable=True),
    PrimaryKeyConstraint("order_id", "shipment_no"),
    of_order(),
)
for _column in (shipments.c.wave_id, shipments.c.waybill):
    partial_index(f"ix_shipments_{_column.name}", _column, where=_column != "")
Index("ix_shipments_state", shipments.c.state, shipments.c.location, shipments.c.order_id)

# Each move that `machines.py` allows, each state in which something begins, and for each machine a
# note, which moves nothing: `storage/history.py`.
moves = table(
    "moves",
    *count("move"),
    *words("machine"),
    *words("from_state", "event", "to_state", nullable=True),
    PrimaryKeyConstraint("move"),
)
Index("ix_moves_to_state", moves.c.machine, moves.c.to_state)

history = table(
    "history",
    *ids("order_id"),
    *count("version"),
    *small("entry_no"),
    *count("move"),
    *small("part_no"),
    *words("actor", "why"),
    *whole("at_ms"),
    *count("seal"),
    PrimaryKeyConstraint("order_id", "version", "entry_no"),
    of_order(),
    ForeignKeyConstraint(["move"], ["moves.move"]),
    by_key=True,
)

remarks = table(
    "remarks",
    *ids("order_id"),
    *words("remark_id", "author", "channel", "text"),
    *whole("at_ms"),
    PrimaryKeyConstraint("order_id", "remark_id"),
    of_order(),
)

tasks = table(
    "tasks",
    *ids("task_id", "order_id"),
    *words("lane", "kind", "payload"),
    *whole("due_at_ms", "created_at_ms"),
    *count("attempts"),
    *whole("lease_until_ms"),
    *words("owner"),
    *small("dead"),
    *words("last_error"),
    *count("taken_over"),
    PrimaryKeyConstraint("task_id"),
    of_order(),
)
Index("ix_tasks_due", tasks.c.dead, tasks.c.due_at_ms)
Index("ix_tasks_order_id", tasks.c.order_id)

# What has had its effect on an order and must not have it twice, such as a callback of a provider:
# a digest of its key.
seen = table(
    "seen",
    *ids("order_id"),
    *whole("once"),
    PrimaryKeyConstraint("order_id", "once"),
    of_order(),
    by_key=True,
)

# Made when it is first asked for, and never changed: the same each time it is printed.
receipts = table(
    "receipts",
    *ids("order_id"),
    *whole("issued_at_ms"),
    *words("content"),
    PrimaryKeyConstraint("order_id"),
    of_order(),
)

# Money that waits for a person; a matter that is there already is kept as it is.
money_cases = table(
    "money_cases",
    *words("case_id", "tenant", "order_id", "kind", "provider", "payment_id", "refund_id"),
    *words("provider_ref", "payment_ref", "said"),
    *whole("amount_minor"),
    *words("currency"),
    *whole("at_ms"),
    *words("why"),
    *whole("opened_at_ms", "closed_at_ms"),
    *words("closed_by", "closed_why"),
    PrimaryKeyConstraint("case_id"),
)
money_cases.info[KNOWN_IS_KEPT] = True
Index("ix_money_cases_opened", money_cases.c.provider, money_cases.c.opened_at_ms)
partial_index(
    "ix_money_cases_waiting",
    money_cases.c.opened_at_ms,
    money_cases.c.case_id,
    where=money_cases.c.closed_at_ms == 0,
)

# What reviews said of an order where there was something to say: first the automatic one, why a
# person has to decide. Orders wait for a person as long as they are CONFIRMED and have a row here.
reviews = table(
    "reviews",
    *ids("order_id", "review_id"),
    *words("verdict", "findings", "reviewer", "reason"),
    *whole("at_ms"),
    PrimaryKeyConstraint("order_id", "review_id"),
    of_order(),
    by_key=True,
)
partial_index(
    "ix_reviews_waiting",
    reviews.c.review_id,
    where=reviews.c.verdict == "WAITS",
)

waves = table(
    "waves",
    *words("tenant", "wave_id", "location", "zone", "shipment_ids"),
    *whole("created_at_ms"),
    *count("shipments_max"),
    PrimaryKeyConstraint("tenant", "wave_id"),
)

# Every event a carrier told of a parcel, once, in whatever order; what it has changed is in the
# history. Carriers number the events of a parcel: those of two may have the same id.
tracking_events = table(
    "tracking_events",
    *words("carrier", "event_id"),
    *ids("order_id"),
    part_number("shipment"),
    *words("kind"),
    *whole("happened_at_ms", "received_at_ms"),
    *words("place"),
    *whole("amount_minor"),
    *words("currency"),
    PrimaryKeyConstraint("order_id", "shipment_no", "carrier", "event_id"),
    of_order(),
    of_shipment(),
    by_key=True,
)

temperature_readings = table(
    "temperature_readings",
    *ids("order_id"),
    part_number("shipment"),
    *words("sensor"),
    *whole("read_at_ms", "millicelsius"),
    *small("out_of_limits"),
    PrimaryKeyConstraint("order_id", "shipment_no", "sensor", "read_at_ms"),
    of_order(),
    of_shipment(),
)

incidents = table(
    "incidents",
    *ids("order_id"),
    part_number("incident"),
    part_number("shipment"),
    *words("kind", "state", "owner"),
    *whole("opened_at_ms", "due_at_ms", "settled_at_ms", "updated_at_ms"),
    *words("lines"),
    PrimaryKeyConstraint("order_id", "incident_no"),
    of_order(),
    of_shipment(),
)
Index("ix_incidents_due", incidents.c.settled_at_ms, incidents.c.due_at_ms)
