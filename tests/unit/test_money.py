"""Money as people read and write it."""

import pytest

from holdfast.money import amount_text, minor_units, money_text


@pytest.mark.parametrize(
    ("amount_minor", "currency", "text"),
    [
        (0, "GBP", "0.00"),
        (5, "GBP", "0.05"),
        (1_250, "GBP", "12.50"),
        (-5, "GBP", "-0.05"),
        (123_456_789, "CNY", "1,234,567.89"),
        (1_250, "JPY", "1,250"),
        (-1_250, "JPY", "-1,250"),
        (1_234, "KWD", "1.234"),
        (10**12, "GBP", "10,000,000,000.00"),
    ],
)
def test_an_amount_is_read_in_its_currency(amount_minor: int, currency: str, text: str) -> None:
    assert amount_text(amount_minor, currency) == text
    assert money_text(amount_minor, currency) == f"{text} {currency}"


@pytest.mark.parametrize(
    ("text", "currency", "amount_minor"),
    [
        ("12.50", "GBP", 1_250),
        ("12.5", "GBP", 1_250),
        ("12", "GBP", 1_200),
        ("0", "JPY", 0),
        ("1250", "JPY", 1_250),
        ("1.234", "KWD", 1_234),
        ("0.07", "CNY", 7),
    ],
)
def test_an_amount_is_written_in_its_currency(text: str, currency: str, amount_minor: int) -> None:
    assert minor_units(text, currency) == amount_minor


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("12.505", "GBP"),
        ("12.5", "JPY"),
        ("-1", "GBP"),
        ("1e3", "GBP"),
        ("", "GBP"),
        ("1,000", "GBP"),
        ("12.", "GBP"),
        ("٣", "GBP"),
        ("9" * 13, "GBP"),
    ],
)
def test_what_is_no_amount_of_the_currency_is_refused(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match=f"must be an amount of {currency} such as"):
        minor_units(text, currency)
