"""Text as people type and paste it: put in order, and nothing lost that can be read."""

import pytest

from order_service.order.fields import check_name, checked_lines_of_text, checked_text
from order_service.order.refusals import InvalidField
from order_service.order.text import _is_unfit, folded, narrow, plain, tidied

UNSEEN = "\u200b\u200f\u061c\u2060\ufeff\u00ad\u2066\u2069\u202a\u202c\u034f\u115f\u3164\U000e0041"


@pytest.mark.parametrize("char", UNSEEN)
def test_what_cannot_be_seen_and_says_nothing_is_taken_out(char: str) -> None:
    typed = f"{char}Li {char}Na{char}"
    assert checked_text("name", typed, 20) == "Li Na"
    assert plain(f"{char}510{char}000{char}").replace(" ", "") == "510000"


@pytest.mark.parametrize(
    "name",
    [
        "علی\u200cرضا",  # Persian
        "ශ්\u200dරී",  # Sinhala
        "ക്\u200d",  # Malayalam, an old chillu
        "র\u200d্য",  # Bengali
        "葛\U000e0100城",  # a variant of an ideograph
        "神\ufa19",  # an ideograph that normalising would change
        "👨\u200d👩\u200d👧 ❤\ufe0f\u200d🔥",
        "٣\u06dd",  # a format character that is seen
        "\U0002ebf0",  # younger than the tables of this Python
        "שָׁלוֹם",
        "O'Brien-Łódź",
    ],
)
def test_what_a_script_or_an_emoji_needs_stays(name: str) -> None:
    assert checked_text("name", name, 40) == name
    assert checked_lines_of_text("remark", name, 40) == name


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("A\u200dB\u200cC", "ABC"),
        ("\u200dA", "A"),
        ("علی\u200c\u200cرضا", "علی\u200cرضا"),
        ("x\ufe0f\ufe0e", "x\ufe0f"),
        ("Jose\u0301", "José"),
        ("\u1100\u1161", "가"),
        ("  a\u3000b\u00a0c ", "a b c"),
        ("a\u2028b\u2029c\r\nd", "a b c d"),
    ],
)
def test_a_text_is_written_in_one_way(typed: str, kept: str) -> None:
    assert checked_text("title", typed, 40) == kept
    assert checked_text("title", kept, 40) == kept


def test_lines_end_in_one_way() -> None:
    assert checked_lines_of_text("remark", " a\r\nb\rc\u2028d\u2029e\n", 40) == "a\nb\nc\nd\ne"


@pytest.mark.parametrize(
    ("char", "name"),
    [
        ("\u202e", "U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("\u202d", "U+202D LEFT-TO-RIGHT OVERRIDE"),
        ("\x00", "U+0000"),
        ("\x1b", "U+001B"),
        ("\x9b", "U+009B"),
        ("\ud800", "U+D800"),
        ("\ufffe", "U+FFFE"),
    ],
)
def test_what_no_text_may_have_is_named(char: str, name: str) -> None:
    for check in (checked_text, checked_lines_of_text):
        with pytest.raises(InvalidField) as refused:
            check("title", f"a{char}b", 20)
        assert f"must be a text without {name}" in str(refused.value)


def test_a_name_of_nothing_that_is_seen_is_empty() -> None:
    assert tidied("\u3164\u200b \u2800") == ""
    with pytest.raises(InvalidField, match="must be 1 to 20 characters"):
        checked_text("name", "\u3164\u200b", 20, length_min=1)


def test_a_name_of_a_thing_has_nothing_that_cannot_be_seen() -> None:
    for char in f"{UNSEEN}\u2028\u200d":
        if char not in "\u034f\u115f\u3164":  # the engine's names may have any letter and mark
            with pytest.raises(InvalidField):
                check_name("sku", f"A{char}B")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("５１００００", "510000"),
        ("٥١٠٠٠٠", "510000"),
        ("०१२", "012"),
        ("１５４－００２３", "154-0023"),
        ("154\u2010\u20110023", "154--0023"),
        ("138ー0013", "138-0013"),
        ("\u202a+44 20\u00a07946\u202c", "+44 20 7946"),
        ("ＳＷ１Ａ　１ＡＡ", "SW1A 1AA"),
    ],
)
def test_numbers_are_of_digits_of_ascii(typed: str, kept: str) -> None:
    assert plain(typed) == kept


def test_what_machines_read_is_narrow() -> None:
    assert narrow("\ufeffｌｉ．ｎａ＠ｅｘａｍｐｌｅ．ｃｏｍ ") == "li.na@example.com"


def test_spellings_of_a_name_are_alike() -> None:
    for spellings in (
        ("Québec", "QUEBEC", "Que\u0301bec", "ＱＵＥＢＥＣ", " quebec "),
        ("St. Ann", "St Ann", "STANN", "St-Ann"),
        ("İstanbul", "istanbul", "ISTANBUL"),
        ("ガ", "カ\u3099", "ｶﾞ"),
    ):
        assert len({folded(spelling) for spelling in spellings}) == 1
    assert folded("が") != folded("か")


def test_text_of_ascii_is_put_in_order_as_any_other_is() -> None:
    for text in ("", " ", "a-b C.1", " Tab\t", "bell\a", "(0) 12", "St. Mary's\n", "x" * 9):
        for put_in_order in (narrow, plain, folded):
            assert put_in_order(text) == put_in_order(text + UNSEEN[0])


def test_no_text_that_can_be_printed_is_unfit() -> None:
    printable = filter(str.isprintable, map(chr, range(0x11000)))
    assert not any(map(_is_unfit, printable))
