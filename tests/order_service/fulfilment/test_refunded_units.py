"""No unit leaves whose money went back, and no unit's money goes back twice, whoever asks (P5)."""

import random
from copy import deepcopy
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from order_service.audit import refunds as audited
from order_service.audit.case import Case, judge
from order_service.fulfilment.cancelling_parcels import cancel_shipment
from order_service.fulfilment.resolving import resolve
from order_service.fulfilment.review_rules import objections_to
from order_service.fulfilment.warehouse import confirm_packing, confirm_pick, hand_over
from order_service.order.model import IncidentKind, Line, Order, Refund
from order_service.order.placed import Amounts, SubOrder
from order_service.order.records import TrackingKind
from order_service.order.refund_amounts import kept_units
from order_service.order.refund_rows import RefundWhat
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.states import IncidentEvent, OrderState, PaymentState, ShipmentState
from order_service.order.tasks import CancelShipmentStock, TaskKind, todos
from order_service.payment.refund_requests import Asked, AskedUnits, request_refund
from order_service.placing.stock_tasks import stock_confirmed, stock_lost
from tests.order_service.clock import START_MS
from tests.order_service.fulfilment.parcels import (
    captured,
    carrier_reports,
    decided,
    labelled,
    paid_order,
    planned_order,
    refunded,
    shipped_order,
    units,
)

S = ShipmentState
TOTAL_MINOR, FIRST_MINOR, SECOND_MINOR = 2_000, 1_357, 543


def refund(
    order: Order, key: str, amount_minor: int = 0, *lines: AskedUnits, **asked: Any
) -> list[Refund]:
    """Asks for money back."""
    wanted = Asked(lines, **asked)
    decide = partial(
        request_refund, refund_key=key, amount_minor=amount_minor, reason="asked", asked=wanted
    )
    return decided(order, decide)[0]


def back_minor(order: Order) -> int:
    """All money that goes back."""
    return sum(each.amount_minor for each in order.refunds)


def reason_of(refused: "pytest.ExceptionInfo[Refused]") -> RefusalReason:
    """Why it was refused."""
    return refused.value.reason


@pytest.mark.parametrize("state", [OrderState.CONFIRMING, OrderState.CONFIRMED])
def test_an_order_whose_money_went_back_is_cancelled_before_its_review(state: OrderState) -> None:
    order = paid_order(state=state)
    refund(order, "all")
    assert order.state in (state, OrderState.CANCELLED)
    assert [line.cancelled for line in order.lines] == [3, 2]
    assert back_minor(order) == TOTAL_MINOR
    assert {parcel.state for parcel in order.shipments} <= {S.CANCELLED}


def test_an_order_that_is_being_confirmed_is_cancelled_once_its_stock_is() -> None:
    order = paid_order(state=OrderState.CONFIRMING)
    refund(order, "all")
    decided(order, stock_confirmed)
    assert (order.state, order.payments[0].refunded_minor) == (OrderState.CANCELLED, TOTAL_MINOR)


def test_units_whose_stock_is_lost_are_not_to_be_cancelled_again() -> None:
    order = paid_order(state=OrderState.CONFIRMING)
    refund(order, "one", 0, AskedUnits(1, 1))
    assert todos(order, CancelShipmentStock)
    decided(order, partial(stock_lost, why="gone"))
    assert not todos(order, CancelShipmentStock)
    assert (order.state, back_minor(order)) == (OrderState.CANCELLED, TOTAL_MINOR)


@pytest.mark.parametrize("steps", range(4))
def test_nothing_leaves_an_order_whose_money_went_back(steps: int) -> None:
    order = planned_order()
    parcel = order.shipments[0]
    for step in (
        partial(confirm_pick, taken=()),
        partial(confirm_packing, scanned=units(parcel), weight_g=1),
    )[:steps]:
        decided(order, partial(step, shipment_id=parcel.shipment_id))
    if steps > 2:
        labelled(order, order.shipments[1])
    refund(order, "all")
    assert (order.state, back_minor(order)) == (OrderState.CANCELLED, TOTAL_MINOR)
    assert {each.state for each in order.shipments} == {S.CANCELLED}


def test_what_has_left_is_refunded_and_the_rest_stays() -> None:
    order = planned_order()
    first, second = order.shipments
    labelled(order, first)
    decided(order, partial(hand_over, shipment_id=first.shipment_id))
    refund(order, "all")
    assert (order.state, second.state) == (OrderState.SHIPPED, S.CANCELLED)
    line, other = order.lines
    assert (line.refunded_shipped, other.refunded_unshipped, other.cancelled) == (3, 2, 2)
    assert [todo.payload.shipment_id for todo in todos(order, CancelShipmentStock)] == [
        second.shipment_id
    ]


def test_a_unit_is_taken_out_of_its_parcel_and_the_others_go() -> None:
    order = planned_order()
    first = order.shipments[0]
    refund(order, "one", 0, AskedUnits(1, 1))
    assert units(first) == [("SKU-1", 2)]
    assert (order.shipments[2].state, units(order.shipments[2])) == (S.CANCELLED, [("SKU-1", 1)])
    assert back_minor(order) == 452
    labelled(order, first)
    decided(order, partial(hand_over, shipment_id=first.shipment_id))
    assert (order.lines[0].shipped, order.lines[0].cancelled) == (2, 1)


