"""Which carrier a parcel goes with."""

import pytest
from msgspec import structs

from order_service.fulfilment.carrier_rules import CarrierRule, choose, rules_from
from order_service.fulfilment.carriers.port import CarrierShipment, Quote
from order_service.order.placed import DeliveryWish
from tests.order_service.samples import DELIVERY

DAY_MS = 86_400_000
CHEAP = Quote("post", "parcel", 500, "CNY", 5 * DAY_MS)
FAST = Quote("courier", "express", 2_000, "CNY", DAY_MS)
FOREIGN = Quote("abroad", "express", 1, "USD", 1)
QUOTES = [FAST, CHEAP, FOREIGN]
PARCEL = CarrierShipment("4330000000000000000-s1", "north", DELIVERY, 1_500, "CNY")
ANY = [CarrierRule("post"), CarrierRule("courier"), CarrierRule("abroad")]


@pytest.mark.parametrize(
    ("wish", "chosen"), [(DeliveryWish.CHEAPEST, CHEAP), (DeliveryWish.FASTEST, FAST)]
)
def test_the_buyers_wish_decides_among_what_rules_admit(wish: DeliveryWish, chosen: Quote) -> None:
    for quotes in (QUOTES, QUOTES[::-1]):
        assert choose(PARCEL, quotes, ANY, wish) == chosen


# A rule for the post, whether it takes the parcel, and the change to the parcel before.
RULES = [
    (CarrierRule("post"), {}, True),
    (CarrierRule("courier"), {}, False),
    (CarrierRule("post", service="parcel"), {}, True),
    (CarrierRule("post", service="letter"), {}, False),
    (CarrierRule("post", countries=frozenset({"CN"})), {}, True),
    (CarrierRule("post", countries=frozenset({"GB"})), {}, False),
    (CarrierRule("post", regions=frozenset({"SHANGHAI"})), {}, True),
    (CarrierRule("post", regions=frozenset({"Tibet"})), {}, False),
    (CarrierRule("post", locations=frozenset({"north"})), {}, True),
    (CarrierRule("post", locations=frozenset({"south"})), {}, False),
    (CarrierRule("post", weight_g_max=1_500), {}, True),
    (CarrierRule("post", weight_g_max=1_499), {}, False),
    (CarrierRule("post", freight_minor_max=500), {}, True),
    (CarrierRule("post", freight_minor_max=499), {}, False),
    (CarrierRule("post", transit_ms_max=5 * DAY_MS), {}, True),
    (CarrierRule("post", transit_ms_max=5 * DAY_MS - 1), {}, False),
    (CarrierRule("post", collects_cash=False), {}, True),
    (CarrierRule("post", collects_cash=False), {"collect_minor": 1}, False),
    (CarrierRule("post"), {"collect_minor": 1}, True),
]


@pytest.mark.parametrize(("rule", "changed", "admitted"), RULES)
def test_each_bound_of_a_rule_is_kept(
    rule: CarrierRule, changed: dict[str, int], admitted: bool
) -> None:
    parcel = structs.replace(PARCEL, **changed)
    chosen = choose(parcel, [CHEAP], [rule], DeliveryWish.CHEAPEST)
    assert (chosen == CHEAP) is admitted


def test_a_parcel_that_no_rule_admits_has_no_carrier() -> None:
    assert choose(PARCEL, QUOTES, [], DeliveryWish.CHEAPEST) is None


def test_rules_are_read_from_a_file_and_its_mistakes_are_named() -> None:
    (rule,) = rules_from(b'[{"carrier": "post", "countries": ["CN"], "weight_g_max": 5}]')
    assert rule == CarrierRule("post", countries=frozenset({"CN"}), weight_g_max=5)
    with pytest.raises(ValueError, match="wieght"):
        rules_from(b'[{"carrier": "post", "wieght_g_max": 5}]')
