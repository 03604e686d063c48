"""Puts text that people typed or pasted in order, before anything about it is judged.

Every field of text goes through here. What cannot be seen and says nothing is taken out, and what
is written in several ways is written in one. Nothing that can be read is lost.

Most text is ASCII, in which hardly anything can be wrong: it is put in order at once.
"""

import re
import unicodedata
from typing import Final

_LINE_ENDS: Final = re.compile("\r\n|[\r\u2028\u2029]")
# NFC would replace these ideographs by others, and names are written with them.
_COMPOSED: Final = re.compile("[^\uf900-\ufaff\U0002f800-\U0002fa1f]+")
# Letters and symbols that are empty; people make blank names of them.
_BLANKS: Final = re.compile("[\u115f\u1160\u3164\uffa0\u2800]")
# What Unicode lets a program ignore, apart from format characters (Cf) and variants.
_EMPTY: Final = re.compile("[\u034f\u17b4\u17b5\u2065\ufff0-\ufff8\U000e0000-\U000e00ff]")
# Format characters that are seen: number signs, and what arranges hieroglyphs.
_SEEN: Final = re.compile(
    "[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd\U00013430-\U0001343f]"
)
_VARIANTS: Final = re.compile("[\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_JOINERS: Final = frozenset("\u200c\u200d")
# In the names of their letters. In all other scripts letters may join, or stack.
_NEVER_JOINED = (
    "LATIN GREEK CYRILLIC ARMENIAN GEORGIAN HEBREW THAI LAO CJK HIRAGANA KATAKANA BOPOMOFO HANGUL "
    "COMBINING FULLWIDTH HALFWIDTH IDEOGRAPHIC KATAKANA-HIRAGANA"
)
_SCRIPTS_WITHOUT_JOINERS: Final = frozenset(_NEVER_JOINED.split())
# They show letters in another order than that in which they are read.
_OVERRIDES: Final = frozenset("\u202d\u202e")
_DASHES: Final = re.compile("[\u2010-\u2015\u2212\u30fc\ufe58\ufe63\uff70]")
_ACCENTS: Final = re.compile("[\u0300-\u036f]")


def tidied(text: str) -> str:
    """A text without what cannot be seen and says nothing, and without white space round it.

    Letters and their accents are composed, lines end with "\\n". What no text may have is still in
    it: see `unfit_in`.
    """
    if text.isascii() and text.isprintable():
        return text.strip()
    text = _LINE_ENDS.sub("\n", text)
    if not text.isascii():
        text = _COMPOSED.sub(lambda part: unicodedata.normalize("NFC", part[0]), text)
        text = _BLANKS.sub(" ", text)
        before, kept = "", []
        for char in text:
            if _says_something(char, before):
                kept.append(char)
                before = char
        text = "".join(kept)
    return text.strip()


def unfit_in(text: str) -> str:
    """The name of the first character of a text that no text may have; "" if it has none.

    These are control characters, halves of surrogates, what is no character, and what shows letters
    in another order than that in which they are read.
    """
    if text.isprintable():
        return ""
    for char in text:
        if _is_unfit(char):
            return f"U+{ord(char):04X} {unicodedata.name(char, '')}".rstrip()
    return ""


def narrow(text: str) -> str:
    """A text that machines read, such as an e-mail address: in the width of ASCII, without anything
    that cannot be seen.
    """
    if text.isascii():
        return text.strip()
    seen = [char for char in text if not _is_unseen(char)]
    return unicodedata.normalize("NFKC", _BLANKS.sub(" ", "".join(seen))).strip()


def plain(text: str) -> str:
    """A text of numbers, such as a phone's or a postcode: `narrow`, with ASCII's digits and hyphens
    in stead of those of any script.
    """
    if text.isascii():
        return text.strip()
    return "".join(
        str(unicodedata.decimal(char)) if char.isdecimal() else char
        for char in _DASHES.sub("-", narrow(text))
    )


def folded(text: str) -> str:
    """The letters and digits of a name, the same for all spellings that differ only in capitals,
    accents, width, points and spaces.
    """
    if text.isascii():
        return "".join(filter(str.isalnum, text.lower()))
    bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", narrow(text).casefold()))
    return "".join(
        char
        for char in unicodedata.normalize("NFKC", bare)
        if unicodedata.category(char)[0] in "LMN"
    )


def _says_something(char: str, before: str) -> bool:
    """Whether a character is kept in a text, behind the one that was kept before it."""
    if char in _JOINERS:
        return _may_be_joined(before)
    if _VARIANTS.match(char):
        return bool(before) and not before.isspace() and not _VARIANTS.match(before)
    return char in _OVERRIDES or not _is_unseen(char)


def _is_unseen(char: str) -> bool:
    if unicodedata.category(char) == "Cf":
        return not _SEEN.match(char)
    return bool(_EMPTY.match(char) or _VARIANTS.match(char))


def _may_be_joined(char: str) -> bool:
    """Whether a joiner behind a character says something: it does in scripts whose letters join or
    stack, and in emoji that are made of several.
    """
    category = unicodedata.category(char) if char else ""
    if category in ("So", "Sk") or char == "\ufe0f":
        return True
    script = unicodedata.name(char, "").partition(" ")[0] if char else ""
    return category[:1] in ("L", "M") and script not in _SCRIPTS_WITHOUT_JOINERS


def _is_unfit(char: str) -> bool:
    category = unicodedata.category(char)
    if category == "Cc":
        return char not in "\t\n"
    code = ord(char)
    no_character = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    return category == "Cs" or no_character or char in _OVERRIDES
