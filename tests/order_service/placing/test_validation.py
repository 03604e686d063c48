"""Fields at their bounds and beyond; amounts that do not add up; lines the catalogue denies."""

from typing import Any

import pytest
from msgspec import structs

from order_service.order.placed import Amounts, Source
from order_service.order.refusals import InvalidField, RefusalReason, Refused
from order_service.placing.validation import (
    PlaceOrder,
    WantedLine,
    articles_of,
    check_sums,
    checked_fields,
)
from tests.order_service.placing.wanted import ARTICLES, METHODS, amounts, lines, order
from tests.order_service.samples import DELIVERY

ONE = WantedLine("TEA", 1, 500)


def check(**values: Any) -> None:
    """Checks the fields of an order with other values."""
    checked_fields(order(**values), METHODS)


def with_line(**values: Any) -> tuple[WantedLine, ...]:
    """Two lines, the second with other values."""
    return (ONE, structs.replace(WantedLine("CUP", 1, 2_000), **values))


def with_amount(**values: int) -> Amounts:
    """Sound amounts with other values for some."""
    return structs.replace(order().amounts, **values)


@pytest.mark.parametrize(
    "values",
    [
        {"tenant": "a"},
        {"order_key": "k" * 64},
        {"buyer_id": "AZ.az_09:-"},
        {"currency": "JPY"},
        {"lines": tuple(WantedLine(f"S{n}", 1, 0) for n in range(200))},
        {"lines": with_line(sku="茶" * 21)},
        {"lines": with_line(quantity=1_000_000)},
        {"lines": with_line(unit_price_minor=0)},
        {"lines": with_line(unit_price_minor=10**12)},
        {"amounts": with_amount(tax_minor=10**12)},
        {"payment_method": "cash_on_delivery"},
        {"remark": "字" * 2_000},
        {"remark": "two\nlines"},
    ],
)
def test_a_field_at_its_bound_is_taken(values: dict[str, Any]) -> None:
    check(**values)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("tenant", {"tenant": ""}),
        ("order_key", {"order_key": ""}),
        ("order_key", {"order_key": "k" * 65}),
        ("order_key", {"order_key": "a b"}),
        ("buyer_id", {"buyer_id": ""}),
        ("buyer_id", {"buyer_id": "é"}),
        ("currency", {"currency": ""}),
        ("currency", {"currency": "cny"}),
        ("currency", {"currency": "XYZ"}),
        ("lines", {"lines": ()}),
        ("lines", {"lines": tuple(WantedLine(f"S{n}", 1, 0) for n in range(201))}),
        ("lines[1].sku", {"lines": with_line(sku="")}),
        ("lines[1].sku", {"lines": with_line(sku="茶" * 22)}),
        ("lines[1].sku", {"lines": with_line(sku="a\n")}),
        ("lines[1].quantity", {"lines": with_line(sku="TEA", quantity=1_000_000)}),
        ("lines[1].quantity", {"lines": with_line(quantity=0)}),
        ("lines[1].quantity", {"lines": with_line(quantity=1_000_001)}),
        ("lines[1].unit_price_minor", {"lines": with_line(unit_price_minor=-1)}),
        ("lines[1].unit_price_minor", {"lines": with_line(unit_price_minor=10**12 + 1)}),
        *(
            (f"amounts.{name}", {"amounts": with_amount(**{name: value})})
            for name in Amounts.__struct_fields__
            for value in (-1, 10**12 + 1)
        ),
        ("payment_method", {"payment_method": ""}),
        ("payment_method", {"payment_method": "barter"}),
        ("remark", {"remark": "a" * 2_001}),
        ("remark", {"remark": "a\x00"}),
    ],
)
def test_a_field_beyond_its_bound_is_refused_by_name(field: str, values: dict[str, Any]) -> None:
    with pytest.raises(InvalidField) as refused:
        check(**values)
    assert refused.value.field == field


def test_a_remark_is_personal_and_never_shown() -> None:
    with pytest.raises(InvalidField) as refused:
        check(remark="the key is under the mat\x00")
    assert "mat" not in str(refused.value)


def sums(goods: int, discount: int, coupon: int, freight: int, tax: int, total: int) -> None:
    """Checks amounts of an order of two units of tea and one cup, which cost 3,000."""
    check_sums(lines(TEA=2, CUP=1), Amounts(goods, discount, coupon, freight, tax, total))


