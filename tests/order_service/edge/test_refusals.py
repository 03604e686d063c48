"""The words of refusals: money in them is written as people read it."""

import pytest

from order_service.order.refusals import RefusalReason, Refused


@pytest.mark.parametrize(
    ("expected", "got", "message"),
    [
        ("1250 GBP", "1300 GBP", "MUG costs 12.50 GBP, not 13.00 GBP"),
        ("1250 JPY", "1250 KWD", "MUG costs 1,250 JPY, not 1.250 KWD"),
    ],
)
def test_a_wrong_price_is_told_in_units_of_the_currency(
    expected: str, got: str, message: str
) -> None:
    refused = Refused(
        RefusalReason.PRICE_MISMATCH, position=0, sku="MUG", expected=expected, got=got
    )
    assert message in str(refused)
    assert refused.details["expected"] == expected


def test_what_only_looks_like_money_stays_as_it_is() -> None:
    refused = Refused(RefusalReason.UNKNOWN_ARTICLE, position=0, sku="12 MUG")
    assert "12 MUG" in str(refused)
