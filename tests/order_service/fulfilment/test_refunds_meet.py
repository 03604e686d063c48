"""Refunds that meet each other, an incident, a parcel that is left out: each unit is paid once."""

from functools import partial

import pytest

from order_service.audit import refunds as audited
from order_service.audit.case import Case, judge
from order_service.fulfilment.cancelling_parcels import cancel_shipment
from order_service.fulfilment.incidents import report, report_units
from order_service.fulfilment.reshipping import _ready
from order_service.fulfilment.resolving import resolve
from order_service.order.model import IncidentKind, Line, Order, Shipment
from order_service.order.records import TrackingKind
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.states import IncidentEvent, ShipmentState
from order_service.payment.refund_requests import AskedUnits
from tests.order_service.clock import START_MS
from tests.order_service.fulfilment.parcels import (
    ON_DELIVERY,
    carrier_reports,
    cash,
    decided,
    paid_at_the_door,
    planned_order,
    refunded,
    shipped_order,
    units,
)
from tests.order_service.fulfilment.test_refunded_units import back_minor, reason_of, refund

S = ShipmentState
FIRST_MINOR, SECOND_MINOR = 1_357, 543


def assert_sound(order: Order) -> None:
    """The audit finds nothing, and nothing more follows from what was decided."""
    assert not judge(Case(order, [], START_MS), audited.RULES)
    before = [(each.state, each.lines) for each in order.shipments]
    decided(order, lambda _: None)
    assert [(each.state, each.lines) for each in order.shipments] == before


def left_out(order: Order, shipment: Shipment) -> None:
    """A parcel that has not left is left out."""
    decided(order, partial(cancel_shipment, shipment_id=shipment.shipment_id, why="not there"))


def with_present() -> Order:
    """A planned order whose second line is a present, in a parcel of its own."""
    order = planned_order()
    order.lines[0].amount_minor, order.lines[1].amount_minor = FIRST_MINOR + SECOND_MINOR, 0
    return order


def test_a_present_that_is_left_out_counts_as_no_refund_and_keeps_no_freight() -> None:
    order = with_present()
    left_out(order, order.shipments[1])
    assert_sound(order)
    assert not order.refunds
    left_out(order, order.shipments[0])
    assert back_minor(order) == 2_000


def test_what_a_provider_cannot_pay_back_is_refused_and_counts_as_nothing() -> None:
    order = planned_order(currency="KWD")
    order.payments[0].captured_currency = "KWD"
    order.lines[1].amount_minor = 8
    with pytest.raises(Refused, match="less than its payment's provider can pay back"):
        refund(order, "eight fils", 0, AskedUnits(2))
    order = planned_order(currency="KWD")
    order.payments[0].captured_currency = "KWD"
    order.lines[1].amount_minor = 8
    left_out(order, order.shipments[1])
    assert_sound(order)
    assert (order.lines[1].cancelled, order.lines[1].refunded_unshipped) == (2, 0)


def test_where_no_money_is_left_a_parcel_that_is_left_out_counts_as_no_refund() -> None:
    order = planned_order()
    refund(order, "sorry", 2_000, goodwill=True, goodwill_percent_max=100)
    left_out(order, order.shipments[1])
    assert_sound(order)
    assert back_minor(order) == 2_000


def test_units_stay_behind_in_the_parcel_that_a_refund_names() -> None:
    order = planned_order()
    named = order.shipments[1]
    named.state = S.PICKED
    refund(order, "one", 0, AskedUnits(2, 1, named.shipment_id))
    assert (named.state, units(named)) == (S.PICKED, [("SKU-2", 1)])
    assert_sound(order)
    left_out(order, named)  # the other unit's money goes back, too
    assert order.lines[1].refunded_minor == SECOND_MINOR
    with pytest.raises(Refused) as refused:
        refund(order, "again", 0, AskedUnits(1, 1, named.shipment_id))
    assert reason_of(refused) is RefusalReason.UNITS_TAKEN


