"""Acceptance examples of parcels that come back: refused, turned back, lost and found."""

from functools import partial

import pytest
from msgspec import structs

from order_service.audit.case import Case, judge
from order_service.audit.returns import RULES
from order_service.fulfilment.resolving import resolve
from order_service.fulfilment.shares import due_for_delivered_minor
from order_service.fulfilment.tracking import catch_up, track
from order_service.order.records import TrackingKind
from order_service.order.return_legs import LegKind, LegState
from order_service.order.states import (
    IncidentEvent,
    IncidentState,
    OrderState,
    PaymentState,
    ShipmentState,
)
from order_service.order.tasks import TakeIn, todos
from order_service.payment.paying_back import refundable_minor
from tests.order_service.aftersales.example import f_shipped, inspected, leg_of, shipment_with
from tests.order_service.clock import START_MS
from tests.order_service.fulfilment.parcels import (
    ON_DELIVERY,
    carrier_reports,
    cash,
    decided,
    event,
    paid_at_the_door,
    refunded,
)

K = TrackingKind


def test_example_28_cash_order_refused_at_the_door_is_never_paid_and_its_goods_are_stock() -> None:
    order = f_shipped(payments=[cash(15_799)], **ON_DELIVERY)
    (parcel,) = order.shipments
    carrier_reports(order, parcel, K.OUT_FOR_DELIVERY, K.REFUSED, K.RETURNED)
    assert order.state is OrderState.CANCELLED
    assert order.payments[0].state is PaymentState.ABANDONED
    assert (due_for_delivered_minor(order), order.refunds) == (0, [])
    leg = inspected(order)
    assert (leg.kind, leg.state) == (LegKind.REFUSED, LegState.INSPECTED)
    assert [line.returned for line in order.lines] == [3, 1]
    assert [todo.payload for todo in todos(order, TakeIn)] == [TakeIn(leg.leg_id)]


def test_example_29_of_two_cash_parcels_the_one_that_was_taken_is_due_with_its_freight() -> None:
    order = f_shipped(apart=True, payments=[cash(15_799)], **ON_DELIVERY)
    refused, signed = shipment_with(order, "A"), shipment_with(order, "B")
    carrier_reports(order, refused, K.REFUSED, K.RETURNED)
    carrier_reports(order, signed, K.SIGNED)
    assert due_for_delivered_minor(order) == 4_999 + 267
    paid_at_the_door(order, signed, 4_999 + 267)
    assert order.payments[0].state is PaymentState.CAPTURED
    assert (order.state, order.refunds) == (OrderState.DELIVERED, [])
    inspected(order)
    assert (order.lines[0].returned, refundable_minor(order)) == (3, 5_266)


@pytest.mark.parametrize("first", ["RETURNING", "SIGNED"])
def test_example_30_what_a_carrier_delivers_after_it_turned_is_delivered_to_us(first: str) -> None:
    order = f_shipped()
    (parcel,) = order.shipments
    turned = event(parcel, K.RETURNING, 1)
    came = structs.replace(event(parcel, K.SIGNED, 2), happened_at_ms=START_MS + 5)
    heard = [turned, came] if first == "RETURNING" else [came, turned]
    for each in heard:
        decided(order, partial(track, event=each), START_MS + 10)
    decided(order, partial(catch_up, shipment_id=parcel.shipment_id, events=heard), START_MS + 10)
    assert (parcel.state, parcel.delivered_at_ms) == (ShipmentState.RETURNED, 0)
    assert (leg_of(order).kind, leg_of(order).state) == (
        LegKind.RETURN_TO_SENDER,
        LegState.ARRIVED,
    )


def test_example_51_lost_refunded_and_found_is_stock_and_gives_no_more_money() -> None:
    order = f_shipped()
    (parcel,) = order.shipments
    refunded(order, parcel)
    assert (order.state, order.refunded_minor) == (OrderState.CANCELLED, 15_799)
    carrier_reports(order, parcel, K.RETURNED)
    inspected(order)
    assert [line.returned for line in order.lines] == [3, 1]
    assert (len(order.refunds), order.refunded_minor) == (1, 15_799)


# A paid parcel that its buyer did not take (section 6).


def test_the_money_of_a_refused_parcel_goes_back_with_its_inspection_but_for_the_freight() -> None:
    order = f_shipped()
    (parcel,) = order.shipments
    carrier_reports(order, parcel, K.REFUSED, K.RETURNED)
    assert order.refunds == []
    inspected(order)
    assert (order.state, order.refunded_minor) == (OrderState.CANCELLED, 14_999)
    assert order.incidents[0].state is IncidentState.REFUNDED
    assert order.freight_refunded_minor == 0
    inspected(order)
    assert len(order.refunds) == 1


def test_the_freight_of_a_refused_parcel_stays_also_where_another_one_is_lost() -> None:
    order = f_shipped(apart=True)
    carrier_reports(order, shipment_with(order, "A"), K.REFUSED, K.RETURNED)
    inspected(order)
    refunded(order, shipment_with(order, "B"))
    assert (order.state, order.refunded_minor) == (OrderState.CANCELLED, 14_999)


@pytest.mark.parametrize("first", ["money", "stock"])
def test_money_and_stock_of_a_refused_parcel_come_once_each_whichever_is_first(first: str) -> None:
    order = f_shipped()
    (parcel,) = order.shipments
    carrier_reports(order, parcel, K.RETURNING, K.RETURNED)
    if first == "money":
        said = partial(resolve, said=IncidentEvent.REFUND, why="")
        decided(order, partial(said, incident_id=order.incidents[0].incident_id))
        assert order.refunded_minor == 14_999
        assert [line.returned for line in order.lines] == [0, 0]
    inspected(order)
    assert (order.refunded_minor, len(order.refunds)) == (14_999, 1)
    assert [line.returned for line in order.lines] == [3, 1]


def test_the_audit_finds_units_that_are_returned_and_that_nothing_brought() -> None:
    order = f_shipped()
    (parcel,) = order.shipments
    carrier_reports(order, parcel, K.REFUSED, K.RETURNED)
    inspected(order)
    case = Case(order, [], order.updated_at_ms)
    assert judge(case, RULES) == []
    order.lines[0].returned = 2
    (problem,) = judge(case, RULES)
    assert problem.detail == "line 1: 2 units returned, its returns brought 3"
