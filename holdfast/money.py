"""Currencies, and money as people read and write it: `12.50 GBP`. Elsewhere it is minor units."""

import re
from typing import Final

_CODES_BY_DIGITS: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """
        AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD
        CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL
        GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR
        LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD
        PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC
        SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW
        ZWG""",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
MINOR_DIGITS: Final = {
    code: digits for digits, codes in _CODES_BY_DIGITS.items() for code in codes.split()
}
"""The decimal digits of a currency's minor unit, by the currency's code (ISO 4217)."""
# For a code that a provider uses and ISO 4217 does not have.
_DIGITS_UNKNOWN: Final = 2
_AMOUNT = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,4}))?")


def amount_text(amount_minor: int, currency: str) -> str:
    """An amount without its currency: 1250 minor units of GBP are `12.50`."""
    digits = MINOR_DIGITS.get(currency, _DIGITS_UNKNOWN)
    scale: int = 10**digits
    whole, part = divmod(abs(amount_minor), scale)
    sign = "-" if amount_minor < 0 else ""
    return f"{sign}{whole:,}.{part:0{digits}d}" if digits else f"{sign}{whole:,}"


def money_text(amount_minor: int, currency: str) -> str:
    """An amount with its currency: `12.50 GBP`."""
    return f"{amount_text(amount_minor, currency)} {currency}".rstrip()


def minor_units(text: str, currency: str) -> int:
    """The minor units of an amount such as `12.50`. ValueError if it is none of the currency's."""
    digits = MINOR_DIGITS.get(currency, _DIGITS_UNKNOWN)
    found = _AMOUNT.fullmatch(text)
    part = (found and found[2]) or ""
    if found is None or len(part) > digits:
        example = amount_text(1250, currency)
        raise ValueError(f"must be an amount of {currency} such as {example}; got {text!r}")
    return int(found[1] + part.ljust(digits, "0"))