def test_a_parcel_has_each_of_its_units_once_in_one_request() -> None:
    order = shipped_order()
    first = order.shipments[1].shipment_id
    with pytest.raises(Refused) as refused:
        refund(order, "three of two", 0, AskedUnits(2, 1, first), AskedUnits(2, 2, first))
    assert reason_of(refused) is RefusalReason.UNITS_TAKEN


def test_units_of_a_parcel_that_goes_again_stay_behind_once() -> None:
    order = shipped_order()
    lost = order.shipments[0]
    decided(order, partial(report, shipment_id=lost.shipment_id, kind=IncidentKind.LOSS, why=""))
    incident_id = order.incidents[0].incident_id
    again = partial(resolve, incident_id=incident_id, said=IncidentEvent.RESHIP, why="")
    decided(order, again)
    refund(order, "meanwhile", 0, AskedUnits(1, 1))
    decided(order, partial(_ready, lost_id=lost.shipment_id, location="north"))
    assert_sound(order)
    assert units(order.shipments[2]) == [("SKU-1", 2)]
    refund(order, "another", 0, AskedUnits(1, 1))
    assert_sound(order)
    assert units(order.shipments[2]) == [("SKU-1", 1)]


def test_units_that_an_incident_reports_are_paid_back_by_hand_or_by_it() -> None:
    order = shipped_order()
    parcel = order.shipments[0]
    carrier_reports(order, parcel, TrackingKind.SIGNED)
    broken = partial(report_units, shipment_id=parcel.shipment_id, why="broken")
    decided(order, partial(broken, kind=IncidentKind.DAMAGE, units=[("SKU-1", 1)]))
    refund(order, "support", 0, AskedUnits(1, 1))
    wrong = partial(broken, kind=IncidentKind.WRONG_ITEM, units=[("SKU-1", 1)])
    decided(order, wrong, START_MS + 1)
    for incident in order.incidents:
        said = partial(resolve, said=IncidentEvent.REFUND, why="")
        decided(order, partial(said, incident_id=incident.incident_id))
    assert order.lines[0].refunded_shipped == 2


def test_a_part_of_the_price_of_units_is_less_than_their_price() -> None:
    order = shipped_order()
    with pytest.raises(Refused, match="more than the 451 that units can have back and be kept"):
        refund(order, "one", 452, AskedUnits(1, 1))
    refund(order, "one", 451, AskedUnits(1, 1))
    refund(order, "another", 451, AskedUnits(1, 1))
    assert (order.lines[0].adjusted_units, order.lines[0].adjusted_minor) == (2, 902)


def test_units_that_have_all_of_their_price_back_in_parts_do_not_leave() -> None:
    lines = [Line(1, 0, "SKU-1", "A thing", 4, 500, 2, location="north")]
    order = planned_order(lines=lines)
    refund(order, "half of it", 1, AskedUnits(1))
    refund(order, "two, at half a cent", 0, AskedUnits(1, 2))
    assert_sound(order)
    assert (order.lines[0].refunded_minor, order.lines[0].cancelled) == (2, 4)


def test_a_key_of_a_part_of_a_price_is_not_one_of_units_nor_of_all() -> None:
    order = shipped_order()
    refund(order, "part", 100, AskedUnits(1, 1))
    refund(order, "units", 0, AskedUnits(1, 1))
    for key, lines in (("part", [AskedUnits(1, 1)]), ("part", []), ("units", [])):
        with pytest.raises(Refused) as refused:
            refund(order, key, 0, *lines)
        assert reason_of(refused) is RefusalReason.KEY_REUSED


def test_money_that_is_brought_bit_by_bit_for_a_lost_parcel_goes_back_bit_by_bit() -> None:
    order = shipped_order(**ON_DELIVERY, payments=[cash(2_000)])
    first, second = order.shipments
    refunded(order, second)
    carrier_reports(order, first, TrackingKind.SIGNED)
    paid_at_the_door(order, first, order.amounts.total_minor - SECOND_MINOR)
    for number, amount_minor in enumerate((200, 343)):
        paid_at_the_door(order, second, amount_minor, number)
    assert back_minor(order) == SECOND_MINOR
    assert order.payments[0].captured_minor == 2_000
