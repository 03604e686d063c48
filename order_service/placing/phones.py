"""Phone numbers as people of each country write them, with their extensions. Personal."""

import re
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

from order_service.order.text import plain
from order_service.placing.mobiles import mobile_of

EXTENSION: Final = ";ext="
"""Stands between a number and its extension (RFC 3966)."""

# Beside those that the library knows: ext., x, #, доб., anexo, int.
_WORDS: Final = (
    "转 转接 轉 轉接 分机 分機 分线 分線 内线 内線 內線 내선 구내 "
    "durchwahl dw nebenstelle nst apparat app klappe kl poste interno interne inwendig toestel tst "
    "ramal wewn wew wewnętrzny linka klapka mellék mell dahili anknytning ankn alanumero lokal "
    "local samb sambungan ต่อ máy.lẻ добавочный внутренний внутр вн داخلی داخلي تحويلة שלוחה"
)
_EXTENSION: Final = re.compile(
    rf"[\s,;:.()-]*(?:{'|'.join(sorted(_WORDS.split(), key=len, reverse=True))})"
    r"[\s.:#()-]*([0-9]{1,20})[\s)#]*$",
    re.IGNORECASE,
)
# A number that is only one without its last digits, as landlines of China are written: 8888-801.
_SHORT_END: Final = re.compile(r"-([0-9]{1,6})$")
_DIGITS_AT_THE_END: Final = 4
"""Digits at the end of a number, by which it is seen that nothing behind them was dropped."""


def phone_of(typed: str, country: str) -> str | None:
    """A valid number with its country's prefix, and `;ext=` with its extension; None if a text is
    none, or if a part of it would be lost.
    """
    written = plain(typed)
    mobile = mobile_of(written, country)
    return mobile if mobile is not None else _parsed_whole(written, country)


def _parsed_whole(written: str, country: str) -> str | None:
    """`phone_of` for what the library has to take apart."""
    marked = _EXTENSION.sub(rf"{EXTENSION}\1", written)
    for text in (marked, _SHORT_END.sub(rf"{EXTENSION}\1", marked)):
        number = _parsed(text, country)
        if number is not None and _is_whole(text, number):
            return _kept(number)
    return None


def _parsed(text: str, country: str) -> PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, country)
    except NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


def _kept(number: PhoneNumber) -> str:
    text = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return f"{text}{EXTENSION}{number.extension}" if number.extension else text


def _is_whole(text: str, number: PhoneNumber) -> bool:
    """Whether a number ends with what the text ends with; an extension is the end of any text.

    Letters of a text stand for the digits that are on the same key.
    """
    dialled = re.sub("[^0-9]", "", phonenumbers.convert_alpha_characters_in_number(text))
    national = phonenumbers.national_significant_number(number)
    return bool(number.extension) or dialled[-_DIGITS_AT_THE_END:] == national[-_DIGITS_AT_THE_END:]
