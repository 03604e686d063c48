"""A person lets a parcel go all the same, and the books know its units as given away (P5)."""

from functools import partial

import pytest

from order_service.fulfilment.cancelling import cancel
from order_service.fulfilment.cancelling_parcels import cancel_shipment
from order_service.fulfilment.giving_away import give_away
from order_service.fulfilment.warehouse import confirm_pick, hand_over
from order_service.order.model import Order, Shipment
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.states import OrderState, ShipmentState
from order_service.payment.refund_requests import AskedUnits
from tests.order_service.fulfilment.parcels import decided, labelled, planned_order, shipped_order
from tests.order_service.fulfilment.test_refunded_units import back_minor, reason_of, refund
from tests.order_service.fulfilment.test_refunds_meet import assert_sound

S = ShipmentState
TOTAL_MINOR = 2_000


def given(order: Order, shipment: Shipment) -> None:
    """A person lets a parcel go all the same."""
    decided(order, partial(give_away, shipment_id=shipment.shipment_id, why="a present"))


def leaves(order: Order, shipment: Shipment) -> None:
    """A parcel leaves the warehouse."""
    labelled(order, shipment)
    decided(order, partial(hand_over, shipment_id=shipment.shipment_id))


def test_what_is_given_away_leaves_though_all_money_goes_back() -> None:
    order = planned_order()
    first, second = order.shipments
    given(order, first)
    refund(order, "all")
    assert_sound(order)
    assert (back_minor(order), first.state, second.state) == (TOTAL_MINOR, S.PLANNED, S.CANCELLED)
    assert [line.given_units for line in order.lines] == [3, 0]
    leaves(order, first)
    assert_sound(order)
    assert (order.state, order.lines[0].shipped) == (OrderState.SHIPPED, 3)
    with pytest.raises(Refused) as refused:
        refund(order, "again", 0, AskedUnits(1, 1))
    assert reason_of(refused) is RefusalReason.AMOUNT_EXCEEDED


def test_units_that_are_not_given_away_stay_first() -> None:
    order = planned_order()
    first = order.shipments[0]
    pick = partial(confirm_pick, shipment_id=first.shipment_id, taken=[("SKU-1", 1)])
    rest = decided(order, pick).rest
    assert rest is not None
    given(order, first)
    refund(order, "two", 0, AskedUnits(1, 2))
    assert_sound(order)
    assert (first.state, rest.state) == (S.PICKED, S.CANCELLED)
    refund(order, "the other", 0, AskedUnits(1, 1))
    assert_sound(order)
    assert (order.lines[0].given_units, first.state) == (1, S.PICKED)


def test_a_parcel_whose_money_went_back_in_older_books_can_go() -> None:
    order = planned_order()
    for line in order.lines:
        line.refunded_minor = line.adjusted_minor = line.amount_minor
        line.adjusted_units = line.quantity
    first = order.shipments[0]
    given(order, first)
    leaves(order, first)
    assert first.state is S.SHIPPED


@pytest.mark.parametrize("whole", [False, True])
def test_what_was_to_be_given_away_and_is_left_out_counts_as_refunded_and_stays(
    whole: bool,
) -> None:
    order = planned_order()
    first = order.shipments[0]
    given(order, first)
    refund(order, "its money", 0, AskedUnits(1))
    if whole:
        decided(order, partial(cancel, answers=(), reason="no more"))
        assert order.state is OrderState.CANCELLED
    else:
        out = partial(cancel_shipment, shipment_id=first.shipment_id, why="not there")
        decided(order, out)
        assert (order.lines[0].given_units, order.lines[0].refunded_unshipped) == (0, 3)
    assert_sound(order)


def test_what_has_left_or_stays_is_not_given_away_and_it_is_said_once() -> None:
    order = shipped_order()
    with pytest.raises(Refused) as refused:
        given(order, order.shipments[0])
    assert reason_of(refused) is RefusalReason.WRONG_STATE
    order = planned_order()
    for _ in range(2):
        version = order.version
        given(order, order.shipments[0])
    assert order.version == version
