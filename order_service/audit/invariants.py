"""The invariants: one table. Those of every order, and those of all of them together."""

from collections.abc import Mapping
from typing import Final

from order_service.audit import (
    amounts,
    history,
    ledger,
    money,
    motion,
    refunds,
    returns,
    shipments,
    statements,
    stock,
)
from order_service.audit.case import Case, Rule

RULES: Final[tuple[Rule, ...]] = (
    *amounts.RULES,
    *money.RULES,
    *refunds.RULES,
    *history.RULES,
    *shipments.RULES,
    *returns.RULES,
    *motion.RULES,
    *stock.RULES,
    *statements.RULES,
    *ledger.RULES,
)


def _on_no_order(_case: Case) -> tuple[str, ...]:
    return ()


# The audit finds breaches of these beside the orders that it judges.
RESERVATION_IS_OF_AN_ORDER: Final = Rule(
    "reservation_is_of_an_order",
    "units that the engine has reserved, sold or shipped belong to an order",
    "restore the database that lost the order. Or end it in the engine: `holdfast reservation "
    "release ID` while it is RESERVED, `cancel` while it is CONFIRMED, `return` what has come back "
    "of a FULFILLED one. Reservations of other callers are not meant: they are only counted",
    _on_no_order,
)
MONEY_IS_OF_AN_ORDER: Final = Rule(
    "money_is_of_an_order",
    "money on a provider's statement belongs to a payment of an order",
    "ask the provider what it is for. If it is a buyer's, restore the database that lost the "
    "order, or have the provider send it back",
    _on_no_order,
)
BOOKS_BALANCE: Final = Rule(
    "books_balance",
    "what the providers took and sent back is what our books have, by currency",
    "each difference of an order is a finding of its own: mend those; `holdfast orders reconcile` "
    "names the day",
    _on_no_order,
)
LEDGER_ADDS_UP: Final = Rule(
    "ledger_adds_up",
    "the balance of each account is the sum of its postings",
    "somebody has written to the database past its triggers: compare with a backup, and correct "
    "the row of `balances` to the sum",
    _on_no_order,
)
INVARIANTS: Final[Mapping[str, Rule]] = {
    rule.name: rule
    for rule in (
        *RULES,
        RESERVATION_IS_OF_AN_ORDER,
        MONEY_IS_OF_AN_ORDER,
        BOOKS_BALANCE,
        LEDGER_ADDS_UP,
    )
}
