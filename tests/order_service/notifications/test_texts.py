from datetime import UTC, timedelta, timezone

import pytest
from msgspec import structs

from order_service.notifications.compose import (
    About,
    Composing,
    for_buyer,
    for_merchant,
)
from order_service.notifications.merchants import Merchant
from order_service.notifications.notices import NOTICES, OF_RECORDS, OF_TIMERS, Notice
from order_service.notifications.texts import TEXTS, TROUBLES, Language, language_of
from order_service.order.model import IncidentKind, Order, Refund, Shipment, ShipmentLine
from order_service.order.return_legs import (
    Condition,
    Fate,
    Judged,
    LegKind,
    LegLine,
    LegState,
    ReturnLeg,
)
from order_service.order.states import RefundState, ShipmentState
from tests.order_service import samples

TO_MERCHANTS = {row.notice for row in NOTICES if row.to_merchants}
# The part that a notice is about, other than a parcel.
PARTS = {
    Notice.MONEY_REFUNDED: "r1",
    Notice.PARCEL_DELAYED: "i1",
    Notice.PARCEL_LOST: "i1",
    Notice.PARCEL_DAMAGED: "i1",
    Notice.PARCEL_NOT_TAKEN: "i1",
    Notice.PARCEL_SENT_BACK: "i1",
    Notice.PARCEL_INCOMPLETE: "i1",
    Notice.PARCEL_IN_TROUBLE: "i1",
    Notice.RETURN_AWAITED: "b1",
    Notice.RETURN_ARRIVED: "b1",
    Notice.RETURN_INSPECTED: "b1",
}
AT_MS = 2_000_000_000_000
CHINA = timezone(timedelta(hours=8))


def order(country: str = "CN", currency: str = "CNY") -> Order:
    made = samples.order(currency=currency, payment_due_at_ms=AT_MS + 900_000)
    made.delivery = structs.replace(samples.DELIVERY, country=country)
    made.add(
        Shipment(
            shipment_id="4330000000000000000-s1",
            order_id="4330000000000000000",
            sub_order_no=0,
            state=ShipmentState.SHIPPED,
            location="SHA",
            lines=(ShipmentLine(1, "SKU-1", 1),),
            zone="",
            wave_id="",
            carrier="SF",
            service="standard",
            waybill="SF1234",
            weight_g=100,
            freight_minor=0,
            created_at_ms=AT_MS,
            updated_at_ms=AT_MS,
        )
    )
    made.add(samples.incident())
    made.add(
        ReturnLeg(
            leg_id="4330000000000000000-b1",
            order_id="4330000000000000000",
            state=LegState.INSPECTED,
            kind=LegKind.BUYER,
            case_id="",
            shipment_id="",
            lines=(LegLine(1, "SKU-1", 2, "4330000000000000000-s1"),),
            location="SHA",
            carrier="SF",
            waybill="SF9",
            created_at_ms=AT_MS,
            updated_at_ms=AT_MS,
            judged=(Judged(1, "SKU-1", 2, "", Condition.AS_SENT, True, Fate.RESELLABLE),),
        )
    )
    made.add(
        Refund(
            refund_id="4330000000000000000-r1",
            refund_key="k",
            order_id="4330000000000000000",
            payment_id="4330000000000000000-p1",
            state=RefundState.DONE,
            amount_minor=250,
            reason="",
            provider_ref="",
            created_at_ms=AT_MS,
            updated_at_ms=AT_MS,
        )
    )
    return made


def about(notice: Notice, of: Order) -> About:
    part = PARTS.get(notice, "s1")
    return About("TASK1", notice, of, f"4330000000000000000-{part}", AT_MS)


def test_every_notice_has_words_in_every_language() -> None:
    assert (
        set(TEXTS) == set(Notice) == {row.notice for row in NOTICES} | set(OF_RECORDS | OF_TIMERS)
    )
    for words in TEXTS.values():
        assert set(words) == set(Language)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("notice", Notice)
