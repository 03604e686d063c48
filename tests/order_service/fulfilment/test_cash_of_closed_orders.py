"""Money that carriers collect for orders that were closed: all of it goes back (O3, O10, P3)."""

from functools import partial

from order_service.fulfilment.incidents import report
from order_service.fulfilment.records import TrackingKind
from order_service.fulfilment.resolving import resolve
from order_service.fulfilment.tracking import track
from order_service.model import IncidentKind, Order, Shipment
from order_service.states import IncidentEvent, OrderState, PaymentState, RefundState
from tests.order_service.fulfilment.parcels import (
    ON_DELIVERY,
    SETTINGS,
    cash,
    decided,
    event,
    shipped_order,
)

TOTAL_MINOR = 2_000


def collected(order: Order, parcel: Shipment, amount_minor: int) -> None:
    """The carrier has the money of a parcel."""
    told = event(parcel, TrackingKind.CASH_COLLECTED, amount_minor=amount_minor)
    decided(order, partial(track, event=told, settings=SETTINGS))


def lost_for_good(order: Order, parcel: Shipment) -> None:
    """A parcel is lost, and nothing goes in its stead."""
    loss = partial(report, shipment_id=parcel.shipment_id, kind=IncidentKind.LOSS, why="gone")
    decided(order, loss)
    refund = partial(
        resolve,
        incident_id=order.incidents[-1].incident_id,
        said=IncidentEvent.REFUND,
        why="as the buyer wants",
        settings=SETTINGS,
    )
    decided(order, refund)


def assert_all_goes_back(order: Order, amount_minor: int) -> None:
    """Nothing is kept of what was collected; a person sends it back."""
    (payment,) = order.payments
    assert order.state is OrderState.CANCELLED
    assert payment.state is PaymentState.CAPTURED
    assert (payment.captured_minor, payment.refunded_minor) == (amount_minor, amount_minor)
    assert {refund.state for refund in order.refunds} == {RefundState.REQUESTED}


def test_what_was_collected_for_one_parcel_goes_back_when_no_parcel_arrived() -> None:
    order = shipped_order(**ON_DELIVERY, payments=[cash(TOTAL_MINOR)])
    collected(order, order.shipments[0], 1_400)
    for parcel in order.shipments:
        lost_for_good(order, parcel)
    assert_all_goes_back(order, 1_400)


def test_what_is_collected_after_the_order_was_cancelled_goes_back_parcel_by_parcel() -> None:
    order = shipped_order(**ON_DELIVERY, payments=[cash(TOTAL_MINOR)])
    for parcel in order.shipments:
        lost_for_good(order, parcel)
    assert order.payments[0].state is PaymentState.ABANDONED
    collected(order, order.shipments[0], 1_400)
    assert_all_goes_back(order, 1_400)
    collected(order, order.shipments[1], 600)
    assert_all_goes_back(order, TOTAL_MINOR)


def test_what_is_collected_beyond_what_the_order_costs_goes_back() -> None:
    order = shipped_order(**ON_DELIVERY, payments=[cash(TOTAL_MINOR)])
    collected(order, order.shipments[0], TOTAL_MINOR)
    collected(order, order.shipments[1], 600)
    assert order.payments[0].state is PaymentState.CAPTURED
    assert [refund.amount_minor for refund in order.refunds] == [600]
