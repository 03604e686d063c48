"""Names in files: too long, unprintable, mangled by a spreadsheet, or like another to the eye.

Names are compared as bytes by the engine and as pictures by people. A file comes from people: what
they cannot tell apart, or have not written, is named by its line instead of being taken. Pure.
"""

import re
import unicodedata
from typing import Final

from holdfast.bounds import NAME_BYTES_MAX

# Letters of other scripts that look like Latin ones, beside what Unicode itself calls compatible.
_LATIN: Final = str.maketrans(
    "АВЕЅІЈКМНОРСТУХаеѕіјорсухΑΒΕΖΗΙΚΜΝΟΡΤΥΧο‐‑‒–—−",
    "ABESIJKMHOPCTYXaesijopcyxABEZHIKMNOPTYXo------",
)
_MANGLED: Final = (
    (re.compile(r"[+-]?[0-9]+([.,][0-9]+)?E[+-][0-9]+"), "a number that was shortened"),
    (re.compile(r"[0-9]+[.,]0"), "a number with a decimal place that was added"),
    (
        re.compile(
            r"[0-9]{1,4}-(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
            r"|(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)-[0-9]{1,4}"
        ),
        "a date that was made of it",
    ),
    (re.compile(r"#(N/A|REF!|NAME\?|VALUE!|DIV/0!|NULL!|NUM!|#+)"), "an error"),
)
_FORMULA: Final = ("=", "+", "-", "@")


def look_of(name: str) -> str:
    """A text that is the same for names which people cannot tell apart."""
    if name.isascii():
        return name
    return unicodedata.normalize("NFKC", name).translate(_LATIN)


def name_problem(field: str, name: str) -> str:
    """Why a name cannot be taken at all; "" if it can."""
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        return f"{field}: is not UTF-8; got {name!a}"
    if not name:
        return f"{field}: is empty"
    if length > NAME_BYTES_MAX:
        return f"{field}: is {length} bytes long, at most {NAME_BYTES_MAX} are allowed"
    if not name.isprintable():
        return f"{field}: holds a character that cannot be printed; got {name!a}"
    if name != name.strip():
        # Allowed on the wire, but in a file it makes another SKU that looks the same.
        return f"{field}: has spaces around it; got {name!a}"
    return ""


def oddity(field: str, name: str) -> str:
    """Why a name is hardly what a person has meant, though it can be taken; "" if it is not odd."""
    usual = unicodedata.normalize("NFC", name)
    if usual != name:
        return f"{field}: is spelled with other signs than {usual!a}, which looks the same"
    for pattern, what in _MANGLED:
        if pattern.fullmatch(name):
            return f"{field}: looks like {what} by a spreadsheet; got {name!a}"
    if name.startswith(_FORMULA):
        return f"{field}: begins as a spreadsheet's formulas do; got {name!a}"
    return ""