def test_amounts_that_add_up_are_taken() -> None:
    sums(3_000, 0, 0, 0, 0, 3_000)
    sums(3_000, 300, 200, 150, 50, 2_700)
    sums(3_000, 2_000, 1_000, 0, 0, 0)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("goods_minor", (2_999, 0, 0, 0, 0, 2_999)),
        ("goods_minor", (3_001, 0, 0, 0, 0, 3_001)),
        ("discount_minor", (3_000, 3_001, 0, 100, 0, 99)),
        ("discount_minor", (3_000, 2_000, 1_001, 1, 0, 0)),
        ("total_minor", (3_000, 0, 0, 0, 0, 2_999)),
        ("total_minor", (3_000, 300, 200, 150, 50, 3_000)),
    ],
)
def test_amounts_that_do_not_add_up_are_refused(field: str, values: tuple[int, ...]) -> None:
    with pytest.raises(Refused, match=rf"amounts\.{field}") as refused:
        sums(*values)
    assert refused.value.reason is RefusalReason.AMOUNT_MISMATCH


def test_lines_that_come_to_more_than_an_amount_can_be_are_refused() -> None:
    dear = (WantedLine("TEA", 2, 10**12),)
    with pytest.raises(InvalidField, match="lines: must come to at most"):
        check_sums(dear, amounts(dear))


def of_catalogue(request: PlaceOrder, **values: Any) -> None:
    """Holds an order against a catalogue in which the tea is otherwise."""
    articles_of(request, {**ARTICLES, "TEA": structs.replace(ARTICLES["TEA"], **values)})


def test_the_articles_come_in_the_order_of_the_lines() -> None:
    found = articles_of(order({"RUG": 1, "TEA": 1}), ARTICLES)
    assert [article.sku for article in found] == ["RUG", "TEA"]


def test_an_article_that_the_catalogue_does_not_sell_is_refused() -> None:
    for articles in ({}, {"TEA": structs.replace(ARTICLES["TEA"], withdrawn=True)}):
        with pytest.raises(Refused, match=r"lines\[0\]\.sku: the catalogue has no TEA"):
            articles_of(order(), articles)


def test_another_price_or_currency_than_the_catalogues_is_refused() -> None:
    of_catalogue(order())
    with pytest.raises(
        Refused, match=r"lines\[0\]\.unit_price_minor: TEA costs 5\.01 CNY, not 5\.00 CNY"
    ):
        of_catalogue(order(), price_minor=501)
    with pytest.raises(Refused, match=r"TEA costs 5\.00 USD, not 5\.00 CNY"):
        of_catalogue(order(), currency="USD")


def test_a_line_may_be_a_gift_beside_what_is_paid_for() -> None:
    tea, gift = WantedLine("TEA", 1, ARTICLES["TEA"].price_minor), WantedLine("TEA", 1, 0)
    assert len(articles_of(order(lines=(tea, gift)), ARTICLES)) == 2
    assert len(articles_of(order(lines=(tea, WantedLine("CUP", 1, 0))), ARTICLES)) == 2
    for wrong in ((gift,), (tea, WantedLine("TEA", 1, 1)), (tea, WantedLine("CUP", 1, 1_999))):
        with pytest.raises(Refused) as refused:
            articles_of(order(lines=wrong), ARTICLES)
        assert refused.value.reason is RefusalReason.PRICE_MISMATCH


def test_a_fingerprint_is_that_of_every_version_whatever_the_channel() -> None:
    sent = PlaceOrder(
        "default",
        Source.IMPORT,
        "91",
        "buyer-1",
        "CNY",
        (WantedLine("SKU-1", 2, 500),),
        Amounts(1_000, 0, 0, 100, 0, 1_100),
        DELIVERY,
        "paid_elsewhere",
        remark="ring",
    )
    of_channel = structs.replace(sent, channel="mall-1")
    of_0_4_0 = "ea93f4f93937cdbf89821c046b2cc430"
    assert [each.fingerprint().hex() for each in (sent, of_channel)] == [of_0_4_0] * 2
    assert (sent.key[2], of_channel.key[2]) == ("91", "91@mall-1")
