"""The tables of policies of after-sales: versions and pauses. Both are only added to."""

from sqlalchemy import CheckConstraint, PrimaryKeyConstraint

from order_service.storage.columns import count, small, table, whole, words

policies = table(
    "policies",
    *words("tenant"),
    *count("version"),
    *words("policy_id", "merchant_id"),
    *whole("published_at_ms", "effective_from_ms"),
    *small("law"),
    *words("clauses"),
    PrimaryKeyConstraint("tenant", "version"),
    CheckConstraint("effective_from_ms >= published_at_ms", name="none_begins_in_the_past"),
)

pauses = table(
    "pauses",
    *words("tenant", "state"),
    *whole("from_at_ms", "until_at_ms"),
    PrimaryKeyConstraint("tenant", "state", "from_at_ms", "until_at_ms"),
    CheckConstraint("from_at_ms < until_at_ms", name="it_has_a_length"),
    by_key=True,
)
