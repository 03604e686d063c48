"""The steps in which money can be paid back: every amount is a multiple of one. Pure.

Cards take amounts of currencies with three decimals only in tenths of their minor units, and of
some others only in whole units (`stripe_amounts.py` has the list and its source). What a provider
would refuse is not asked for: the remainder goes back with the last of the money.
"""

from order_service.payment.methods import CASH
from order_service.payment.providers.stripe_amounts import step_minor


def step_of(provider: str, currency: str) -> int:
    """The step of a provider in a currency, in minor units."""
    return 1 if provider == CASH else step_minor(currency)
