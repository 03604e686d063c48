"""Orders on their way to their buyers, to begin a test with."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from order_service.catalogue.model import Article
from order_service.fulfilment.incidents import report
from order_service.fulfilment.planning import plan_shipments
from order_service.fulfilment.resolving import resolve
from order_service.fulfilment.tracking import track
from order_service.fulfilment.warehouse import confirm_packing, confirm_pick, hand_over
from order_service.order.draft import Draft
from order_service.order.ids import Ids
from order_service.order.model import CASH_ON_DELIVERY, IncidentKind, Line, Order, Payment, Shipment
from order_service.order.placed import Amounts, SubOrder
from order_service.order.records import TrackingEvent, TrackingKind
from order_service.order.states import IncidentEvent, OrderState, PaymentState, ShipmentEvent
from order_service.order.tasks import TaskKind
from order_service.payment.methods import CASH
from tests.order_service.clock import START_MS
from tests.order_service.following import finish
from tests.order_service.samples import order, payment, with_values

T = TypeVar("T")

ON_DELIVERY: dict[str, Any] = {"payment_method": CASH_ON_DELIVERY}
ARTICLES = {
    "SKU-1": Article("SKU-1", "merchant-1", "A thing", 500, "CNY", zone="A"),
    "SKU-2": Article("SKU-2", "merchant-1", "A cold thing", 300, "CNY", zone="COLD"),
    "SKU-3": Article("SKU-3", "merchant-2", "Another's", 100, "CNY", zone="A"),
}


def article(sku: str, **values: Any) -> Article:
    """An article with some values of its own."""
    return Article(
        **{"sku": sku, "merchant_id": "m", "title": sku, "price_minor": 1, **values}, currency="CNY"
    )


def draft_of(found: Order, now_ms: int = START_MS) -> Draft:
    """A change of an order in the making."""
    return Draft(found, "test", now_ms, Ids(random.Random(now_ms)))


def untouched(draft: Draft) -> bool:
    """Whether a draft would write nothing."""
    return not (draft.history or draft.added or draft.changed or draft.tasks_made)


def decided(found: Order, decide: Callable[[Draft], T], now_ms: int = START_MS) -> T:
    """Makes a decision and returns its answer; the order is changed in place."""
    draft = draft_of(found, now_ms)
    value = decide(draft)
    finish(draft)
    return value


def gone_off(kind: TaskKind, decide: Callable[[Draft], T], draft: Draft) -> T:
    """Makes a timer's decision as the relay does: the timer's task is done first."""
    draft.forget(kind)
    return decide(draft)


def paid_order(**values: Any) -> Order:
    """An effective order of 3 + 2 units, 1,900 with a freight of 100 and a discount of 200."""
    amounts = Amounts(2_100, 200, 0, 100, 0, 2_000)
    lines = [
        Line(1, 0, "SKU-1", "A thing", 3, 500, 1_357, location="north"),
        Line(2, 0, "SKU-2", "A cold thing", 2, 300, 543, location="north"),
    ]
    found = order(
        state=OrderState.CONFIRMED,
        version=1,
        amounts=amounts,
        lines=lines,
        sub_orders=(SubOrder("4330000000000000000.1", "merchant-1", amounts),),
        payments=[captured(2_000)],
    )
    return with_values(found, **values)


def captured(amount_minor: int) -> Payment:
    """A payment that came."""
    return payment(
        state=PaymentState.CAPTURED,
        amount_minor=amount_minor,
        captured_minor=amount_minor,
        captured_currency="CNY",
    )


def cash(amount_minor: int) -> Payment:
    """A payment that the carrier collects, of an order that is `ON_DELIVERY`."""
    return payment(state=PaymentState.PENDING, provider=CASH, amount_minor=amount_minor)


def planned_order(**values: Any) -> Order:
    """A paid order, reviewed: a parcel of zone A and one of zone COLD."""
    found = paid_order(**values)
    decided(found, lambda draft: plan_shipments(draft, ARTICLES, ""))
    return found


def units(shipment: Shipment) -> list[tuple[str, int]]:
    """The SKUs and quantities in a parcel."""
    return [(line.sku, line.quantity) for line in shipment.lines]


def labelled(found: Order, shipment: Shipment, promised_at_ms: int = START_MS + 1_000) -> None:
    """Brings a planned parcel to where it waits for the van."""

    def decide(draft: Draft) -> None:
        confirm_pick(draft, shipment.shipment_id, ())
        confirm_packing(draft, shipment.shipment_id, units(shipment), 700)
        values = {"carrier": "sandbox", "service": "standard", "waybill": "SB1"}
        draft.update(shipment, **values, promised_at_ms=promised_at_ms)
        draft.move(shipment, ShipmentEvent.LABEL)

    decided(found, decide)


def shipped_order(**values: Any) -> Order:
    """An order both of whose parcels have left."""
    found = planned_order(**values)
    for shipment in list(found.shipments):
        labelled(found, shipment)
        decided(found, partial(hand_over, shipment_id=shipment.shipment_id))
    return found


def event(
    shipment: Shipment, kind: TrackingKind, number: int = 0, amount_minor: int = 0
) -> TrackingEvent:
    """An event as the sandbox carrier reports it of a parcel."""
    return TrackingEvent(
        carrier="sandbox",
        event_id=f"{shipment.shipment_id}.{kind}.{number}",
        order_id=shipment.order_id,
        shipment_id=shipment.shipment_id,
        kind=kind,
        happened_at_ms=START_MS + number,
        received_at_ms=START_MS,
        place="hub",
        amount_minor=amount_minor,
        currency="CNY" if amount_minor else "",
    )


def carrier_reports(found: Order, shipment: Shipment, *kinds: TrackingKind) -> None:
    """The carrier reports events of a parcel."""
    for number, kind in enumerate(kinds):
        what = event(shipment, kind, number)
        decided(found, partial(track, event=what))


def paid_at_the_door(found: Order, shipment: Shipment, amount_minor: int, number: int = 0) -> None:
    """The carrier says that it has the money of a parcel."""
    what = event(shipment, TrackingKind.CASH_COLLECTED, number, amount_minor)
    decided(found, partial(track, event=what))


def refunded(found: Order, shipment: Shipment, kind: IncidentKind = IncidentKind.LOSS) -> None:
    """A parcel is lost or damaged, and its money is to go back."""
    decided(found, partial(report, shipment_id=shipment.shipment_id, kind=kind, why="gone"))
    settled = partial(
        resolve,
        incident_id=found.incidents[-1].incident_id,
        said=IncidentEvent.REFUND,
        why="as the buyer wants",
    )
    decided(found, settled)
