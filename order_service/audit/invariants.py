"""The invariants: one table. Those of every order, and those of all of them together."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from order_service.audit import amounts, history, money, motion, parcels, statements, stock
from order_service.audit.case import Rule

RULES: Final[tuple[Rule, ...]] = (
    *amounts.RULES,
    *money.RULES,
    *history.RULES,
    *parcels.RULES,
    *motion.RULES,
    *stock.RULES,
    *statements.RULES,
)


class Invariant(NamedTuple):
    """A rule of the audit: its meaning, and how a person mends a breach."""

    means: str
    mend: str


RESERVATION_IS_OF_AN_ORDER: Final = "reservation_is_of_an_order"
MONEY_IS_OF_AN_ORDER: Final = "money_is_of_an_order"
BOOKS_BALANCE: Final = "books_balance"

INVARIANTS: Final[Mapping[str, Invariant]] = {
    **{rule.name: Invariant(rule.means, rule.mend) for rule in RULES},
    RESERVATION_IS_OF_AN_ORDER: Invariant(
        "units that the engine has reserved, sold or shipped belong to an order",
        "`holdfast reservation get ID` tells for whom they were reserved. Release or cancel it in "
        "the engine, or restore the database that lost the order",
    ),
    MONEY_IS_OF_AN_ORDER: Invariant(
        "money on a provider's statement belongs to a payment of an order",
        "ask the provider what it is for. If it is a buyer's, restore the database that lost the "
        "order, or have the provider send it back",
    ),
    BOOKS_BALANCE: Invariant(
        "what the providers took and sent back is what our books have, by currency",
        "each difference of an order is a finding of its own: mend those; `holdfast orders "
        "reconcile` names the day",
    ),
}