def test_a_labelled_parcel_of_which_a_unit_stays_is_packed_anew() -> None:
    order = planned_order()
    first = order.shipments[0]
    labelled(order, first)
    refund(order, "one", 0, AskedUnits(1, 1))
    assert first.state is S.CANCELLED
    anew = [each for each in order.shipments if each.replaces == first.shipment_id]
    assert [(each.state, units(each)) for each in anew] == [
        (S.PLANNED, [("SKU-1", 2)]),
        (S.CANCELLED, [("SKU-1", 1)]),
    ]
    assert TaskKind.VOID_LABEL in {task.kind for task in order.tasks}
    with pytest.raises(Refused, match="CANCELLED"):
        decided(order, partial(hand_over, shipment_id=first.shipment_id))


def test_the_last_unit_of_what_was_not_sent_takes_the_freight_with_it() -> None:
    order = planned_order()
    refund(order, "first", 0, AskedUnits(1))
    assert back_minor(order) == FIRST_MINOR
    (last,) = refund(order, "second", 0, AskedUnits(2))
    assert last.amount_minor == SECOND_MINOR + 100
    assert (order.state, order.freight_refunded_minor) == (OrderState.CANCELLED, 100)


def test_goods_are_paid_back_once_by_hand_or_for_an_incident() -> None:
    order = shipped_order()
    first = order.shipments[0]
    carrier_reports(order, first, TrackingKind.SIGNED)
    refund(order, "broken", 0, AskedUnits(1))
    refunded(order, first, IncidentKind.DAMAGE)
    assert back_minor(order) == FIRST_MINOR
    with pytest.raises(Refused) as refused:
        refund(order, "again", 0, AskedUnits(1, 1))
    assert reason_of(refused) is RefusalReason.UNITS_TAKEN


def test_goods_are_paid_back_once_for_an_incident_or_by_hand() -> None:
    order = shipped_order()
    refunded(order, order.shipments[0])
    with pytest.raises(Refused) as refused:
        refund(order, "lost", 0, AskedUnits(1))
    assert reason_of(refused) is RefusalReason.UNITS_TAKEN
    assert back_minor(order) == FIRST_MINOR


def test_what_was_given_in_advance_is_not_given_again() -> None:
    order = shipped_order()
    refund(order, "sorry", 190)
    assert [(row.what, row.line_no, row.amount_minor) for row in order.refund_rows] == [
        (RefundWhat.ADJUST, 1, 135),
        (RefundWhat.ADJUST, 2, 55),
    ]
    refunded(order, order.shipments[0])
    assert back_minor(order) == 190 + FIRST_MINOR - 135


def test_a_present_is_for_no_goods_and_has_a_ceiling() -> None:
    order = shipped_order()
    refund(order, "sorry", 400, goodwill=True)
    refunded(order, order.shipments[0])
    assert back_minor(order) == 400 + FIRST_MINOR
    with pytest.raises(Refused) as refused:
        refund(order, "more", 201, goodwill=True)
    assert reason_of(refused) is RefusalReason.AMOUNT_EXCEEDED
    refund(order, "more", 200, goodwill=True)


def test_a_callers_key_never_meets_one_of_the_services() -> None:
    order = planned_order()
    second = order.shipments[1]
    refund(order, second.shipment_id, 300, goodwill=True)
    decided(order, partial(cancel_shipment, shipment_id=second.shipment_id, why="not found"))
    assert [(each.refund_key, each.amount_minor) for each in order.refunds] == [
        (second.shipment_id, 300),
        (f"own/{second.shipment_id}", SECOND_MINOR),
    ]


def test_units_of_several_parcels_are_told_apart_by_their_parcel() -> None:
    order = planned_order()
    first = order.shipments[0]
    pick = partial(confirm_pick, shipment_id=first.shipment_id, taken=[("SKU-1", 1)])
    rest = decided(order, pick).rest
    assert rest is not None
    for parcel in (first, rest):
        parcel.state = S.PLANNED
        labelled(order, parcel)
        decided(order, partial(hand_over, shipment_id=parcel.shipment_id))
    with pytest.raises(Refused, match="say in which parcel"):
        refund(order, "of which", 0, AskedUnits(1, 1))
    refund(order, "of the rest", 0, AskedUnits(1, 1, rest.shipment_id))
    refunded(order, rest)
    assert (order.lines[0].refunded_shipped, back_minor(order)) == (2, 904)


def test_the_same_key_for_other_units_is_refused_and_for_the_same_replayed() -> None:
    order = shipped_order()
    made = refund(order, "key", 0, AskedUnits(1, 1))
    assert refund(order, "key", 0, AskedUnits(1, 1)) == made
    for other in (AskedUnits(1, 2), AskedUnits(2, 1)):
        with pytest.raises(Refused) as refused:
            refund(order, "key", 0, other)
        assert reason_of(refused) is RefusalReason.KEY_REUSED


