"""A buyer's own parcel: announced with its waybill, told of by its carrier, received."""

from functools import partial

import pytest

from order_service.aftersales.arrivals import Arrival, bring
from order_service.aftersales.opening import never_sent, open_leg
from order_service.aftersales.queries import open_leg_of
from order_service.aftersales.receiving import receive
from order_service.aftersales.sending import announce
from order_service.aftersales.terms import Terms
from order_service.fulfilment.carriers.port import CarrierEvent
from order_service.notifications.announcing import Announcer
from order_service.order.draft import Draft
from order_service.order.model import Order
from order_service.order.records import TrackingKind
from order_service.order.refusals import Refused
from order_service.order.return_legs import LegKind, LegLine, LegState, ReturnLeg
from order_service.order.states import OrderState
from order_service.order.tasks import NotifyBuyer, todos
from order_service.storage.database import KeyTaken
from tests.order_service.aftersales.example import f_shipped, leg_of
from tests.order_service.fulfilment.parcels import carrier_reports, decided, draft_of
from tests.order_service.fulfilment.world import HOUR_MS, World

K = TrackingKind
sent = partial(announce, terms=Terms())


def expected(draft: Draft) -> ReturnLeg:
    """Opens a leg of one unit of the first parcel."""
    shipment = draft.order.shipments[0]
    line = shipment.lines[0]
    return open_leg(draft, "", [LegLine(line.line_no, line.sku, 1, shipment.shipment_id)], "")


def with_leg() -> tuple[Order, ReturnLeg]:
    """F, delivered, of which a unit is to come back."""
    order = f_shipped()
    carrier_reports(order, order.shipments[0], K.SIGNED)
    decided(order, expected)
    return order, leg_of(order)


def test_an_announced_parcel_goes_to_the_warehouse_that_sent_its_goods() -> None:
    order, leg = with_leg()
    assert (leg.kind, leg.state, leg.location) == (LegKind.BUYER, LegState.EXPECTED, "default")
    first = partial(sent, leg_id=leg.leg_id, carrier="sf", waybill="SF1")
    assert decided(order, first).replayed is False
    assert decided(order, first).replayed is True
    assert (leg.state, leg.carrier, leg.waybill) == (LegState.ON_ITS_WAY, "sf", "SF1")
    decided(order, partial(sent, leg_id=leg.leg_id, carrier="sf", waybill="SF2"))
    assert leg.waybill == "SF2"
    decided(order, partial(receive, leg_id=leg.leg_id, location=""))
    with pytest.raises(Refused, match="is ARRIVED"):
        decided(order, partial(sent, leg_id=leg.leg_id, carrier="sf", waybill="SF3"))


def test_what_was_never_sent_is_waited_for_no_more() -> None:
    order, leg = with_leg()
    decided(order, partial(never_sent, leg=leg, why="its time is over"))
    decided(order, partial(never_sent, leg=leg, why="its time is over"))
    with pytest.raises(Refused, match="is NEVER_SENT"):
        decided(order, partial(sent, leg_id=leg.leg_id, carrier="sf", waybill="SF3"))


async def delivered(world: World, order_id: str) -> None:
    """An order that came, and a unit of it that is to come back."""
    await world.place(order_id)
    await world.ship(order_id)
    await world.collect()
    await world.advance(72 * HOUR_MS)
    assert (await world.order(order_id)).state is OrderState.DELIVERED
    await world.change(expected, order_id)


async def test_a_carriers_news_of_a_waybill_bring_the_return_forward_each_once(
    world: World,
) -> None:
    one, two = "4330000000000000000", "4440000000000000000"
    for order_id in (one, two):
        await delivered(world, order_id)
    first = partial(sent, leg_id=f"{one}-b1", carrier="sandbox", waybill="R1")
    await world.change(first, one)
    with pytest.raises(KeyTaken):  # a mistyped number, or somebody else's
        await world.change(
            partial(sent, leg_id=f"{two}-b1", carrier="sandbox", waybill="R1"),
            two,
        )
    found = await world.orders.read(partial(open_leg_of, carrier="sandbox", waybill="R1"))
    assert found == f"{one}-b1"
    now_ms = world.clock()
    for kind in (K.SIGNED, K.HUB, K.SIGNED, K.LOST):
        news = CarrierEvent(f"R1-{kind}", kind, now_ms, waybill="R1")
        await world.intake.take("sandbox", news)
    await world.intake.take("another", CarrierEvent("R1-1", K.SIGNED, now_ms, waybill="R1"))
    order = await world.order(one)
    leg = leg_of(order)
    assert (leg.state, leg.arrived_at_ms) == (LegState.ARRIVED, now_ms)
    # Nothing of that was said of the parcel that brought the goods.
    assert order.state is OrderState.DELIVERED


def notices_in(draft: Draft) -> list[str]:
    """The notices that a draft sends to the buyer."""
    Announcer(buyer_channels=["mail"]).announce(draft)
    return [todo.payload.notice for todo in todos(draft.order, NotifyBuyer)]


def test_a_buyer_hears_where_to_send_goods_and_not_of_those_that_came_by_themselves() -> None:
    order = f_shipped()
    carrier_reports(order, order.shipments[0], K.SIGNED)
    draft = draft_of(order)
    expected(draft)
    assert notices_in(draft) == ["return_awaited"]
    order = f_shipped()
    carrier_reports(order, order.shipments[0], K.SIGNED)
    draft = draft_of(order)
    scan = Arrival("default", "a-1", "default", "sf", "R9", "", draft.now_ms, draft.now_ms)
    bring(draft, order.shipments[0].shipment_id, scan)
    assert notices_in(draft) == ["return_arrived"]
