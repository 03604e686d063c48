"""F, the order of the specification's examples: 3 of A for 10,000, 1 of B for 4,999, freight 800.

It went in one parcel from `default`, and is paid by card unless said otherwise.
"""

from datetime import datetime
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from order_service.aftersales.inspecting import inspect
from order_service.catalogue.model import Article
from order_service.fulfilment.planning import plan_shipments
from order_service.fulfilment.shares import due_at_the_door_minor
from order_service.fulfilment.warehouse import hand_over
from order_service.order.model import Line, Order, Shipment
from order_service.order.placed import Amounts, SubOrder
from order_service.order.return_legs import Condition, Fate, Judged, ReturnLeg
from tests.order_service.fulfilment.parcels import captured, decided, labelled, paid_order

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")


def at_ms(month_day: str, time: str = "00:00") -> int:
    """A moment of 2026 in Shanghai: `at_ms("03-01", "10:00")`."""
    moment = datetime.fromisoformat(f"2026-{month_day}T{time}").replace(tzinfo=SHANGHAI)
    return int(moment.timestamp() * 1000)


def f_order(**values: Any) -> Order:
    """F before it is reviewed."""
    amounts = Amounts(14_999, 0, 0, 800, 0, 15_799)
    lines = [
        Line(1, 0, "A", "A thing", 3, 3_333, 10_000, location="default"),
        Line(2, 0, "B", "Another", 1, 4_999, 4_999, location="default"),
    ]
    about = {
        "amounts": amounts,
        "lines": lines,
        "sub_orders": (SubOrder("4330000000000000000.1", "merchant-1", amounts),),
        "payments": [captured(15_799)],
    }
    return paid_order(**{**about, **values})


def f_shipped(*, apart: bool = False, **values: Any) -> Order:
    """F under way: in one parcel, or A and B in parcels of their own."""
    found = f_order(**values)
    zones = {"A": "A", "B": "COLD"} if apart else {}
    articles = {
        sku: Article(sku, "merchant-1", sku, 1, "CNY", zone=zone) for sku, zone in zones.items()
    }
    decided(found, lambda draft: plan_shipments(draft, articles, ""))
    for shipment in list(found.shipments):
        shipment.collect_minor = due_at_the_door_minor(found, shipment)
        labelled(found, shipment)
        decided(found, partial(hand_over, shipment_id=shipment.shipment_id))
    return found


def shipment_with(found: Order, sku: str) -> Shipment:
    """The parcel that has an article."""
    return next(each for each in found.shipments if sku in {line.sku for line in each.lines})


def leg_of(found: Order) -> ReturnLeg:
    """The newest return leg of an order."""
    return found.parts_of(ReturnLeg)[-1]


def all_alike(
    leg: ReturnLeg, condition: Condition = Condition.AS_SENT, fate: Fate | None = Fate.RESELLABLE
) -> list[Judged]:
    """The judgement that all units of a leg are alike, and accepted where they came."""
    accepted = fate is not None
    return [
        Judged(line.line_no, line.sku, line.quantity, line.shipment_id, condition, accepted, fate)
        for line in leg.lines
    ]


def inspected(found: Order, *groups: Judged) -> ReturnLeg:
    """The newest leg of an order after its inspection; without groups all is as it was sent."""
    leg = leg_of(found)
    judged = groups or tuple(all_alike(leg))
    decide = partial(inspect, leg_id=leg.leg_id, groups=judged)
    return decided(found, decide, found.updated_at_ms).leg
