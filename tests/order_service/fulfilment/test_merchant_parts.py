"""One merchant's part of an order is held, judged and cancelled alone; the rest goes on."""

from collections.abc import Callable
from functools import partial

import pytest

from order_service.audit.case import Case, judge
from order_service.audit.motion import RULES as MOTION_RULES
from order_service.audit.refunds import RULES as REFUND_RULES
from order_service.audit.shipments import RULES as PARCEL_RULES
from order_service.fulfilment.cancelling import cancel, cancel_part
from order_service.fulfilment.cancelling_parcels import cancel_shipment
from order_service.fulfilment.holding import hold, let_go
from order_service.fulfilment.merchant_parts import held_parts
from order_service.fulfilment.planning import plan_shipments
from order_service.fulfilment.review import ReviewInput, approve, refuse, review
from order_service.fulfilment.shares import due_at_the_door_minor
from order_service.fulfilment.warehouse import confirm_pick, hand_over, put_in_wave
from order_service.order.draft import Draft
from order_service.order.model import Order, Shipment
from order_service.order.placed import Amounts, SubOrder
from order_service.order.records import TrackingKind
from order_service.order.refund_rows import RefundWhat
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.states import OrderState, PaymentState, ShipmentState
from order_service.order.tasks import CancelShipmentStock, ReviewOrder, TaskKind, todos
from order_service.placing.stock_tasks import stock_confirmed
from tests.order_service.clock import START_MS
from tests.order_service.fulfilment.parcels import (
    ARTICLES,
    ON_DELIVERY,
    carrier_reports,
    cash,
    decided,
    draft_of,
    labelled,
    paid_order,
    untouched,
)
from tests.order_service.samples import payment

S = ShipmentState
FIRST, SECOND = "merchant-1", "merchant-2"
CLEAN = ReviewInput(remarks=0, articles=ARTICLES)


def sold(**values: object) -> Order:
    """An effective order of two merchants: 14.17 and 5.83, with a freight of 0.60 and 0.40."""
    order = paid_order(**values)
    order.lines[1].sub_order_no = 1
    order.sub_orders = (
        SubOrder(f"{order.order_id}.1", FIRST, Amounts(1_500, 143, 0, 60, 0, 1_417)),
        SubOrder(f"{order.order_id}.2", SECOND, Amounts(600, 57, 0, 40, 0, 583)),
    )
    if order.state is OrderState.CONFIRMED:
        decided(order, lambda draft: draft.send(ReviewOrder()))
    return order


def planned(**values: object) -> Order:
    """An effective order with a parcel of each merchant to be picked."""
    order = sold(**values)
    decided(order, lambda draft: plan_shipments(draft, ARTICLES, ""))
    return order


def left_out(order: Order, merchant: str = SECOND) -> bool:
    """Cancels a merchant's part; whether it was before. Raises the refusal."""
    done = decided(order, partial(cancel_part, merchant_id=merchant, reason="sold out"))
    if done.refused is not None:
        raise done.refused
    return done.replayed


def assert_sound(order: Order) -> None:
    """An audit has nothing to say of its parcels and refunds, and somebody moves it on."""
    rules = (*PARCEL_RULES, *MOTION_RULES, *REFUND_RULES)
    assert [each.detail for each in judge(Case(order, [], START_MS), rules)] == []


def cancelled_units(order: Order) -> list[int]:
    return [line.cancelled for line in order.lines]


@pytest.mark.parametrize("begin", [sold, planned], ids=["before the review", "in the warehouse"])
def test_a_part_that_is_cancelled_gives_its_units_money_and_freight_back(
    begin: Callable[[], Order],
) -> None:
    order = begin()
    state = order.state
    assert [left_out(order), left_out(order)] == [False, True]
    assert (order.state, cancelled_units(order)) == (state, [0, 2])
    assert [(refund.refund_key, refund.amount_minor) for refund in order.refunds] == [
        (f"own/{order.order_id}.2", 583)
    ]
    assert [row.what for row in order.refund_rows] == [RefundWhat.UNITS, RefundWhat.FREIGHT]
    (told,) = todos(order, CancelShipmentStock)
    assert order.shipment(told.payload.shipment_id).sub_order_no == 1
    assert_sound(order)


def test_the_rest_of_an_order_is_reviewed_shipped_and_delivered() -> None:
    order = sold()
    left_out(order)
    decided(order, partial(review, known=CLEAN))
    (parcel,) = [each for each in order.shipments if each.state is S.PLANNED]
    assert (order.state, parcel.sub_order_no) == (OrderState.IN_FULFILMENT, 0)
    labelled(order, parcel)
    decided(order, partial(hand_over, shipment_id=parcel.shipment_id))
    assert order.state is OrderState.SHIPPED
    carrier_reports(order, parcel, TrackingKind.SIGNED)
    assert (order.state, order.refunded_minor) == (OrderState.DELIVERED, 583)
    assert_sound(order)