def test_goods_whose_money_went_back_are_not_sent_again() -> None:
    order = shipped_order()
    first = order.shipments[0]
    carrier_reports(order, first, TrackingKind.LOST)
    refund(order, "lost", 0, AskedUnits(1))
    with pytest.raises(Refused, match="its money went back"):
        decided(
            order,
            partial(
                resolve,
                incident_id=order.incidents[0].incident_id,
                said=IncidentEvent.RESHIP,
                why="",
            ),
        )


def test_a_parcel_of_older_books_whose_money_went_back_does_not_leave() -> None:
    order = planned_order()
    for line in order.lines:  # all of it was given back in advance, and nothing was cancelled
        line.refunded_minor = line.adjusted_minor = line.amount_minor
        line.adjusted_units = line.quantity
    with pytest.raises(Refused, match="its money went back"):
        decided(order, partial(confirm_pick, shipment_id=order.shipments[0].shipment_id, taken=()))


@pytest.mark.parametrize("currency", ["JPY", "GBP", "KWD"])
@given(seed=st.integers(0, 1_000_000))
@settings(deadline=None, max_examples=25)
def test_however_it_goes_back_it_comes_to_what_was_paid(currency: str, seed: int) -> None:
    chance = random.Random(seed)
    order = any_order(chance, currency)
    for number in range(12):
        line = chance.choice(order.lines)
        before = deepcopy(order)
        try:
            match chance.randrange(6):
                case 0:
                    refund(order, f"{number}", 10 * chance.randint(1, 40))
                case 1:
                    decided(order, partial(leave_out_one, chance=chance))
                case 2:
                    refund(order, f"{number}", 10 * chance.randint(1, 9), goodwill=True)
                case 3:
                    ship_one(order, chance)
                case _:
                    wanted = chance.randint(0, max(1, kept_units(line)))
                    refund(order, f"{number}", 0, AskedUnits(line.line_no, wanted))
        except Refused:
            order = before  # what a refused decision has changed is thrown away with its draft
        assert_units_agree(order)
    if order.payments[0].refunded_minor < order.payments[0].captured_minor:
        refund(order, "rest")
    assert back_minor(order) == order.amounts.total_minor
    for line in order.lines:  # a present stays the buyer's, unless nothing at all is
        nothing_stays = line.cancelled + line.shipped == line.quantity
        assert nothing_stays or not line.amount_minor or order.state is OrderState.CANCELLED


def any_order(chance: random.Random, currency: str) -> Order:
    """A planned order of some lines, whose total can be paid in every currency."""
    lines = [
        Line(number, 0, f"SKU-{number}", "A thing", chance.randint(1, 4), 500, 0, location="north")
        for number in range(1, chance.randint(2, 4))
    ]
    for line in lines:
        line.amount_minor = chance.choice([0, chance.randint(1, 9), chance.randint(10, 3_000)])
    goods_minor = sum(line.amount_minor for line in lines)
    freight_minor = 100 + -goods_minor % 10
    amounts = Amounts(goods_minor, 0, 0, freight_minor, 0, goods_minor + freight_minor)
    payment = captured(amounts.total_minor)
    payment.captured_currency = currency
    return planned_order(
        currency=currency,
        amounts=amounts,
        lines=lines,
        sub_orders=(SubOrder("4330000000000000000.1", "merchant-1", amounts),),
        payments=[payment],
    )


def leave_out_one(draft: Any, chance: random.Random) -> None:
    """Leaves a parcel out that has not left."""
    parcel = chance.choice(draft.order.shipments)
    cancel_shipment(draft, parcel.shipment_id, "not found")


def ship_one(order: Order, chance: random.Random) -> None:
    """A parcel leaves."""
    planned = [each for each in order.shipments if each.state is S.PLANNED]
    if planned:
        parcel = chance.choice(planned)
        labelled(order, parcel)
        decided(order, partial(hand_over, shipment_id=parcel.shipment_id))


def assert_units_agree(order: Order) -> None:
    """The rules of the database."""
    for line in order.lines:
        assert line.refunded_unshipped <= line.cancelled
        assert line.refunded_shipped <= line.shipped
        assert line.cancelled + line.shipped <= line.quantity
        assert 0 <= line.adjusted_units <= kept_units(line)
        assert 0 <= line.adjusted_minor <= line.refunded_minor <= line.amount_minor
    for each in order.refunds:
        rows = [row for row in order.refund_rows if row.refund_id == each.refund_id]
        assert sum(row.amount_minor for row in rows) == each.amount_minor
    assert not judge(Case(order, [], START_MS), audited.RULES)
    (payment,) = order.payments
    assert payment.state is not PaymentState.RETURNED


def test_money_that_was_given_back_while_the_sale_stands_stops_nothing() -> None:
    order = paid_order()
    refund(order, "sorry", 300, goodwill=True)
    refund(order, "cheaper", 100)
    assert not objections_to(order, remarks=0)
