"""The receiver of an order, and the address: put in order, refused, and never shown."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from order_service.order.address_rules import rules_of
from order_service.order.placed import Delivery
from order_service.order.refusals import InvalidField
from order_service.placing.delivery import checked_delivery
from order_service.placing.phones import phone_of
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
TOKYO = Delivery(
    name="山田太郎",
    phone="03-1234-5678",
    country="JP",
    postcode="154-0023",
    region="東京都",
    street="世田谷区1-2-3",
)
TAIPEI = Delivery(
    name="王小明",
    phone="02-2311-3731",
    country="TW",
    postcode="100",
    region="台北市",
    city="中正區",
    street="重慶南路1號",
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
        (DELIVERY, "country", "ｃｎ", "CN"),
        (DELIVERY, "postcode", "２０００４０", "200040"),
        (DELIVERY, "postcode", "200 040", "200040"),
        (DELIVERY, "postcode", "", ""),
        (DELIVERY, "email", "ｌｉ＠ｅｘａｍｐｌｅ．ｃｏｍ\u200b", "li@example.com"),
        (TOKYO, "postcode", "〒１５４－００２３", "154-0023"),
        (TAIPEI, "postcode", "", ""),
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
        (DELIVERY, "postcode", "2000"),
        (DELIVERY, "postcode", "000000"),
        (DELIVERY, "postcode", "100000"),
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


@pytest.mark.parametrize(
    ("country", "typed", "kept"),
    [
        ("US", "(907) 486-4171 ext. 101", "+19074864171;ext=101"),
        ("US", "907-486-4171 x101", "+19074864171;ext=101"),
        ("US", "907 486 4171, extension 101", "+19074864171;ext=101"),
        ("US", "+19074864171;ext=101", "+19074864171;ext=101"),
        ("US", "1-800-FLOWERS", "+18003569377"),
        ("CN", "010-65001234 转 8001", "+861065001234;ext=8001"),
        ("CN", "０１０－６５００１２３４（分机８００１）", "+861065001234;ext=8001"),
        ("CN", "010-65001234-8001", "+861065001234;ext=8001"),
        ("CN", "13800138000转1234", "+8613800138000;ext=1234"),
        ("TW", "02-2311-3731 分機 12", "+886223113731;ext=12"),
        ("JP", "03-1234-5678 内線 123", "+81312345678;ext=123"),
        ("KR", "02-123-4567 내선 12", "+8221234567;ext=12"),
        ("RU", "+7 495 123-45-67 доб. 123", "+74951234567;ext=123"),
        ("RU", "8 (495) 123-45-67, добавочный 12", "+74951234567;ext=12"),
        ("DE", "+49 30 1234567 Durchwahl 12", "+49301234567;ext=12"),
        ("DE", "+49 30 1234567-12", "+4930123456712"),
        ("AT", "+43 1 51444 DW 12", "+43151444;ext=12"),
        ("FR", "01 23 45 67 89 poste 12", "+33123456789;ext=12"),
        ("IT", "06 12345678 int. 22", "+390612345678;ext=22"),
        ("BR", "(11) 2345-6789 ramal 12", "+551123456789;ext=12"),
        ("PL", "22 123 45 67 wew. 5", "+48221234567;ext=5"),
        ("IR", "۰۹۱۲۳۴۵۶۷۸۹ داخلی ۱۲", "+989123456789;ext=12"),
        ("VN", "024 3825 2916 máy lẻ 12", "+842438252916;ext=12"),
        ("AR", "0343 15 555 1212", "+5493435551212"),
        ("GB", "\u202a+44 20 7946 0000\u202c", "+442079460000"),
    ],
)
def test_a_number_is_kept_with_its_extension(country: str, typed: str, kept: str) -> None:
    assert phone_of(typed, country) == kept
    assert phone_of(kept, country) == kept


@pytest.mark.parametrize(
    ("country", "typed"),
    [
        ("US", "907 486 4171 ext"),
        ("US", "907 486 4171 ext. abc"),
        ("US", "907 486 4171 x101 x102"),
        ("US", "907 486 4171 apt 5"),
        ("US", "907 486 4171 ext. 101 or 102"),
        ("CN", "13800138000 / 13900139000"),
        ("CN", "13800138000 (Ann)"),
    ],
)
def test_a_number_of_which_a_part_would_be_lost_is_refused(country: str, typed: str) -> None:
    assert phone_of(typed, country) is None


def test_the_refusal_of_a_number_tells_how_extensions_are_written() -> None:
    with pytest.raises(InvalidField, match=r"phone: .* an extension follows as ext\. and digits"):
        check(DELIVERY, phone="010-65001234 ext")


@pytest.mark.parametrize(
    ("country", "spellings", "kept"),
    [
        ("TW", ["臺北市", "台北市", "台北", "Taipei", "Taipei City"], "台北市"),
        ("TW", ["台北縣", "新北市"], "新北市"),
        ("TW", ["桃園縣", "桃园市", "桃園"], "桃園市"),
        ("CN", ["廣東省", "广东", "guangdong", "Guangdong Province"], "广东省"),
        ("CN", ["内蒙古", "內蒙古自治區", "Inner Mongolia"], "内蒙古自治区"),
        ("CN", ["广西省", "广西"], "广西壮族自治区"),
        ("JP", ["東京", "东京都", "Tōkyō", "Tokyo-to"], "東京都"),
        ("JP", ["廣島縣", "広島", "Hiroshima Prefecture"], "広島県"),
        ("KR", ["강원도", "강원특별자치도", "강원", "Gangwon-do"], "강원특별자치도"),
        ("KR", ["전라북도", "전북특별자치도", "전북"], "전북특별자치도"),
        ("CA", ["Québec", "Quebec", "QUE\u0301BEC", "qc", "Q.C."], "QC"),
        ("MX", ["Distrito Federal", "D.F.", "Ciudad de Mexico", "CDMX"], "CDMX"),
        ("US", ["N.Y.", "new  york", "ＮＹ", "State of New York"], "NY"),
        ("IN", ["Orissa", "Odisha"], "Odisha"),
        ("ES", ["Gerona", "Girona"], "GI"),
        ("RU", ["Татарстан", "Республика Татарстан"], "Республика Татарстан"),
        ("ID", ["Papua Selatan"], "Papua Selatan"),
    ],
)
def test_a_region_is_found_in_each_of_its_spellings(
    country: str, spellings: list[str], kept: str
) -> None:
    rules = rules_of(country)
    assert rules is not None
    for spelling in spellings:
        found = rules.regions.find(spelling)
        assert found is not None, spelling
        assert found.name == kept, spelling
    assert kept == getattr(rules.regions.find(kept), "name", "")


@pytest.mark.parametrize(
    ("country", "typed"),
    [("TW", "新竹"), ("CN", "山"), ("US", "New"), ("US", "Carolina"), ("CN", "省"), ("US", "")],
)
def test_what_may_be_several_regions_or_none_is_not_guessed(country: str, typed: str) -> None:
    rules = rules_of(country)
    assert rules is not None
    assert rules.regions.find(typed) is None


def test_the_nearest_region_is_named() -> None:
    with pytest.raises(InvalidField, match="the nearest is 广东省"):
        check(DELIVERY, region="广冬省")


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


def test_all_fields_that_are_wrong_are_named_at_once() -> None:
    values = {"name": "?", "phone": "12", "postcode": "nowhere", "street": "", "email": "a@"}
    with pytest.raises(InvalidField) as refused:
        check(LONDON, **values)
    fields = refused.value.field.split(", ")
    assert sorted(fields) == sorted(f"delivery.{name}" for name in values)
    assert all(f"{name} must " in refused.value.problem for name in values)
    assert (
        refused.value.value
        == "0 characters, 7 characters, 1 characters, 2 characters, 2 characters"
    )


def test_a_field_is_named_once_however_much_is_wrong_with_it() -> None:
    with pytest.raises(InvalidField) as refused:
        check(NEW_YORK, region="\0", phone="")
    assert refused.value.field == "delivery.region, delivery.phone"


def test_a_delivery_without_a_country_is_in_the_default_one_and_errors_say_so() -> None:
    nowhere = structs.replace(LONDON, country="")
    assert checked_delivery(nowhere, default_country="GB") == check(LONDON)
    with pytest.raises(InvalidField, match=r"delivery.country: must be a country's code"):
        checked_delivery(nowhere)
    with pytest.raises(InvalidField, match="no country is named; HOLDFAST_DEFAULT_COUNTRY is US"):
        checked_delivery(nowhere, default_country="US")
    assert checked_delivery(LONDON, default_country="US").country == "GB"