def gone(order: Order, parcel: Shipment) -> None:
    labelled(order, parcel)
    decided(order, partial(hand_over, shipment_id=parcel.shipment_id))


def test_a_part_can_be_cancelled_after_the_others_have_left_but_not_after_it_has() -> None:
    order = planned()
    gone(order, order.shipments[0])
    with pytest.raises(Refused, match=f"of merchant {FIRST} is on its way in .*-s1") as refused:
        left_out(order, FIRST)
    assert refused.value.reason is RefusalReason.WRONG_STATE
    left_out(order)
    assert (order.state, order.refunded_minor) == (OrderState.SHIPPED, 583)
    assert_sound(order)
    with pytest.raises(Refused, match="is on its way"):
        left_out(order, FIRST)


def test_with_its_last_part_an_order_is_cancelled_and_everything_is_back() -> None:
    order = planned()
    for merchant in (FIRST, SECOND):
        left_out(order, merchant)
    assert (order.state, order.refunded_minor) == (OrderState.CANCELLED, 2_000)
    assert left_out(order, FIRST)
    assert_sound(order)


def test_units_of_a_part_that_went_back_before_do_not_go_back_again() -> None:
    order = planned()
    second = order.shipments[1]
    rest = decided(
        order, partial(confirm_pick, shipment_id=second.shipment_id, taken=[("SKU-2", 1)])
    ).rest
    assert rest is not None
    decided(order, partial(cancel_shipment, shipment_id=rest.shipment_id, why="not there"))
    before_minor = order.refunded_minor
    left_out(order)
    assert (0 < before_minor < 543, order.refunded_minor) == (True, 583)
    assert_sound(order)


def test_of_an_order_paid_at_the_door_nothing_is_due_for_a_part_that_is_cancelled() -> None:
    order = planned(**ON_DELIVERY, payments=[cash(2_000)])
    left_out(order)
    first = order.shipments[0]
    assert (order.refunds, due_at_the_door_minor(order, first)) == ([], 1_417)
    assert_sound(order)


@pytest.mark.parametrize(
    "state",
    [OrderState.BACKORDERED, OrderState.AWAITING_PAYMENT, OrderState.EXPIRED, OrderState.REJECTED],
)
def test_a_part_of_an_order_that_is_not_sold_stays(state: OrderState) -> None:
    order = sold(state=state, payments=[])
    draft = draft_of(order)
    refused = cancel_part(draft, SECOND, "").refused
    assert refused is not None
    assert refused.reason is RefusalReason.WRONG_STATE
    assert state in str(refused)
    assert untouched(draft)


def test_a_merchant_without_a_part_is_not_found() -> None:
    with pytest.raises(Refused, match=r"no part in order .* of merchant nobody"):
        left_out(sold(), "nobody")


@pytest.mark.parametrize("merchants", [(SECOND,), (FIRST, SECOND)])
def test_a_wish_while_stock_is_confirmed_is_granted_once_it_is(merchants: tuple[str, ...]) -> None:
    order = sold(state=OrderState.CONFIRMING)
    for merchant in (*merchants, *merchants):
        with pytest.raises(Refused, match="as soon as that is done") as refused:
            left_out(order, merchant)
        assert refused.value.reason is RefusalReason.UNDER_WAY
    decided(order, stock_confirmed)
    kinds = {task.kind for task in order.tasks}
    assert (order.state is OrderState.CANCELLED) == (len(merchants) == 2)
    assert (TaskKind.REVIEW in kinds) == (len(merchants) == 1)
    assert (order.refunded_minor, TaskKind.CANCEL_ORDER in kinds) == (
        583 if len(merchants) == 1 else 2_000,
        False,
    )


def test_a_wish_for_the_last_part_is_kept_while_a_payment_is_open() -> None:
    order = planned()
    left_out(order, FIRST)
    order.add(payment(f"{order.order_id}-p2", state=PaymentState.PENDING))
    with pytest.raises(Refused, match=r"whether order .* was paid"):
        left_out(order)
    assert (order.state, order.shipments[1].state) == (OrderState.IN_FULFILMENT, S.PLANNED)
    assert TaskKind.CANCEL_ORDER in {task.kind for task in order.tasks}


