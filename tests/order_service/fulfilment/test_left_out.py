"""A parcel that cannot be shipped is left out: the order goes on with what there is (O14)."""

from functools import partial

import pytest

from order_service.audit.case import Case, judge
from order_service.audit.motion import RULES as MOTION_RULES
from order_service.audit.shipments import RULES as PARCEL_RULES
from order_service.fulfilment.cancelling import cancel
from order_service.fulfilment.cancelling_parcels import cancel_shipment
from order_service.fulfilment.incidents import report
from order_service.fulfilment.planning import plan_like
from order_service.fulfilment.resolving import resolve
from order_service.fulfilment.shares import due_at_the_door_minor
from order_service.fulfilment.warehouse import confirm_pick, hand_over
from order_service.order.draft import Draft
from order_service.order.model import IncidentKind, Order, Shipment
from order_service.order.records import TrackingKind
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.states import IncidentEvent, OrderState, PaymentState, ShipmentState
from order_service.order.tasks import CancelShipmentStock, TaskKind, todos
from tests.order_service.clock import START_MS
from tests.order_service.fulfilment.parcels import (
    ON_DELIVERY,
    carrier_reports,
    cash,
    decided,
    labelled,
    planned_order,
    shipped_order,
)
from tests.order_service.samples import payment

K, S = TrackingKind, ShipmentState


def left_out(order: Order, parcel: Shipment) -> bool:
    """Leaves a parcel out; whether it was before."""
    name = parcel.shipment_id
    leave = partial(cancel_shipment, shipment_id=name, why="not found")
    return decided(order, leave).replayed


def left(order: Order, parcel: Shipment) -> None:
    """A parcel goes to the van."""
    labelled(order, parcel)
    decided(order, partial(hand_over, shipment_id=parcel.shipment_id))


def assert_sound(order: Order) -> None:
    """An audit has nothing to say of its parcels, and somebody moves it on."""
    case = Case(order, [], START_MS)
    assert [each.detail for each in judge(case, (*PARCEL_RULES, *MOTION_RULES))] == []


def test_a_partly_shipped_order_goes_on_without_what_cannot_be_found() -> None:
    order = planned_order()
    first, second = order.shipments
    left(order, first)
    assert left_out(order, second) is False
    assert left_out(order, second) is True
    assert (order.state, second.state) == (OrderState.SHIPPED, S.CANCELLED)
    assert [line.cancelled for line in order.lines] == [0, 2]
    assert [(refund.refund_key, refund.amount_minor) for refund in order.refunds] == [
        (f"own/{second.shipment_id}", 543)
    ]
    assert TaskKind.PICK_DUE not in {task.kind for task in order.tasks}
    assert_sound(order)
    carrier_reports(order, first, K.SIGNED)
    assert order.state is OrderState.DELIVERED


def test_an_order_that_waited_only_for_it_is_delivered_at_once() -> None:
    order = planned_order()
    first, second = order.shipments
    left(order, first)
    carrier_reports(order, first, K.SIGNED)
    states = [order.state]
    left_out(order, second)
    assert [*states, order.state] == [OrderState.PARTLY_SHIPPED, OrderState.DELIVERED]
    assert_sound(order)


def test_an_order_of_which_nothing_has_left_goes_on_with_the_rest() -> None:
    order = planned_order()
    first, second = order.shipments
    left_out(order, first)
    states = [order.state]
    assert_sound(order)
    left(order, second)
    assert [*states, order.state] == [OrderState.IN_FULFILMENT, OrderState.SHIPPED]
    assert order.refunded_minor == 1_357


def test_units_of_a_short_pick_can_be_left_out_and_cost_what_they_cost() -> None:
    order = planned_order()
    first = order.shipments[0]
    pick = partial(confirm_pick, taken=[("SKU-1", 1)])
    rest = decided(order, partial(pick, shipment_id=first.shipment_id)).rest
    assert rest is not None
    left_out(order, rest)
    assert (order.lines[0].cancelled, order.refunded_minor) == (2, 904)
    assert_sound(order)


def test_without_its_last_parcel_an_order_is_cancelled_and_all_its_money_goes_back() -> None:
    order = planned_order()
    for parcel in order.shipments:
        left_out(order, parcel)
    assert (order.state, order.closed_reason) == (OrderState.CANCELLED, "not found")
    assert order.refunded_minor == 2_000
    assert TaskKind.CANCEL in {task.kind for task in order.tasks}
    assert_sound(order)


def test_the_last_parcel_stays_while_another_attempt_to_pay_is_open() -> None:
    order = planned_order()
    first, second = order.shipments
    left_out(order, first)
    order.add(payment("4330000000000000000-p2", state=PaymentState.PENDING))
    with pytest.raises(Refused) as refused:
        left_out(order, second)
    assert refused.value.reason is RefusalReason.WRONG_STATE


