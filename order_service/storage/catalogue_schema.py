"""The tables of the catalogue: what is sold, where it lies, and where places are."""

from sqlalchemy import CheckConstraint, Index, PrimaryKeyConstraint

from order_service.storage.columns import count, degrees, small, table, whole, words

catalogues = table(
    "catalogues",
    *words("tenant"),
    *count("version"),
    PrimaryKeyConstraint("tenant"),
)

articles = table(
    "articles",
    *words("tenant", "sku", "merchant_id", "title"),
    *whole("price_minor"),
    *words("currency", "zone"),
    *whole("weight_g"),
    *whole("temperature_min_millicelsius", "temperature_max_millicelsius", nullable=True),
    *small("customised", "fragile", "withdrawn"),
    *count("version"),
    PrimaryKeyConstraint("tenant", "sku"),
    CheckConstraint("price_minor >= 0 AND weight_g >= 0", name="nothing_is_negative"),
)
Index("ix_articles_version", articles.c.tenant, articles.c.version)

# Contracts of merchants, which are only added to.
contracts = table(
    "contracts",
    *words("tenant", "merchant_id"),
    *count("contract_no"),
    *whole("from_at_ms"),
    *count("commission_bp", "service_fee_bp", "coupon_bp"),
    *small("merchant_ships", "merchant_collects"),
    *words("period"),
    *count("period_days"),
    *words("zone"),
    *whole("payout_min_minor"),
    *count("version"),
    PrimaryKeyConstraint("tenant", "merchant_id", "contract_no"),
)

warehouses = table(
    "warehouses",
    *words("tenant", "location", "country"),
    *degrees("latitude", "longitude", nullable=True),
    *count("priority"),
    *small("closed"),
    *count("version"),
    PrimaryKeyConstraint("tenant", "location"),
)

places = table(
    "places",
    *words("tenant", "country", "postcode_prefix", "region"),
    *degrees("latitude", "longitude"),
    *count("version"),
    PrimaryKeyConstraint("tenant", "country", "region", "postcode_prefix"),
)
