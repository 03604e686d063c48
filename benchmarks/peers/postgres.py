"""The hot row in PostgreSQL: the schema and the two ways to sell from it, as statements."""

SKU = "SKU-0"
UNITS = 1_000_000_000
CONNECTIONS = 16

SCHEMA = f"""
CREATE TABLE IF NOT EXISTS stock (sku text PRIMARY KEY, available bigint NOT NULL);
CREATE TABLE IF NOT EXISTS reservations (
    id text PRIMARY KEY, sku text NOT NULL, quantity int NOT NULL, expires_at timestamptz NOT NULL
);
INSERT INTO stock VALUES ('{SKU}', {UNITS}) ON CONFLICT DO NOTHING;
"""

# A statement is a transaction of its own: one round trip, and the row is locked for the least time.
STATEMENT = (
    f"""
WITH taken AS (
    UPDATE stock SET available = available - 1
    WHERE sku = '{SKU}' AND available >= 1 RETURNING sku
)
INSERT INTO reservations (id, sku, quantity, expires_at)
SELECT {{id}}, sku, 1, now() + interval '15 minutes' FROM taken
""",
)

# As an application writes it that looks at the first answer before it goes on.
TRANSACTION = (
    "BEGIN",
    f"UPDATE stock SET available = available - 1 WHERE sku = '{SKU}' AND available >= 1",
    f"""
INSERT INTO reservations (id, sku, quantity, expires_at)
VALUES ({{id}}, '{SKU}', 1, now() + interval '15 minutes')
""",
    "COMMIT",
)

WAYS = {"statement": STATEMENT, "transaction": TRANSACTION}

# What must not have been switched off, or the comparison is none.
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
