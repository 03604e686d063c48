"""The tables of after-sales: what happens to goods and money once an order has left."""

from typing import Final

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    UniqueConstraint,
    and_,
    literal_column,
)

from order_service.storage.columns import (
    KNOWN_IS_KEPT,
    NO_WORDS,
    count,
    ids,
    part_number,
    partial_index,
    table,
    whole,
    words,
)

cases = table(
    "cases",
    *ids("order_id"),
    part_number("case"),
    *words("case_key", "state", "kind", "reason", "lines", "opened_by"),
    *whole("fingerprint"),
    *words("rule", "proposals", "wanted_sku"),
    *whole("created_at_ms", "updated_at_ms", "entered_at_ms"),
    *whole("deadline_at_ms", nullable=True),
    *count("policy_version", nullable=True),
    *whole("wanted_minor", "granted_minor", "price_minor", nullable=True),
    part_number("case", "split_from"),
    *words("lapsed_from"),
    *count("asked_by_service", "with_lead", "ships_first", "evidence", nullable=True),
    PrimaryKeyConstraint("order_id", "case_no"),
    UniqueConstraint("order_id", "case_key"),
    ForeignKeyConstraint(["order_id"], ["orders.order_id"]),
    CheckConstraint(
        "coalesce(wanted_minor, 0) >= 0 AND coalesce(granted_minor, 0) >= 0 "
        "AND coalesce(price_minor, 0) >= 0",
        name="no_amount_is_negative",
    ),
)
IS_OPEN_CASE: Final[ColumnElement[bool]] = literal_column("state NOT IN ('DONE', 'CLOSED')")
partial_index("ix_cases_open", cases.c.state, cases.c.deadline_at_ms, where=IS_OPEN_CASE)

# What people wrote and showed: read on demand, and never part of an order.
case_texts = table(
    "case_texts",
    *ids("order_id"),
    part_number("case"),
    *ids("text_id"),
    *words("author", "text"),
    *whole("at_ms"),
    PrimaryKeyConstraint("order_id", "case_no", "text_id"),
    ForeignKeyConstraint(["order_id", "case_no"], ["cases.order_id", "cases.case_no"]),
    by_key=True,
)
case_evidence = table(
    "case_evidence",
    *ids("order_id"),
    part_number("case"),
    *words("sha256", "author"),
    *whole("at_ms"),
    PrimaryKeyConstraint("order_id", "case_no", "sha256"),
    ForeignKeyConstraint(["order_id", "case_no"], ["cases.order_id", "cases.case_no"]),
    by_key=True,
)

# The same words are written once, and a file is shown once.
for _table in (case_texts, case_evidence):
    _table.info[KNOWN_IS_KEPT] = True

# A parcel, a case: the number is 0 where there is none, so no foreign key refers to it.
return_legs = table(
    "return_legs",
    *ids("order_id"),
    part_number("leg"),
    *words("state", "kind"),
    part_number("case"),
    part_number("shipment"),
    *words("lines", "location", "carrier", "waybill"),
    *whole("created_at_ms", "updated_at_ms"),
    *whole("sent_at_ms", "arrived_at_ms", "inspected_at_ms", "due_at_ms", nullable=True),
    *words("judged", "label_url"),
    PrimaryKeyConstraint("order_id", "leg_no"),
    ForeignKeyConstraint(["order_id"], ["orders.order_id"]),
)
# Carriers give a number to another parcel some months later.
IS_OPEN: Final[ColumnElement[bool]] = literal_column(
    "state IN ('EXPECTED', 'ON_ITS_WAY', 'ARRIVED')"
)
HAS_WAYBILL: Final[ColumnElement[bool]] = return_legs.c.waybill != NO_WORDS
_OPEN_WITH_WAYBILL: Final = and_(HAS_WAYBILL, IS_OPEN)
Index(
    "ix_return_legs_open_waybill",
    return_legs.c.carrier,
    return_legs.c.waybill,
    unique=True,
    sqlite_where=_OPEN_WITH_WAYBILL,
    postgresql_where=_OPEN_WITH_WAYBILL,
)
partial_index("ix_return_legs_waybill", return_legs.c.waybill, where=HAS_WAYBILL)
Index("ix_return_legs_state", return_legs.c.state, return_legs.c.location)

# Parcels that came unannounced. They belong to no order until they are matched.
arrivals = table(
    "arrivals",
    *words("tenant", "arrival_id", "location", "carrier", "waybill", "old_waybill"),
    *whole("arrived_at_ms", "due_at_ms"),
    *words("leg_id"),
    PrimaryKeyConstraint("tenant", "arrival_id"),
)
Index("ix_arrivals_arrived", arrivals.c.tenant, arrivals.c.arrived_at_ms, arrivals.c.arrival_id)
partial_index("ix_arrivals_waiting", arrivals.c.due_at_ms, where=arrivals.c.leg_id == NO_WORDS)

intercepts = table(
    "intercepts",
    *ids("order_id"),
    part_number("intercept"),
    *words("state"),
    part_number("shipment"),
    *whole("created_at_ms", "updated_at_ms"),
    PrimaryKeyConstraint("order_id", "intercept_no"),
    ForeignKeyConstraint(["order_id"], ["orders.order_id"]),
    ForeignKeyConstraint(
        ["order_id", "shipment_no"], ["shipments.order_id", "shipments.shipment_no"]
    ),
)
partial_index(
    "ix_intercepts_asked",
    intercepts.c.created_at_ms,
    where=intercepts.c.state == literal_column("'ASKED'"),
)

chargebacks = table(
    "chargebacks",
    *ids("order_id"),
    part_number("chargeback"),
    *words("state"),
    part_number("payment"),
    *words("provider_ref"),
    *whole("amount_minor"),
    *words("currency"),
    *whole("created_at_ms", "updated_at_ms"),
    *whole("disputed_minor", "fee_minor", "due_at_ms", nullable=True),
    part_number("refund"),
    PrimaryKeyConstraint("order_id", "chargeback_no"),
    UniqueConstraint("order_id", "payment_no", "provider_ref"),
    ForeignKeyConstraint(["order_id"], ["orders.order_id"]),
    ForeignKeyConstraint(["order_id", "payment_no"], ["payments.order_id", "payments.payment_no"]),
    CheckConstraint(
        "amount_minor >= 0 AND coalesce(disputed_minor, 0) BETWEEN 0 AND amount_minor "
        "AND coalesce(fee_minor, 0) >= 0",
        name="no_more_is_disputed_than_was_taken",
    ),
)
IS_OPEN_CHARGEBACK: Final[ColumnElement[bool]] = chargebacks.c.state.not_in(
    [literal_column("'WON'"), literal_column("'LOST'")]
)
partial_index("ix_chargebacks_open", chargebacks.c.created_at_ms, where=IS_OPEN_CHARGEBACK)

# Every event that a carrier told of a leg, once: carriers number the events of a waybill.
leg_events = table(
    "leg_events",
    *ids("order_id"),
    part_number("leg"),
    *words("carrier", "waybill", "event_id", "kind"),
    *whole("happened_at_ms", "received_at_ms"),
    *words("place"),
    PrimaryKeyConstraint("order_id", "leg_no", "carrier", "waybill", "event_id"),
    ForeignKeyConstraint(["order_id", "leg_no"], ["return_legs.order_id", "return_legs.leg_no"]),
    by_key=True,
)
