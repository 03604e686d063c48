"""Parcels are stopped: in the warehouse, on their way, or too late."""

from functools import partial

import pytest

from order_service.aftersales.intercepting import answer, intercept
from order_service.fulfilment.planning import plan_shipments
from order_service.order.intercepts import Intercept, InterceptState
from order_service.order.records import TrackingKind
from order_service.order.refusals import Refused
from order_service.order.return_legs import LegKind, LegState
from order_service.order.states import OrderState, ShipmentState
from tests.order_service.aftersales.example import f_order, f_shipped, inspected, leg_of
from tests.order_service.fulfilment.parcels import carrier_reports, decided
from tests.order_service.fulfilment.world import HOUR_MS, World

K, S = TrackingKind, InterceptState


def test_a_parcel_that_has_not_left_is_left_out_and_its_money_goes_back() -> None:
    order = f_order()
    decided(order, lambda draft: plan_shipments(draft, {}, ""))
    (parcel,) = order.shipments
    ask = partial(intercept, shipment_id=parcel.shipment_id, why="wrong address")
    assert decided(order, ask).intercept is None
    assert (parcel.state, order.state) == (ShipmentState.CANCELLED, OrderState.CANCELLED)
    assert order.refunded_minor == 15_799
    assert decided(order, ask).replayed


def test_the_money_of_an_intercepted_parcel_goes_back_once_when_it_is_here() -> None:
    order = f_shipped()
    (parcel,) = order.shipments
    ask = partial(intercept, shipment_id=parcel.shipment_id, why="")
    asked = decided(order, ask).intercept
    assert asked is not None
    assert decided(order, ask).replayed
    yes = partial(answer, intercept_id=asked.intercept_id, accepts=True, why="")
    assert decided(order, yes).replayed is False
    assert decided(order, yes).replayed
    carrier_reports(order, parcel, K.RETURNING)
    assert (leg_of(order).kind, leg_of(order).state) == (LegKind.INTERCEPTED, LegState.ON_ITS_WAY)
    assert order.refunds == []
    carrier_reports(order, parcel, K.RETURNED, K.RETURNED)
    assert (asked.state, order.state) == (S.BACK, OrderState.CANCELLED)
    assert (order.refunded_minor, len(order.refunds)) == (14_999, 1)
    inspected(order)
    assert (order.refunded_minor, order.lines[0].returned) == (14_999, 3)


@pytest.mark.parametrize("accepts", [None, True])
def test_a_parcel_that_is_signed_for_all_the_same_was_asked_for_too_late(
    accepts: bool | None,
) -> None:
    order = f_shipped()
    (parcel,) = order.shipments
    asked = decided(order, partial(intercept, shipment_id=parcel.shipment_id, why="")).intercept
    assert asked is not None
    said = partial(answer, intercept_id=asked.intercept_id, why="")
    if accepts is not None:
        decided(order, partial(said, accepts=accepts))
    carrier_reports(order, parcel, K.SIGNED)
    assert (asked.state, order.state) == (S.TOO_LATE, OrderState.DELIVERED)
    with pytest.raises(Refused, match="is TOO_LATE"):
        decided(order, partial(said, accepts=False))
    with pytest.raises(Refused, match="is DELIVERED"):
        decided(order, partial(intercept, shipment_id=parcel.shipment_id, why=""))


def test_a_parcel_that_its_carrier_does_not_stop_can_be_asked_for_again() -> None:
    order = f_shipped()
    (parcel,) = order.shipments
    ask = partial(intercept, shipment_id=parcel.shipment_id, why="")
    first = decided(order, ask).intercept
    assert first is not None
    decided(order, partial(answer, intercept_id=first.intercept_id, accepts=False, why=""))
    second = decided(order, ask).intercept
    assert second is not None
    assert [each.state for each in order.parts_of(Intercept)] == [S.REFUSED, S.ASKED]
    # It turns back for another reason, and was asked for: it is the intercepted one.
    carrier_reports(order, parcel, K.REFUSED, K.RETURNED)
    assert (second.state, leg_of(order).kind) == (S.BACK, LegKind.INTERCEPTED)


@pytest.mark.parametrize(("after_hours", "state"), [(30, S.BACK), (60, S.TOO_LATE)])
async def test_the_carrier_brings_back_what_is_not_at_the_door_yet(
    world: World, after_hours: int, state: InterceptState
) -> None:
    await world.place()
    await world.ship()
    await world.collect()
    await world.advance(after_hours * HOUR_MS)
    first = (await world.order()).shipments[0]
    await world.change(partial(intercept, shipment_id=first.shipment_id, why="not wanted"))
    await world.do("INTERCEPT")
    (asked,) = (await world.order()).parts_of(Intercept)
    assert asked.state is (S.ACCEPTED if state is S.BACK else S.REFUSED)
    await world.advance(80 * HOUR_MS)
    order = await world.order()
    if state is S.BACK:
        assert order.shipment(first.shipment_id).state is ShipmentState.RETURNED
        assert (order.parts_of(Intercept)[0].state, order.refunded_minor) == (S.BACK, 1_357)
    else:
        assert order.state is OrderState.DELIVERED
