"""Money as people read and write it: `12.50 GBP`. Elsewhere it is whole minor units."""

import re
from typing import Final

# How many decimals an amount has where it is not 2 (ISO 4217).
_NONE: Final = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE: Final = "BHD IQD JOD KWD LYD OMR TND"
_DIGITS: Final = {**dict.fromkeys(_NONE.split(), 0), **dict.fromkeys(_THREE.split(), 3)}
_DIGITS_DEFAULT = 2
_AMOUNT = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,3}))?")


def amount_text(amount_minor: int, currency: str) -> str:
    """An amount without its currency: 1250 minor units of GBP are `12.50`."""
    digits = _DIGITS.get(currency, _DIGITS_DEFAULT)
    scale: int = 10**digits
    whole, part = divmod(abs(amount_minor), scale)
    sign = "-" if amount_minor < 0 else ""
    return f"{sign}{whole:,}.{part:0{digits}d}" if digits else f"{sign}{whole:,}"


def money_text(amount_minor: int, currency: str) -> str:
    """An amount with its currency: `12.50 GBP`."""
    return f"{amount_text(amount_minor, currency)} {currency}".rstrip()


def minor_units(text: str, currency: str) -> int:
    """The minor units of an amount such as `12.50`. ValueError if it is none of the currency's."""
    digits = _DIGITS.get(currency, _DIGITS_DEFAULT)
    found = _AMOUNT.fullmatch(text)
    part = (found and found[2]) or ""
    if found is None or len(part) > digits:
        example = amount_text(1250, currency)
        raise ValueError(f"must be an amount of {currency} such as {example}; got {text!r}")
    return int(found[1] + part.ljust(digits, "0"))
