"""The tables of the order service.

Revision: 0002, after none.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the schema newer by one step."""

    op.create_table(
        "articles",
        sa.Column(
            "price_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("weight_g", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "temperature_min_millicelsius",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "temperature_max_millicelsius",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
        ),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "customised", sa.SmallInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "fragile", sa.SmallInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "withdrawn", sa.SmallInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("merchant_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "price_minor >= 0 AND weight_g >= 0", name=op.f("ck_articles_nothing_is_negative")
        ),
        sa.PrimaryKeyConstraint("tenant", "sku", name=op.f("pk_articles")),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index("ix_articles_version", "articles", ["tenant", "version"], unique=False)
    op.create_table(
        "catalogues",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", name=op.f("pk_catalogues")),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "moves",
        sa.Column("move", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=True),
        sa.Column("event", sa.Text(), nullable=True),
        sa.Column("to_state", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("move", name=op.f("pk_moves")),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "orders",
        sa.Column(
            "order_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "goods_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "discount_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "coupon_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "freight_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "tax_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "total_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "payment_due_at_ms",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "created_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "updated_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("order_key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("buyer_id", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("payment_method", sa.Text(), nullable=False),
        sa.Column("shortage_policy", sa.Text(), nullable=False),
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.Column("sub_orders", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("closed_reason", sa.Text(), nullable=False),
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
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index("ix_orders_buyer", "orders", ["tenant", "buyer_id", "order_id"], unique=False)
    op.create_index("ix_orders_state", "orders", ["tenant", "state", "order_id"], unique=False)
    op.create_index("ix_orders_tenant", "orders", ["tenant", "order_id"], unique=False)
    op.create_table(
        "places",
        sa.Column("latitude", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("longitude", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("postcode_prefix", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant", "country", "region", "postcode_prefix", name=op.f("pk_places")
        ),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "stray_callbacks",
        sa.Column(
            "amount_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "received_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column("refund_id", sa.Text(), nullable=False),
        sa.Column("provider_ref", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "event_id", name=op.f("pk_stray_callbacks")),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index(
        "ix_stray_callbacks_received",
        "stray_callbacks",
        ["provider", "received_at_ms"],
        unique=False,
    )
    op.create_table(
        "warehouses",
        sa.Column("latitude", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=True),
        sa.Column("longitude", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=True),
        sa.Column("priority", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("closed", sa.SmallInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "location", name=op.f("pk_warehouses")),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "waves",
        sa.Column(
            "created_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("wave_id", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("shipment_ids", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "wave_id", name=op.f("pk_waves")),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "history",
        sa.Column(
            "order_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("move", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "entry_no", sa.SmallInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "part_no", sa.SmallInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["move"], ["moves.move"], name=op.f("fk_history_move")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_history_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", "version", "entry_no", name=op.f("pk_history")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "order_lines",
        sa.Column(
            "order_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "unit_price_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "amount_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("quantity", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("shipped", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("cancelled", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("returned", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "line_no", sa.SmallInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "sub_order_no", sa.SmallInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_order_lines_quantity_is_positive")),
        sa.CheckConstraint(
            "shipped >= 0 AND cancelled >= 0 AND shipped + cancelled <= quantity AND returned >= 0 AND returned <= shipped",
            name=op.f("ck_order_lines_units_are_accounted_for"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_order_lines_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", "line_no", name=op.f("pk_order_lines")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "payments",
        sa.Column(
            "order_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "amount_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "captured_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "captured_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "refunded_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "created_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "updated_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "payment_no", sa.SmallInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("payment_key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("provider_ref", sa.Text(), nullable=False),
        sa.Column("captured_currency", sa.Text(), nullable=False),
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
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index(
        "ix_payments_captured",
        "payments",
        ["captured_at_ms"],
        unique=False,
        sqlite_where=sa.text("captured_at_ms > 0"),
        postgresql_where=sa.text("captured_at_ms > 0"),
    )
    op.create_index(
        "ix_payments_quarantined",
        "payments",
        ["order_id", "payment_no"],
        unique=False,
        sqlite_where=sa.text("state = 'QUARANTINED'"),
        postgresql_where=sa.text("state = 'QUARANTINED'"),
    )
    op.create_table(
        "receipts",
        sa.Column(
            "order_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "issued_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_receipts_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_receipts")),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "remarks",
        sa.Column(
            "order_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("remark_id", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_remarks_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", "remark_id", name=op.f("pk_remarks")),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "reviews",
        sa.Column(
            "order_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "review_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_reviews_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", "review_id", name=op.f("pk_reviews")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_reviews_waiting",
        "reviews",
        ["review_id"],
        unique=False,
        sqlite_where=sa.text("verdict = 'WAITS'"),
        postgresql_where=sa.text("verdict = 'WAITS'"),
    )
    op.create_table(
        "seen",
        sa.Column(
            "order_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("once", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_seen_order_id")),
        sa.PrimaryKeyConstraint("order_id", "once", name=op.f("pk_seen")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "shipments",
        sa.Column(
            "order_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("weight_g", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "freight_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column(
            "created_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "updated_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "shipped_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column(
            "delivered_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column(
            "promised_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column(
            "collected_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column(
            "temperature_min_millicelsius",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "temperature_max_millicelsius",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "shipment_no", sa.SmallInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "sub_order_no", sa.SmallInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "replaces", sa.SmallInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("lines", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("wave_id", sa.Text(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("waybill", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('PLANNED', 'PICKED', 'PACKED', 'LABELLED', 'SHIPPED', 'IN_TRANSIT', 'OUT_FOR_DELIVERY', 'DELIVERED', 'LOST', 'DAMAGED', 'CANCELLED')",
            name=op.f("ck_shipments_state_is_known"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_shipments_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", "shipment_no", name=op.f("pk_shipments")),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index(
        "ix_shipments_state", "shipments", ["state", "location", "order_id"], unique=False
    )
    op.create_index(
        "ix_shipments_wave_id",
        "shipments",
        ["wave_id"],
        unique=False,
        sqlite_where=sa.text("wave_id != ''"),
        postgresql_where=sa.text("wave_id != ''"),
    )
    op.create_index(
        "ix_shipments_waybill",
        "shipments",
        ["waybill"],
        unique=False,
        sqlite_where=sa.text("waybill != ''"),
        postgresql_where=sa.text("waybill != ''"),
    )
    op.create_table(
        "tasks",
        sa.Column(
            "task_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "order_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "due_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "created_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "lease_until_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("attempts", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("dead", sa.SmallInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_tasks_order_id")),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_tasks")),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index("ix_tasks_due", "tasks", ["dead", "due_at_ms"], unique=False)
    op.create_index("ix_tasks_order_id", "tasks", ["order_id"], unique=False)
    op.create_table(
        "incidents",
        sa.Column(
            "order_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "opened_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "due_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "settled_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "updated_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "incident_no", sa.SmallInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "shipment_no", sa.SmallInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
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
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index("ix_incidents_due", "incidents", ["settled_at_ms", "due_at_ms"], unique=False)
    op.create_table(
        "refunds",
        sa.Column(
            "order_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "amount_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "created_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "updated_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "refund_no", sa.SmallInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "payment_no", sa.SmallInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("refund_key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("provider_ref", sa.Text(), nullable=False),
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
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index(
        "ix_refunds_failed",
        "refunds",
        ["order_id", "refund_no"],
        unique=False,
        sqlite_where=sa.text("state = 'FAILED'"),
        postgresql_where=sa.text("state = 'FAILED'"),
    )
    op.create_table(
        "temperature_readings",
        sa.Column(
            "order_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "read_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "millicelsius", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "shipment_no", sa.SmallInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "out_of_limits", sa.SmallInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("sensor", sa.Text(), nullable=False),
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
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "tracking_events",
        sa.Column(
            "order_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "happened_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "received_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "amount_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "shipment_no", sa.SmallInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id", "shipment_no"],
            ["shipments.order_id", "shipments.shipment_no"],
            name=op.f("fk_tracking_events_order_id_shipment_no"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_tracking_events_order_id")
        ),
        sa.PrimaryKeyConstraint("carrier", "event_id", name=op.f("pk_tracking_events")),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index(
        "ix_tracking_events_shipment", "tracking_events", ["order_id", "shipment_no"], unique=False
    )


def downgrade() -> None:
    """Takes the step back."""

    op.drop_index("ix_tracking_events_shipment", table_name="tracking_events")
    op.drop_table("tracking_events")
    op.drop_table("temperature_readings")
    op.drop_index(
        "ix_refunds_failed",
        table_name="refunds",
        sqlite_where=sa.text("state = 'FAILED'"),
        postgresql_where=sa.text("state = 'FAILED'"),
    )
    op.drop_table("refunds")
    op.drop_index("ix_incidents_due", table_name="incidents")
    op.drop_table("incidents")
    op.drop_index("ix_tasks_order_id", table_name="tasks")
    op.drop_index("ix_tasks_due", table_name="tasks")
    op.drop_table("tasks")
    op.drop_index(
        "ix_shipments_waybill",
        table_name="shipments",
        sqlite_where=sa.text("waybill != ''"),
        postgresql_where=sa.text("waybill != ''"),
    )
    op.drop_index(
        "ix_shipments_wave_id",
        table_name="shipments",
        sqlite_where=sa.text("wave_id != ''"),
        postgresql_where=sa.text("wave_id != ''"),
    )
    op.drop_index("ix_shipments_state", table_name="shipments")
    op.drop_table("shipments")
    op.drop_table("seen")
    op.drop_index(
        "ix_reviews_waiting",
        table_name="reviews",
        sqlite_where=sa.text("verdict = 'WAITS'"),
        postgresql_where=sa.text("verdict = 'WAITS'"),
    )
    op.drop_table("reviews")
    op.drop_table("remarks")
    op.drop_table("receipts")
    op.drop_index(
        "ix_payments_quarantined",
        table_name="payments",
        sqlite_where=sa.text("state = 'QUARANTINED'"),
        postgresql_where=sa.text("state = 'QUARANTINED'"),
    )
    op.drop_index(
        "ix_payments_captured",
        table_name="payments",
        sqlite_where=sa.text("captured_at_ms > 0"),
        postgresql_where=sa.text("captured_at_ms > 0"),
    )
    op.drop_table("payments")
    op.drop_table("order_lines")
    op.drop_table("history")
    op.drop_table("waves")
    op.drop_table("warehouses")
    op.drop_index("ix_stray_callbacks_received", table_name="stray_callbacks")
    op.drop_table("stray_callbacks")
    op.drop_table("places")
    op.drop_index("ix_orders_tenant", table_name="orders")
    op.drop_index("ix_orders_state", table_name="orders")
    op.drop_index("ix_orders_buyer", table_name="orders")
    op.drop_table("orders")
    op.drop_table("moves")
    op.drop_table("catalogues")
    op.drop_index("ix_articles_version", table_name="articles")
    op.drop_table("articles")