def test_every_text_is_filled_and_names_the_order(notice: Notice, language: Language) -> None:
    if notice in TO_MERCHANTS:
        merchant = Merchant("merchant-1", name="M", email="m@example.com", language=language)
        made = for_merchant(about(notice, order()), merchant, Composing())
    else:
        country = "CN" if language is Language.CHINESE else "GB"
        made = for_buyer(about(notice, order(country)), Composing())
    assert made.language == language
    assert "4330000000000000000" in made.subject
    assert "\n" not in made.subject
    assert not set("{}") & set(made.subject + made.text)


@pytest.mark.parametrize(
    ("captured_minor", "said"), [(0, "Nothing was paid"), (1_100, "What you have paid for it goes")]
)
def test_a_cancelled_order_is_said_to_send_back_only_what_came(
    captured_minor: int, said: str
) -> None:
    of = order("GB")
    of.add(samples.payment(captured_minor=captured_minor))
    assert said in for_buyer(about(Notice.ORDER_CANCELLED, of), Composing()).text


def test_every_kind_of_trouble_has_words() -> None:
    assert set(TROUBLES) == set(IncidentKind)


def test_a_buyer_reads_of_a_refund_in_the_currency_of_its_money() -> None:
    of = order()
    of.refunds[0].currency = "JPY"
    made = for_buyer(about(Notice.MONEY_REFUNDED, of), Composing())
    assert "250 JPY" in made.subject


def test_a_buyer_reads_number_items_amount_and_expected_shipping_time() -> None:
    made = for_buyer(
        about(Notice.ORDER_CONFIRMED, order()), Composing(ships_within_ms=3_600_000, zone=CHINA)
    )
    assert made.subject == "订单 4330000000000000000 已生效"
    assert "Li Na，您好" in made.text
    assert "A thing × 2  10.00 CNY" in made.text
    assert "订单金额：11.00 CNY" in made.text
    assert "预计发货时间：2033-05-18 12:33+08:00 之前" in made.text
    assert (made.recipient.email, made.recipient.phone) == (
        samples.DELIVERY.email,
        samples.DELIVERY.phone,
    )


def test_amounts_have_the_digits_of_their_currency() -> None:
    yen = for_buyer(about(Notice.ORDER_CONFIRMED, order("JP", "JPY")), Composing(zone=UTC))
    assert "Amount: 1,100 JPY" in yen.text
    dinar = for_buyer(about(Notice.MONEY_REFUNDED, order("KW", "KWD")), Composing())
    assert dinar.subject == "0.250 KWD of order 4330000000000000000 was refunded"


def test_a_parcel_lists_what_is_in_it_and_its_waybill() -> None:
    made = for_buyer(about(Notice.PARCEL_SHIPPED, order("GB")), Composing())
    assert "A thing × 1  5.00 CNY" in made.text
    assert "Carrier: SF\nWaybill: SF1234" in made.text


def test_of_a_lost_parcel_a_buyer_reads_what_was_in_it() -> None:
    made = for_buyer(about(Notice.PARCEL_LOST, order("GB")), Composing())
    assert made.subject == "A parcel of order 4330000000000000000 is lost"
    assert "A thing × 1  5.00 CNY" in made.text
    assert "Waybill: SF1234" in made.text


def test_a_merchant_reads_nothing_of_the_buyer() -> None:
    made = for_merchant(about(Notice.NEW_ORDER, order()), Merchant("merchant-1"), Composing())
    letter = made.subject + made.text + str(made.recipient)
    for personal in (samples.DELIVERY.name, samples.DELIVERY.email, samples.DELIVERY.phone):
        assert personal not in letter
    assert "A thing × 2" in made.text


def test_a_text_cannot_be_misread_for_a_field() -> None:
    made = order("GB")
    made.lines[0].title = "{total} {0.__class__}"
    text = for_buyer(about(Notice.ORDER_CONFIRMED, made), Composing()).text
    assert "{total} {0.__class__} × 2" in text


@pytest.mark.parametrize(
    ("country", "language"), [("CN", "zh"), ("TW", "zh"), ("GB", "en"), ("SG", "en")]
)
def test_the_language_is_that_of_the_country(country: str, language: str) -> None:
    assert language_of(country) == language
