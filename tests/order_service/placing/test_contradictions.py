"""Addresses whose parts do not go together: found, and never where they may be right."""

from typing import Any

import pytest

from order_service.order.contradictions import contradictions, doubts
from order_service.order.placed import Delivery


def address(country: str = "CN", **parts: Any) -> Delivery:
    """A delivery that is right but for the parts that are named."""
    sound = {
        "name": "李娜",
        "phone": "+8613800138000",
        "region": "上海市",
        "city": "上海市",
        "district": "黄浦区",
        "street": "南京路1号",
    }
    return Delivery(country=country, **(sound | parts))


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"city": "上海", "district": "黄浦"},
        {"city": "Shanghai", "district": "Huangpu"},
        {"city": "市辖区"},
        {"city": "浦东新区", "district": ""},
        {"city": "a town that is not known", "district": "nor is this"},
        {"region": "广东省", "city": "广州", "district": "天河"},
        {"region": "吉林省", "city": "长春市", "district": "朝阳区"},
        {"region": "江苏省", "city": "Suzhou", "district": "Gusu"},
        {"country": "TW", "region": "台北市", "city": "中正區", "district": ""},
        {"country": "GB", "region": "", "city": "Leeds", "postcode": "LS1 4AP", "name": "Z. Test"},
    ],
)
def test_an_address_that_may_be_right_has_no_contradiction(parts: dict[str, Any]) -> None:
    assert list(contradictions(address(**parts))) == []


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ({"city": "广州市", "district": ""}, "the city is in another region"),
        ({"city": "廣州市", "district": ""}, "the city is in another region"),
        ({"city": "北京", "district": ""}, "the city is in another region"),
        ({"district": "天河区"}, "the district is in another region"),
        ({"country": "TW", "region": "台北市", "city": "新竹市"}, "the city is in another region"),
        (
            {"country": "GB", "region": "", "city": "St Helier", "postcode": "JE2 3AB"},
            "the postcode is of JE, and the country is GB",
        ),
        (
            {"country": "FR", "region": "", "city": "Saint-Denis", "postcode": "97400"},
            "the postcode is of RE, and the country is FR",
        ),
        ({"name": "测试"}, "the receiver's name is hardly one"),
        ({"name": " TEST "}, "the receiver's name is hardly one"),
        ({"name": "aaaa"}, "the receiver's name is hardly one"),
    ],
)
def test_a_contradiction_is_said_in_a_sentence(parts: dict[str, Any], found: str) -> None:
    assert found in list(contradictions(address(**parts)))


def test_what_may_be_missing_by_mistake_is_a_doubt() -> None:
    assert list(doubts(address())) == []
    assert list(doubts(address(district=""))) == ["the address has no district"]
    assert list(doubts(address(street="南京路"))) == ["the street has no number"]
    assert list(doubts(address(street="南京路一号"))) == []