def test_an_order_without_a_part_can_still_be_cancelled() -> None:
    order = planned()
    left_out(order)
    decided(order, partial(cancel, answers=(), reason="all of it"))
    assert (order.state, order.refunded_minor) == (OrderState.CANCELLED, 2_000)


def is_picked(order: Order, number: int) -> bool:
    """Whether the parcel of a part can be picked now, and is."""
    (parcel,) = [
        each
        for each in order.shipments
        if each.sub_order_no == number and each.state is not S.CANCELLED
    ]
    if number not in held_parts(order):
        confirm_pick(draft_of(order), parcel.shipment_id, ())
        return True
    with pytest.raises(Refused, match="is on hold: PICK"):
        confirm_pick(draft_of(order), parcel.shipment_id, ())
    return False


def test_a_hold_of_a_part_keeps_only_its_parcels_back() -> None:
    order = planned()
    held = partial(hold, reason="a defect", merchant_id=SECOND)
    assert [decided(order, held)[1] for _ in range(2)] == [False, True]
    wave = partial(put_in_wave, wave_id="wave-1")
    put = [wave(draft_of(order), each.shipment_id) is not None for each in order.shipments]
    assert (put, [is_picked(order, number) for number in (0, 1)]) == ([True, False], [True, False])
    decided(order, partial(let_go, reason="", merchant_id=SECOND))
    assert (order.held_at_ms, is_picked(order, 1)) == (0, True)


def test_of_an_order_on_hold_a_part_can_be_let_go_and_held_again() -> None:
    order = planned()
    decided(order, partial(hold, reason="all"))
    decided(order, partial(let_go, reason="", merchant_id=FIRST))
    assert held_parts(order) == {1}
    decided(order, partial(hold, reason="", merchant_id=FIRST))
    assert held_parts(order) == {0, 1}
    decided(order, partial(let_go, reason=""))
    assert (held_parts(order), order.held_at_ms) == (frozenset(), 0)


def test_a_hold_of_a_part_that_has_left_is_refused() -> None:
    order = planned()
    gone(order, order.shipments[0])
    with pytest.raises(Refused, match="shipped or left out: a hold is not possible"):
        hold(draft_of(order), "", FIRST)


def test_a_hold_of_a_part_ends_with_the_part() -> None:
    order = planned()
    decided(order, partial(hold, reason="", merchant_id=SECOND))
    left_out(order)
    assert (order.held_at_ms, is_picked(order, 0)) == (0, True)


def test_a_part_on_hold_stops_the_review_of_no_other() -> None:
    order = sold()
    decided(order, partial(hold, reason="", merchant_id=SECOND))
    decided(order, partial(review, known=CLEAN))
    assert order.state is OrderState.IN_FULFILMENT
    assert [is_picked(order, number) for number in (0, 1)] == [True, False]


def test_a_part_that_is_approved_goes_and_the_others_wait_for_their_verdict() -> None:
    order = sold()
    first = partial(approve, known=CLEAN, reason="", merchant_id=FIRST)
    shipments, replayed = decided(order, first)
    assert ([each.sub_order_no for each in shipments], replayed) == ([0], False)
    assert [is_picked(order, number) for number in (0, 1)] == [True, False]
    assert decided(order, first)[1]
    second = partial(approve, known=CLEAN, reason="", merchant_id=SECOND)
    assert [decided(order, second)[1] for _ in range(2)] == [False, True]
    assert (order.held_at_ms, is_picked(order, 1)) == (0, True)


@pytest.mark.parametrize("first", ["refused", "approved"])
def test_a_part_that_is_refused_is_left_out_and_the_other_can_be_approved(first: str) -> None:
    order = sold()
    decisions: list[Callable[[Draft], object]] = [
        partial(refuse, known=CLEAN, reason="", merchant_id=SECOND),
        partial(approve, known=CLEAN, reason="", merchant_id=FIRST),
    ]
    for decide in decisions if first == "refused" else reversed(decisions):
        decided(order, decide)
    assert decided(order, decisions[0])
    assert (order.state, order.held_at_ms, cancelled_units(order)) == (
        OrderState.IN_FULFILMENT,
        0,
        [0, 2],
    )
    assert (order.refunded_minor, is_picked(order, 0)) == (583, True)
    with pytest.raises(Refused, match=f"without the part of {SECOND}"):
        approve(draft_of(order), CLEAN, "", SECOND)
    assert_sound(order)


def test_a_part_that_is_on_its_way_to_be_picked_can_no_longer_be_refused() -> None:
    with pytest.raises(Refused, match="the review's verdict is not possible now"):
        refuse(draft_of(planned()), CLEAN, "", SECOND)
