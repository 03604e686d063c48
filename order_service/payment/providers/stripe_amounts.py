"""Amounts as Stripe counts them, which is not everywhere as ISO 4217 does. Pure.

Source: https://docs.stripe.com/currencies, "zero-decimal", "three-decimal" and "special cases".
"""

from typing import Final, NamedTuple

from holdfast.money import MINOR_DIGITS, money_text
from order_service.payment.providers.port import ProviderRefuses


class Counting(NamedTuple):
    """How Stripe counts a currency."""

    digits: int
    """Decimal digits of the unit that its amounts are in."""
    step: int
    """The number of those units that every amount is a multiple of."""


_WHOLE_IN_HUNDREDTHS: Final = Counting(2, 100)
_THREE_DIGITS: Final = Counting(3, 10)
# Currencies that are missing are counted in their minor unit, every amount is possible.
OTHERWISE: Final[dict[str, Counting]] = {
    "ISK": _WHOLE_IN_HUNDREDTHS,
    "UGX": _WHOLE_IN_HUNDREDTHS,
    "MGA": Counting(0, 1),
    "BHD": _THREE_DIGITS,
    "JOD": _THREE_DIGITS,
    "KWD": _THREE_DIGITS,
    "OMR": _THREE_DIGITS,
    "TND": _THREE_DIGITS,
}
_DIGITS_UNKNOWN: Final = 2


def to_stripe(amount_minor: int, currency: str) -> int:
    """Minor units as Stripe counts them. Raises ProviderRefuses for what it cannot express."""
    counting, digits = _counting_of(currency)
    amount, rest = divmod(amount_minor * _power(counting.digits), _power(digits))
    if rest or amount % counting.step:
        step = money_text(step_minor(currency), currency)
        raise ProviderRefuses(
            f"Stripe takes multiples of {step} only, not {money_text(amount_minor, currency)}; "
            "round the amount, or pay in another way"
        )
    return amount


def from_stripe(amount: int, currency: str) -> int:
    """Minor units for an amount of Stripe's."""
    # Nothing is lost: Stripe refuses fractions of a minor unit, as `to_stripe` does.
    return _in_minor(amount, *_counting_of(currency))


def step_minor(currency: str) -> int:
    """The minor units that every amount is a multiple of."""
    counting, digits = _counting_of(currency)
    return max(_in_minor(counting.step, counting, digits), 1)


def _counting_of(currency: str) -> tuple[Counting, int]:
    """How Stripe counts a currency, and the digits of its minor unit."""
    digits = MINOR_DIGITS.get(currency, _DIGITS_UNKNOWN)
    return OTHERWISE.get(currency, Counting(digits, 1)), digits


def _in_minor(amount: int, counting: Counting, digits: int) -> int:
    return amount * _power(digits) // _power(counting.digits)


def _power(digits: int) -> int:
    power: int = 10**digits
    return power
