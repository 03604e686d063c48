"""The receiver of an order, and the address: put in order, refused, and never shown."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from order_service.order.address_rules import rules_of
from order_service.order.model import Delivery
from order_service.order.refusals import InvalidField
from order_service.placing.delivery import checked_delivery
from tests.order_service.placing.wanted import DELIVERY

LONDON = Delivery(
    name="Ann Doe",
    phone="020 7946 0958",
    country="GB",
    postcode="SW1A 1AA",
    city="London",
    street="10 Downing Street",
)
NEW_YORK = Delivery(
    name="Bob",
    phone="+1 212 555 0100",
    country="US",
    postcode="10001",
    region="New York",
    city="New York",
    street="1 Fifth Avenue",
)
HONG_KONG = Delivery(
    name="陳大文", phone="2123 4567", country="HK", region="九龍", street="1 Nathan Road"
)
SECRET = "Zyxwv"


def check(delivery: Delivery, **values: Any) -> Delivery:
    """The delivery with other values, checked."""
    return checked_delivery(structs.replace(delivery, **values))


@pytest.mark.parametrize("delivery", [DELIVERY, LONDON, NEW_YORK, HONG_KONG])
def test_a_delivery_that_can_be_made_is_taken_and_stays_as_it_was_put(delivery: Delivery) -> None:
    once = checked_delivery(delivery)
    assert checked_delivery(once) == once


@pytest.mark.parametrize(
    ("delivery", "field", "typed", "kept"),
    [
        (DELIVERY, "phone", "138-1234-5678", "+8613812345678"),
        (DELIVERY, "phone", "+44 20 7946 0958", "+442079460958"),
        (DELIVERY, "region", "上海", "上海市"),
        (DELIVERY, "region", "shanghai shi", "上海市"),
        (DELIVERY, "name", "  李\u3000娜 ", "李 娜"),
        (DELIVERY, "street", "1  Nanjing\n Road", "1 Nanjing Road"),
        (LONDON, "postcode", "sw1a  1aa", "SW1A 1AA"),
        (LONDON, "country", "gb", "GB"),
        (LONDON, "region", "Middlesex", "Middlesex"),
        (NEW_YORK, "region", "ny", "NY"),
        (NEW_YORK, "region", "New York", "NY"),
    ],
)
def test_what_was_typed_is_put_in_order(
    delivery: Delivery, field: str, typed: str, kept: str
) -> None:
    assert getattr(check(delivery, **{field: typed}), field) == kept


@pytest.mark.parametrize(
    ("delivery", "field", "typed"),
    [
        (DELIVERY, "name", ""),
        (DELIVERY, "name", "   "),
        (DELIVERY, "name", "12345"),
        (DELIVERY, "name", "a" * 101),
        (DELIVERY, "name", "Li\x00Na"),
        (DELIVERY, "name", "Li \u202eNa"),
        (DELIVERY, "phone", ""),
        (DELIVERY, "phone", "123"),
        (DELIVERY, "phone", "call me"),
        (DELIVERY, "phone", "+999 12345678"),
        (DELIVERY, "phone", "1" * 41),
        (DELIVERY, "country", ""),
        (DELIVERY, "country", "ZZ"),
        (DELIVERY, "country", "CHN"),
        (DELIVERY, "country", "../../x"),
        (DELIVERY, "postcode", ""),
        (DELIVERY, "postcode", "2000"),
        (DELIVERY, "postcode", "20000A"),
        (DELIVERY, "region", ""),
        (DELIVERY, "region", "Atlantis"),
        (DELIVERY, "region", "山"),
        (DELIVERY, "city", ""),
        (DELIVERY, "street", ""),
        (DELIVERY, "street", "a" * 201),
        (DELIVERY, "district", "a" * 101),
        (DELIVERY, "email", "li.na"),
        (DELIVERY, "email", "li na@example.com"),
        (DELIVERY, "email", "li.na@example.com\nBcc: x@example.com"),
        (DELIVERY, "email", f"{'a' * 65}@example.com"),
        (LONDON, "postcode", "EC1Y"),
        (LONDON, "postcode", "GIR 0AA and more"),
        (NEW_YORK, "region", "New"),
        (NEW_YORK, "postcode", "94103"),
    ],
)
def test_what_cannot_be_delivered_to_is_refused_by_its_field(
    delivery: Delivery, field: str, typed: str
) -> None:
    with pytest.raises(InvalidField) as refused:
        check(delivery, **{field: typed})
    assert refused.value.field == f"delivery.{field}"


@pytest.mark.parametrize(
    "field",
    ["name", "phone", "country", "postcode", "region", "city", "district", "street", "email"],
)
def test_an_error_never_shows_what_was_typed(field: str) -> None:
    with pytest.raises(InvalidField) as refused:
        check(DELIVERY, **{field: f"{SECRET}\x01{SECRET}" * 30})
    assert refused.value.field == f"delivery.{field}"
    assert SECRET not in str(refused.value)
    assert "330 characters" in str(refused.value)


def test_a_postcode_of_another_region_is_refused() -> None:
    assert check(NEW_YORK, region="CA", postcode="94103").region == "CA"
    with pytest.raises(InvalidField, match=r"delivery\.postcode"):
        check(NEW_YORK, region="CA", postcode="10001")


def test_the_parts_that_a_country_requires_are_named() -> None:
    assert check(HONG_KONG, postcode="", city="").country == "HK"
    with pytest.raises(InvalidField, match=r"delivery\.city: must be set for addresses in GB"):
        check(LONDON, city="")


def test_a_country_without_rules_does_not_exist() -> None:
    assert rules_of("ZZ") is None
    assert rules_of("XX") is None


@given(
    field=st.sampled_from(
        ["name", "phone", "country", "postcode", "region", "city", "street", "email"]
    ),
    typed=st.text(max_size=60),
)
def test_whatever_is_typed_is_refused_or_put_in_order_for_good(field: str, typed: str) -> None:
    with suppress(InvalidField):
        kept = check(DELIVERY, **{field: typed})
        assert checked_delivery(kept) == kept
