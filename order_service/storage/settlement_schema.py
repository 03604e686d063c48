"""The tables of settlement: the ledger, and statements.

Nothing here refers to orders, which may be moved away; the ledger stays. Postings are written
before their journal, whose trigger then demands that they balance, and move the balances by a
trigger of their own (migration 0019). A shared account's balance is in slots, so that captures do
not wait for one row; a merchant's has one, under whose lock its postings get their numbers.
"""

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    UniqueConstraint,
)

from order_service.storage.columns import (
    count,
    ids,
    partial_index,
    small,
    table,
    whole,
    words,
)

accounts = table(
    "accounts",
    *whole("account"),
    *words("tenant", "kind", "whose", "currency"),
    *small("side", "numbered"),
    PrimaryKeyConstraint("account"),
    CheckConstraint(
        "side = CASE WHEN kind IN ('escrow', 'refunding', 'wallet', 'held', 'payout', 'deposit') "
        "THEN -1 WHEN kind = 'chargeback' THEN 1 ELSE 0 END",
        name="its_side_is_that_of_its_kind",
    ),
    CheckConstraint(
        "numbered = CASE WHEN kind IN ('merchant', 'held', 'payout', 'deposit') THEN 1 ELSE 0 END",
        name="those_of_merchants_are_numbered",
    ),
)
Index("ix_accounts_named", accounts.c.tenant, accounts.c.kind, accounts.c.whose)

journals = table(
    "journals",
    *ids("journal_id", "order_id"),
    *whole("at_ms"),
    *words("tenant", "once_key", "kind", "currency", "actor", "corrects"),
    PrimaryKeyConstraint("journal_id"),
    UniqueConstraint("order_id", "once_key"),
)

# Where an account has no numbers, they are null and take no room.
postings = table(
    "postings",
    *ids("journal_id"),
    *whole("account", "amount_minor"),
    *whole("account_no", "balance_after_minor", nullable=True),
    *small("posting_no", "slot"),
    PrimaryKeyConstraint("journal_id", "posting_no"),
    ForeignKeyConstraint(["account"], ["accounts.account"]),
    # At the end of the transaction: the journal comes last.
    ForeignKeyConstraint(
        ["journal_id"], ["journals.journal_id"], deferrable=True, initially="DEFERRED"
    ),
    CheckConstraint("amount_minor <> 0", name="something_is_moved"),
    by_key=True,
)
partial_index(
    "ix_postings_account",
    postings.c.account,
    postings.c.account_no,
    where=postings.c.account_no.is_not(None),
)

balances = table(
    "balances",
    *whole("account", "amount_minor"),
    *whole("last_no", nullable=True),
    *small("slot", "side"),
    PrimaryKeyConstraint("account", "slot"),
    ForeignKeyConstraint(["account"], ["accounts.account"]),
    CheckConstraint("amount_minor * side >= 0", name="it_is_on_its_side"),
    by_key=True,
)

# A merchant's statements: ranges of the postings on its account. What is closed stays as it is.
statements = table(
    "statements",
    *words("tenant", "merchant_id", "currency"),
    *count("statement_no"),
    *words("state"),
    *whole("begins_at_ms", "ends_at_ms", "from_no", "opening_minor"),
    *whole("entered_at_ms", "due_at_ms", "to_no", "closing_minor"),
    *count("payout_no"),
    *whole("payout_minor"),
    *words("payout_ref", "approved_by", "why"),
    PrimaryKeyConstraint("tenant", "merchant_id", "currency", "statement_no"),
    CheckConstraint("to_no >= from_no OR state = 'OPEN'", name="it_is_a_range"),
)
Index("ix_statements_due", statements.c.state, statements.c.due_at_ms)

statement_moves = table(
    "statement_moves",
    *words("tenant", "merchant_id", "currency"),
    *count("statement_no", "move_no"),
    *words("event", "from_state", "to_state", "actor", "why"),
    *whole("at_ms"),
    PrimaryKeyConstraint("tenant", "merchant_id", "currency", "statement_no", "move_no"),
)
