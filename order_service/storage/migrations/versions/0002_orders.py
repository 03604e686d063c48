"""The tables of the order service.

Revision: 0002, after none.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = None
branch_labels = None
depends_on = None


INT8 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INT2 = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")


def table(name: str, *parts: Any, by_key: bool = False) -> None:
    op.create_table(name, *parts, sqlite_strict=True, sqlite_with_rowid=not by_key)


def columns(kind: Any, names: tuple[str, ...], **more: Any) -> list[Any]:
    return [sa.Column(name, kind, **{"nullable": False, **more}) for name in names]


def ids(*names: str) -> list[Any]:
    return columns(INT8, names, autoincrement=False)


def whole(*names: str, nullable: bool = False) -> list[Any]:
    return columns(INT8, names, nullable=nullable)


def count(*names: str) -> list[Any]:
    return columns(sa.Integer(), names, autoincrement=False)


def small(*names: str) -> list[Any]:
    return columns(INT2, names)


def words(*names: str, nullable: bool = False) -> list[Any]:
    return columns(sa.Text(), names, nullable=nullable)


def blob(name: str) -> list[Any]:
    return columns(sa.LargeBinary(), (name,))


def upgrade() -> None:
    "Makes the schema newer by one step."
    table(
        "articles",
        *whole("price_minor", "weight_g"),
        *whole("temperature_min_millicelsius", "temperature_max_millicelsius", nullable=True),
        *count("version"),
        *small("customised", "fragile", "withdrawn"),
        *words("tenant", "sku", "merchant_id", "title", "currency", "zone"),
        sa.CheckConstraint(
            "price_minor >= 0 AND weight_g >= 0", name=op.f("ck_articles_nothing_is_negative")
        ),
        sa.PrimaryKeyConstraint("tenant", "sku", name=op.f("pk_articles")),
    )
    op.create_index("ix_articles_version", "articles", ["tenant", "version"])
    table(
        "catalogues",
        *count("version"),
        *words("tenant"),
        sa.PrimaryKeyConstraint("tenant", name=op.f("pk_catalogues")),
    )
    table(
        "moves",
        *count("move"),
        *words("machine"),
        *words("from_state", "event", "to_state", nullable=True),
        sa.PrimaryKeyConstraint("move", name=op.f("pk_moves")),
    )
    table(
        "orders",
        *ids("order_id"),
        *whole(
            "goods_minor",
            "discount_minor",
            "coupon_minor",
            "freight_minor",
            "tax_minor",
            "total_minor",
            "payment_due_at_ms",
            "created_at_ms",
            "updated_at_ms",
        ),
        *count("version", "seal"),
        *words(
            "tenant",
            "source",
            "order_key",
            "state",
            "buyer_id",
            "currency",
            "payment_method",
            "shortage_policy",
            "delivery",
            "sub_orders",
        ),
        *blob("fingerprint"),
        *words("closed_reason"),
        sa.CheckConstraint(
            "state IN ('RESERVING', 'BACKORDERED', 'AWAITING_PAYMENT', 'CONFIRMING', 'CONFIRMED', 'IN_FULFILMENT', 'PARTLY_SHIPPED', 'SHIPPED', 'DELIVERED', 'COMPLETED', 'REJECTED', 'EXPIRED', 'CANCELLED')",
            name=op.f("ck_orders_state_is_known"),
        ),
        sa.CheckConstraint(
            "goods_minor >= 0 AND discount_minor >= 0 AND coupon_minor >= 0 AND freight_minor >= 0 AND tax_minor >= 0 AND total_minor >= 0",
            name=op.f("ck_orders_no_amount_is_negative"),
        ),
        sa.CheckConstraint(
            "total_minor = goods_minor - discount_minor - coupon_minor + freight_minor + tax_minor",
            name=op.f("ck_orders_amounts_add_up"),
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_orders")),
        sa.UniqueConstraint("tenant", "source", "order_key", name=op.f("uq_orders_tenant")),
    )
    op.create_index("ix_orders_buyer", "orders", ["tenant", "buyer_id", "order_id"])
    op.create_index("ix_orders_state", "orders", ["tenant", "state", "order_id"])
    op.create_index("ix_orders_tenant", "orders", ["tenant", "order_id"])
    table(
        "places",
        sa.Column("latitude", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("longitude", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        *count("version"),
        *words("tenant", "country", "postcode_prefix", "region"),
        sa.PrimaryKeyConstraint(
            "tenant", "country", "region", "postcode_prefix", name=op.f("pk_places")
        ),
    )
    table(
        "stray_callbacks",
        *whole("amount_minor", "at_ms", "received_at_ms"),
        *words(
            "provider", "event_id", "payment_id", "refund_id", "provider_ref", "kind", "currency"
        ),
        sa.PrimaryKeyConstraint("provider", "event_id", name=op.f("pk_stray_callbacks")),
    )
    op.create_index(
        "ix_stray_callbacks_received", "stray_callbacks", ["provider", "received_at_ms"]
    )
    table(
        "warehouses",
        sa.Column("latitude", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=True),
        sa.Column("longitude", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=True),
        *count("priority", "version"),
        *small("closed"),
        *words("tenant", "location", "country"),
        sa.PrimaryKeyConstraint("tenant", "location", name=op.f("pk_warehouses")),
    )
    table(
        "waves",
        *whole("created_at_ms"),
        *words("tenant", "wave_id", "location", "zone", "shipment_ids"),
        sa.PrimaryKeyConstraint("tenant", "wave_id", name=op.f("pk_waves")),
    )
    table(
        "history",
        *ids("order_id"),
        *whole("at_ms"),
        *count("version", "move", "seal"),
        *small("entry_no", "part_no"),
        *words("actor", "why"),
        sa.ForeignKeyConstraint(["move"], ["moves.move"], name=op.f("fk_history_move")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_history_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", "version", "entry_no", name=op.f("pk_history")),
        by_key=True,
    )
    table(
        "order_lines",
        *ids("order_id"),
        *whole("unit_price_minor", "amount_minor"),
        *count("quantity", "shipped", "cancelled", "returned"),
        *small("line_no", "sub_order_no"),
        *words("sku", "title", "location"),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_order_lines_quantity_is_positive")),
        sa.CheckConstraint(
            "shipped >= 0 AND cancelled >= 0 AND shipped + cancelled <= quantity AND returned >= 0 AND returned <= shipped",
            name=op.f("ck_order_lines_units_are_accounted_for"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_order_lines_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", "line_no", name=op.f("pk_order_lines")),
        by_key=True,
    )
    table(
        "payments",
        *ids("order_id"),
        *whole(
            "amount_minor",
            "captured_minor",
            "captured_at_ms",
            "refunded_minor",
            "created_at_ms",
            "updated_at_ms",
        ),
        *small("payment_no"),
        *words("payment_key", "state", "method", "provider", "provider_ref", "captured_currency"),
        sa.CheckConstraint(
            "state IN ('CREATED', 'PENDING', 'CAPTURED', 'DECLINED', 'ABANDONED', 'QUARANTINED', 'RETURNED')",
            name=op.f("ck_payments_state_is_known"),
        ),
        sa.CheckConstraint(
            "amount_minor >= 0 AND captured_minor >= 0",
            name=op.f("ck_payments_no_amount_is_negative"),
        ),
        sa.CheckConstraint(
            "refunded_minor >= 0 AND refunded_minor <= captured_minor",
            name=op.f("ck_payments_no_more_goes_back_than_came"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_payments_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", "payment_no", name=op.f("pk_payments")),
        sa.UniqueConstraint("order_id", "payment_key", name=op.f("uq_payments_order_id")),
    )
    op.create_index(
        "ix_payments_captured",
        "payments",
        ["captured_at_ms"],
        sqlite_where=sa.text("captured_at_ms > 0"),
        postgresql_where=sa.text("captured_at_ms > 0"),
    )
    op.create_index(
        "ix_payments_quarantined",
        "payments",
        ["order_id", "payment_no"],
        sqlite_where=sa.text("state = 'QUARANTINED'"),
        postgresql_where=sa.text("state = 'QUARANTINED'"),
    )
    table(
        "receipts",
        *ids("order_id"),
        *whole("issued_at_ms"),
        *words("content"),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_receipts_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_receipts")),
    )
    table(
        "remarks",
        *ids("order_id"),
        *whole("at_ms"),
        *words("remark_id", "author", "channel", "text"),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_remarks_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", "remark_id", name=op.f("pk_remarks")),
    )
    table(
        "reviews",
        *ids("order_id", "review_id"),
        *whole("at_ms"),
        *words("verdict", "findings", "reviewer", "reason"),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_reviews_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", "review_id", name=op.f("pk_reviews")),
        by_key=True,
    )
    op.create_index(
        "ix_reviews_waiting",
        "reviews",
        ["review_id"],
        sqlite_where=sa.text("verdict = 'WAITS'"),
        postgresql_where=sa.text("verdict = 'WAITS'"),
    )
    table(
        "seen",
        *ids("order_id"),
        *whole("once"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_seen_order_id")),
        sa.PrimaryKeyConstraint("order_id", "once", name=op.f("pk_seen")),
        by_key=True,
    )
    table(
        "shipments",
        *ids("order_id"),
        *whole("weight_g", "freight_minor", nullable=True),
        *whole("created_at_ms", "updated_at_ms"),
        *whole(
            "shipped_at_ms",
            "delivered_at_ms",
            "promised_at_ms",
            "collected_minor",
            "temperature_min_millicelsius",
            "temperature_max_millicelsius",
            nullable=True,
        ),
        *small("shipment_no", "sub_order_no", "replaces"),
        *words("state", "location", "lines", "zone", "wave_id", "carrier", "service", "waybill"),
        sa.CheckConstraint(
            "state IN ('PLANNED', 'PICKED', 'PACKED', 'LABELLED', 'SHIPPED', 'IN_TRANSIT', 'OUT_FOR_DELIVERY', 'DELIVERED', 'LOST', 'DAMAGED', 'CANCELLED')",
            name=op.f("ck_shipments_state_is_known"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_shipments_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", "shipment_no", name=op.f("pk_shipments")),
    )
    op.create_index("ix_shipments_state", "shipments", ["state", "location", "order_id"])
    op.create_index(
        "ix_shipments_wave_id",
        "shipments",
        ["wave_id"],
        sqlite_where=sa.text("wave_id != ''"),
        postgresql_where=sa.text("wave_id != ''"),
    )
    op.create_index(
        "ix_shipments_waybill",
        "shipments",
        ["waybill"],
        sqlite_where=sa.text("waybill != ''"),
        postgresql_where=sa.text("waybill != ''"),
    )
    table(
        "tasks",
        *ids("task_id", "order_id"),
        *whole("due_at_ms", "created_at_ms", "lease_until_ms"),
        *count("attempts"),
        *small("dead"),
        *words("lane", "kind", "payload", "owner", "last_error"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_tasks_order_id")),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_tasks")),
    )
    op.create_index("ix_tasks_due", "tasks", ["dead", "due_at_ms"])
    op.create_index("ix_tasks_order_id", "tasks", ["order_id"])
    table(
        "incidents",
        *ids("order_id"),
        *whole("opened_at_ms", "due_at_ms", "settled_at_ms", "updated_at_ms"),
        *small("incident_no", "shipment_no"),
        *words("kind", "state", "owner"),
        sa.CheckConstraint(
            "state IN ('OPEN', 'WAITING', 'RESHIPPING', 'RESHIPPED', 'REFUNDED', 'ARRIVED')",
            name=op.f("ck_incidents_state_is_known"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id", "shipment_no"],
            ["shipments.order_id", "shipments.shipment_no"],
            name=op.f("fk_incidents_order_id_shipment_no"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_incidents_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", "incident_no", name=op.f("pk_incidents")),
    )
    op.create_index("ix_incidents_due", "incidents", ["settled_at_ms", "due_at_ms"])
    table(
        "refunds",
        *ids("order_id"),
        *whole("amount_minor", "created_at_ms", "updated_at_ms"),
        *small("refund_no", "payment_no"),
        *words("refund_key", "state", "reason", "provider_ref"),
        sa.CheckConstraint(
            "state IN ('REQUESTED', 'DONE', 'FAILED')", name=op.f("ck_refunds_state_is_known")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_refunds_amount_is_positive")),
        sa.ForeignKeyConstraint(
            ["order_id", "payment_no"],
            ["payments.order_id", "payments.payment_no"],
            name=op.f("fk_refunds_order_id_payment_no"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_refunds_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", "refund_no", name=op.f("pk_refunds")),
        sa.UniqueConstraint("order_id", "refund_key", name=op.f("uq_refunds_order_id")),
    )
    op.create_index(
        "ix_refunds_failed",
        "refunds",
        ["order_id", "refund_no"],
        sqlite_where=sa.text("state = 'FAILED'"),
        postgresql_where=sa.text("state = 'FAILED'"),
    )
    table(
        "temperature_readings",
        *ids("order_id"),
        *whole("read_at_ms", "millicelsius"),
        *small("shipment_no", "out_of_limits"),
        *words("sensor"),
        sa.ForeignKeyConstraint(
            ["order_id", "shipment_no"],
            ["shipments.order_id", "shipments.shipment_no"],
            name=op.f("fk_temperature_readings_order_id_shipment_no"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_temperature_readings_order_id")
        ),
        sa.PrimaryKeyConstraint(
            "order_id", "shipment_no", "sensor", "read_at_ms", name=op.f("pk_temperature_readings")
        ),
    )
    table(
        "tracking_events",
        *ids("order_id"),
        *whole("happened_at_ms", "received_at_ms", "amount_minor"),
        *small("shipment_no"),
        *words("carrier", "event_id", "kind", "place", "currency"),
        sa.ForeignKeyConstraint(
            ["order_id", "shipment_no"],
            ["shipments.order_id", "shipments.shipment_no"],
            name=op.f("fk_tracking_events_order_id_shipment_no"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_tracking_events_order_id")
        ),
        sa.PrimaryKeyConstraint("carrier", "event_id", name=op.f("pk_tracking_events")),
    )
    op.create_index("ix_tracking_events_shipment", "tracking_events", ["order_id", "shipment_no"])
