"""Mobile numbers are read by their country's patterns as the library reads them, or not at all."""

import random
from collections.abc import Iterator

import phonenumbers
import pytest
from phonenumbers import PhoneMetadata, PhoneNumberType

from order_service.placing import phones
from order_service.placing.mobiles import mobile_of
from order_service.placing.phones import phone_of

NUMBERS_A_COUNTRY = 3


def written(country: str, chance: random.Random) -> Iterator[str]:
    """A country's mobile number, others that differ from it somewhere, each in several forms."""
    example = phonenumbers.example_number_for_type(country, PhoneNumberType.MOBILE)
    if example is None:
        return
    code = example.country_code
    data = PhoneMetadata.metadata_for_region(country)
    prefix = (data and data.national_prefix) or "0"
    for _ in range(NUMBERS_A_COUNTRY):
        digits = list(phonenumbers.national_significant_number(example))
        digits[chance.randrange(len(digits))] = chance.choice("0123456789")
        number = "".join(digits)
        cut = chance.randrange(1, len(number))
        yield from (number, f"{prefix}{number}", f"0{number}", number[:-1], f"{number}5")
        yield from (f"+{code}{number}", f"+{code} {prefix}{number}", f"{code}{number}")
        yield from (f"{number[:cut]}-{number[cut:]}", f"00{code} {number[:cut]} {number[cut:]}")


def test_a_mobile_number_of_any_country_is_what_the_library_makes_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chance = random.Random(7)
    texts = [
        (text, country)
        for country in sorted(phonenumbers.SUPPORTED_REGIONS)
        for text in written(country, chance)
    ]
    read = {(text, country): mobile_of(text, country) for text, country in texts}
    monkeypatch.setattr(phones, "mobile_of", lambda _typed, _country: None)
    wrong = [
        (text, country, found)
        for (text, country), found in read.items()
        if found is not None and found != phone_of(text, country)
    ]
    assert not wrong
    assert sum(found is not None for found in read.values()) > len(read) / 4


@pytest.mark.parametrize(
    ("typed", "country", "kept"),
    [
        ("138 1234 5678", "CN", "+8613812345678"),
        ("+86 138-1234-5678", "CN", "+8613812345678"),
        ("07400 123456", "GB", "+447400123456"),
    ],
)
def test_the_usual_forms_of_a_mobile_number_need_only_its_countrys_patterns(
    typed: str, country: str, kept: str
) -> None:
    assert mobile_of(typed, country) == kept


@pytest.mark.parametrize(
    ("typed", "country"),
    [
        ("13812345678 转 801", "CN"),
        ("13812345678-801", "CN"),
        ("+44 7700 900123", "CN"),
        ("0086 13812345678", "CN"),
        ("010 6552 9988", "CN"),
        ("", "GB"),
        ("-", "GB"),
        ("7700", "XX"),
    ],
)
def test_what_is_written_in_another_way_is_left_to_the_library(typed: str, country: str) -> None:
    assert mobile_of(typed, country) is None
