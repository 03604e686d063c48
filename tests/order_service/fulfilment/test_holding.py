"""Orders on hold: nothing of them leaves, until a person lets them go."""

import pytest
from msgspec import structs

from order_service.fulfilment.holding import correct, hold, let_go, remark_on
from order_service.fulfilment.remarks import is_to_be_read
from order_service.fulfilment.review import ReviewInput, approve, review
from order_service.fulfilment.warehouse import (
    confirm_packing,
    confirm_pick,
    hand_over,
    put_in_wave,
)
from order_service.order.model import Order, Remark
from order_service.order.placed import Delivery
from order_service.order.records import Review, Verdict
from order_service.order.refusals import Refused
from order_service.order.states import OrderState, ShipmentState
from order_service.order.tasks import TaskKind
from tests.order_service.fulfilment.parcels import (
    ARTICLES,
    draft_of,
    labelled,
    paid_order,
    planned_order,
    units,
    untouched,
)

CLEAN = ReviewInput(remarks=0, articles=ARTICLES)
SHANGHAI = Delivery(
    "李娜", "+8613800138000", "CN", "200000", "上海市", "上海市", "黄浦区", "南京路1号"
)
GUANGZHOU = structs.replace(
    SHANGHAI, postcode="510000", region="广东省", city="广州市", district="天河区"
)


def remark(text: str) -> Remark:
    """A remark of the buyer."""
    return Remark("", "remark-1", "buyer", "WEB", text, 0)


def held(order: Order) -> Order:
    """The order, on hold."""
    hold(draft_of(order), "the buyer called")
    return order


def test_nothing_of_an_order_on_hold_is_picked_or_packed() -> None:
    order = held(planned_order())
    shipment = order.shipments[0]
    draft = draft_of(order)
    assert put_in_wave(draft, shipment.shipment_id, "wave-1") is None
    with pytest.raises(Refused, match="is on hold: PICK is not possible now"):
        confirm_pick(draft, shipment.shipment_id, [])
    shipment.state = ShipmentState.PICKED
    with pytest.raises(Refused, match="is on hold: PACK"):
        confirm_packing(draft, shipment.shipment_id, units(shipment), 100)
    assert untouched(draft)


def test_nothing_of_an_order_on_hold_is_handed_over_before_it_is_let_go() -> None:
    order = planned_order()
    shipment = order.shipments[0]
    labelled(order, shipment)
    draft = draft_of(held(order))
    with pytest.raises(Refused, match="is on hold: SHIP"):
        hand_over(draft, shipment.shipment_id)
    assert untouched(draft)
    let_go(draft, "all is well")
    hand_over(draft, shipment.shipment_id)
    assert shipment.shipped_at_ms


def test_a_hold_and_its_end_are_once_and_in_the_history() -> None:
    order = planned_order()
    draft = draft_of(order)
    assert hold(draft, "why") == (order, False)
    assert hold(draft, "again") == (order, True)
    assert let_go(draft, "because") == (order, False)
    assert let_go(draft, "again") == (order, True)
    assert [entry.why for entry in draft.history] == ["on hold: why", "off hold: because"]
    verdicts = [row.verdict for row in draft.added if isinstance(row, Review)]
    assert verdicts == [Verdict.WAITS, Verdict.LET_GO]


@pytest.mark.parametrize(
    "state", [OrderState.SHIPPED, OrderState.DELIVERED, OrderState.CANCELLED, OrderState.EXPIRED]
)
def test_what_has_left_or_ended_cannot_be_held(state: OrderState) -> None:
    draft = draft_of(paid_order(state=state))
    with pytest.raises(Refused, match="a hold is not possible"):
        hold(draft, "too late")
    assert untouched(draft)


def test_an_order_that_was_held_before_its_review_waits_for_a_person() -> None:
    order = held(paid_order(delivery=SHANGHAI))
    draft = draft_of(order)
    review(draft, CLEAN)
    assert not order.shipments
    let_go(draft, "all is well")
    assert TaskKind.REVIEW in {task.kind for task in draft.tasks_made}
    review(draft, CLEAN)
    assert order.shipments


def test_who_approves_an_order_lets_it_go() -> None:
    order = held(paid_order(delivery=SHANGHAI))
    approve(draft_of(order), CLEAN, "I have called the buyer")
    assert (order.state, order.held_at_ms) == (OrderState.IN_FULFILMENT, 0)


def test_a_remark_that_asks_for_something_else_holds_an_order_in_the_warehouse() -> None:
    order = planned_order()
    remark_on(draft_of(order), remark("no need to ring"))
    assert not order.held_at_ms
    remark_on(draft_of(order), remark("other address!"))
    assert order.held_at_ms


def test_a_remark_before_the_review_is_left_to_the_review() -> None:
    order = paid_order()
    remark_on(draft_of(order), remark("other address!"))
    assert not order.held_at_ms


def test_a_correction_to_another_region_is_held() -> None:
    for order in (planned_order(delivery=SHANGHAI), paid_order(delivery=SHANGHAI)):
        near = structs.replace(SHANGHAI, street="南京路2号")
        correct(draft_of(order), near, "correction-1", "phone")
        assert not order.held_at_ms
        draft = draft_of(order)
        correct(draft, GUANGZHOU, "correction-2", "phone")
        assert order.held_at_ms
        assert order.delivery == GUANGZHOU
        assert any("another region" in entry.why for entry in draft.history)


def test_a_correction_that_contradicts_itself_is_held() -> None:
    order = planned_order(delivery=SHANGHAI)
    mixed = structs.replace(SHANGHAI, city="广州市", district="天河区")
    correct(draft_of(order), mixed, "correction-1", "phone")
    assert order.held_at_ms


def test_an_order_that_is_not_sourced_yet_is_corrected_without_a_stop() -> None:
    order = paid_order(delivery=SHANGHAI, state=OrderState.BACKORDERED, payments=[])
    correct(draft_of(order), GUANGZHOU, "correction-1", "phone")
    assert not order.held_at_ms


@pytest.mark.parametrize(
    "text",
    [
        "other address!",
        "Please CHANGE the size",
        "I didn’t order this",
        "don't ship yet",
        "call 138 0013 8000",
        "see https://example.com",
        "改地址",
        "先不要发货",
        "другой адрес",
        "andere Adresse bitte",
        "住所を変更してください",
        "ＣＡＮＣＥＬ",
        "can\u200bcel",
    ],
)
def test_who_asks_for_something_else_is_read(text: str) -> None:
    assert is_to_be_read(text)


@pytest.mark.parametrize(
    "text",
    ["no need to ring", "不要按门铃", "Gift wrap please", "thank you!", "放门口", "2nd floor"],
)
def test_who_says_how_the_parcel_is_to_be_left_is_not_waited_for(text: str) -> None:
    assert not is_to_be_read(text)


def test_a_shop_has_words_of_its_own() -> None:
    assert is_to_be_read("Gift wrap please", ["gift"])
    assert not is_to_be_read("other address!", ["gift"])