@pytest.mark.parametrize("kinds", [(), (K.HUB,), (K.SIGNED,), (K.LOST,)])
def test_what_has_left_cannot_be_left_out(kinds: tuple[TrackingKind, ...]) -> None:
    order = shipped_order()
    carrier_reports(order, order.shipments[0], *kinds)
    with pytest.raises(Refused, match="CANCEL is not possible now"):
        left_out(order, order.shipments[0])
    assert not order.refunds


def test_a_waybill_of_what_is_left_out_is_given_back() -> None:
    order = planned_order()
    labelled(order, order.shipments[0])
    left_out(order, order.shipments[0])
    assert TaskKind.VOID_LABEL in {task.kind for task in order.tasks}


def test_goods_that_were_to_go_again_and_cannot_be_found_are_refunded() -> None:
    order = shipped_order()
    lost, other = order.shipments
    decided(order, partial(report, shipment_id=lost.shipment_id, kind=IncidentKind.LOSS, why=""))
    name = order.incidents[0].incident_id
    reship = partial(resolve, incident_id=name, said=IncidentEvent.RESHIP, why="")
    decided(order, partial(reship))

    def again(draft: Draft) -> Shipment:
        incident = order.incidents[0]
        draft.move(incident, IncidentEvent.STOCK_CONFIRMED)
        return plan_like(
            draft,
            lost,
            lost.lines,
            location="south",
            replaces=lost.shipment_id,
        )

    replacement = decided(order, again)
    left_out(order, replacement)
    # The lost units have left: the line has nothing that was cancelled.
    assert [(line.shipped, line.cancelled) for line in order.lines] == [(3, 0), (2, 0)]
    assert order.refunded_minor == 1_357
    assert_sound(order)
    carrier_reports(order, other, K.SIGNED)
    assert order.state is OrderState.DELIVERED


def test_what_is_left_out_is_not_paid_at_the_door() -> None:
    order = planned_order(payments=[cash(2_000)], **ON_DELIVERY)
    left_out(order, order.shipments[1])
    assert not order.refunds
    for parcel in order.shipments:
        if parcel.state is S.PLANNED:
            left_out(order, parcel)
    assert (order.state, order.payments[0].state) == (OrderState.CANCELLED, PaymentState.ABANDONED)


def cancelled_as(order: Order) -> list[tuple[str, bool]]:
    """The parcels whose units the engine is told to cancel, and whether they are not there."""
    payloads = [todo.payload for todo in todos(order, CancelShipmentStock)]
    return [(payload.shipment_id[-2:], payload.lost) for payload in payloads]


@pytest.mark.parametrize(("missing", "lost"), [(None, True), (True, True), (False, False)], ids=str)
def test_units_that_a_picker_did_not_find_do_not_go_on_sale_again(
    missing: bool | None, lost: bool
) -> None:
    order = planned_order()
    first, second = order.shipments
    pick = partial(confirm_pick, shipment_id=first.shipment_id, taken=[("SKU-1", 1)])
    rest = decided(order, pick).rest
    assert rest is not None
    leave = partial(cancel_shipment, shipment_id=rest.shipment_id, why="", missing=missing)
    decided(order, leave)
    left_out(order, second)
    assert cancelled_as(order) == [("s3", lost), ("s2", False)]


def test_what_was_found_after_all_is_sold_again() -> None:
    order = planned_order()
    pick = partial(confirm_pick, shipment_id=order.shipments[0].shipment_id)
    rest = decided(order, partial(pick, taken=[("SKU-1", 1)])).rest
    assert rest is not None
    decided(order, partial(confirm_pick, shipment_id=rest.shipment_id, taken=()))
    left_out(order, rest)
    assert cancelled_as(order) == [("s3", False)]


def test_what_is_not_there_is_not_on_sale_again_when_its_order_is_cancelled() -> None:
    order = planned_order()
    pick = partial(confirm_pick, shipment_id=order.shipments[0].shipment_id)
    decided(order, partial(pick, taken=[("SKU-1", 1)]))
    decided(order, partial(cancel, answers=(), reason="changed their mind"))
    assert order.state is OrderState.CANCELLED
    assert cancelled_as(order) == [("s3", True)]
    assert [task.kind for task in order.tasks if task.lane == "stock"] == [
        TaskKind.CANCEL_PARCEL,
        TaskKind.CANCEL,
    ]


def test_the_freight_of_what_is_paid_at_the_door_is_with_what_will_come() -> None:
    order = planned_order(payments=[cash(2_000)], **ON_DELIVERY)
    first, second = order.shipments
    shares = [due_at_the_door_minor(order, each) for each in (first, second)]
    assert (sum(shares), shares[0] - 1_357) == (2_000, 71)
    left_out(order, first)
    assert due_at_the_door_minor(order, second) == 643
    assert (order.lines[0].unpaid_units, order.lines[0].unpaid_minor) == (3, 1_357)
