"""Orders are found by the merchants who have a part of them.

Triggers write that down: so orders have it, too, that a process of the version before places
meanwhile. On PostgreSQL the one for new orders looks at all those of a statement at a time.

Revision: 0014, after 0013.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_SQLITE_FILL = """
INSERT INTO order_merchants (tenant, merchant_id, order_id)
SELECT tenant, json_extract(part.value, '$[0]'), order_id
FROM orders, json_each(orders.sub_orders) AS part WHERE true
"""
_SQLITE_NOTE = """
    INSERT INTO order_merchants (tenant, merchant_id, order_id)
    SELECT NEW.tenant, json_extract(part.value, '$[0]'), NEW.order_id
    FROM json_each(NEW.sub_orders) AS part;
"""
# Too little stock may leave an order without one of its parts.
_SQLITE_TRIGGERS = (
    f"CREATE TRIGGER orders_have_merchants AFTER INSERT ON orders BEGIN {_SQLITE_NOTE} END",
    f"""
    CREATE TRIGGER orders_have_other_merchants AFTER UPDATE OF sub_orders ON orders
    WHEN NEW.sub_orders <> OLD.sub_orders BEGIN
        DELETE FROM order_merchants WHERE tenant = OLD.tenant AND order_id = OLD.order_id
        AND merchant_id IN (
            SELECT json_extract(part.value, '$[0]') FROM json_each(OLD.sub_orders) AS part
        );
        {_SQLITE_NOTE}
    END
    """,
)
_POSTGRES_FILL = """
INSERT INTO order_merchants (tenant, merchant_id, order_id)
SELECT tenant, part ->> 0, order_id
FROM {orders}, jsonb_array_elements(CAST({orders}.sub_orders AS jsonb)) AS part
"""
_POSTGRES_TRIGGERS = (
    f"""
    CREATE FUNCTION note_merchants_of_orders() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN {_POSTGRES_FILL.format(orders="added")}; RETURN NULL; END $$
    """,
    """
    CREATE TRIGGER orders_have_merchants AFTER INSERT ON orders REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION note_merchants_of_orders()
    """,
    """
    CREATE FUNCTION note_other_merchants() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM order_merchants WHERE tenant = OLD.tenant AND order_id = OLD.order_id
        AND merchant_id IN (
            SELECT part ->> 0 FROM jsonb_array_elements(CAST(OLD.sub_orders AS jsonb)) AS part
        );
        INSERT INTO order_merchants (tenant, merchant_id, order_id)
        SELECT NEW.tenant, part ->> 0, NEW.order_id
        FROM jsonb_array_elements(CAST(NEW.sub_orders AS jsonb)) AS part;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER orders_have_other_merchants AFTER UPDATE OF sub_orders ON orders
    FOR EACH ROW WHEN (NEW.sub_orders <> OLD.sub_orders) EXECUTE FUNCTION note_other_merchants()
    """,
)


def upgrade() -> None:
    """Makes the schema newer by one step."""
    whole = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "order_merchants",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("merchant_id", sa.Text(), nullable=False),
        sa.Column("order_id", whole, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint(
            "tenant", "merchant_id", "order_id", name=op.f("pk_order_merchants")
        ),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    if op.get_context().dialect.name == "postgresql":
        # The triggers first: until the end of this step they let nobody else write orders.
        for statement in _POSTGRES_TRIGGERS:
            op.execute(statement)
        op.execute(_POSTGRES_FILL.format(orders="orders"))
    else:
        for statement in _SQLITE_TRIGGERS:
            op.execute(statement)
        op.execute(_SQLITE_FILL)
