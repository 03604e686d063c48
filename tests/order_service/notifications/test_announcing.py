import random
from typing import Any

import pytest
from msgspec.structs import asdict

from order_service.fulfilment.cancelling_parcels import cancel_shipment
from order_service.notifications.announcing import Announcer
from order_service.order.contact import correct_delivery
from order_service.order.draft import Draft
from order_service.order.ids import Ids
from order_service.order.model import IncidentKind, Order, Remark, Task
from order_service.order.placed import SubOrder
from order_service.order.records import Review, Verdict
from order_service.order.states import (
    IncidentEvent,
    OrderEvent,
    OrderState,
    PaymentEvent,
    PaymentState,
    ShipmentEvent,
)
from order_service.order.tasks import TASKS, NotifyBuyer, TaskKind, any_payload_of
from order_service.storage.database import Database
from order_service.storage.orders import Orders
from tests.order_service import samples
from tests.order_service.clock import Clock
from tests.order_service.fulfilment.parcels import planned_order, shipped_order

EVERYBODY = Announcer(["mail"], ["file"], ["one", "two"])


def announced(draft: Draft, announcer: Announcer = EVERYBODY) -> list[tuple[str, dict[str, Any]]]:
    announcer.announce(draft)
    return [(task.kind, asdict(any_payload_of(task))) for task in draft.tasks_made]


def draft_of(order: Order) -> Draft:
    return Draft(order, "test", 2_000_000_000_000, Ids(random.Random(1)))


def test_buyer_and_merchant_are_told_of_an_effective_order() -> None:
    draft = draft_of(samples.order(state=OrderState.CONFIRMING))
    draft.move(draft.order, OrderEvent.STOCK_CONFIRMED)
    notices = [task for task in announced(draft) if task[0] != TaskKind.EVENT]
    assert notices == [
        ("NOTIFY_BUYER", {"channel": "mail", "notice": "order_confirmed", "part_id": ""}),
        (
            "NOTIFY_MERCHANT",
            {
                "channel": "file",
                "notice": "new_order",
                "merchant_id": "merchant-1",
                "part_id": "",
            },
        ),
    ]


def test_each_subscriber_is_told_of_each_move() -> None:
    order = samples.order(state=OrderState.AWAITING_PAYMENT, version=3)
    order.add(samples.payment(state=PaymentState.PENDING))
    draft = draft_of(order)
    draft.move(order.payments[0], PaymentEvent.CAPTURE)
    draft.move(order, OrderEvent.PAID)
    draft.note("only a note")
    events = [payload for kind, payload in announced(draft) if kind == TaskKind.EVENT]
    assert [(event["receiver"], event["machine"], event["to_state"]) for event in events] == [
        ("one", "payment", "CAPTURED"),
        ("two", "payment", "CAPTURED"),
        ("one", "order", "CONFIRMING"),
        ("two", "order", "CONFIRMING"),
    ]
    assert events[0]["part_id"] == "4330000000000000000-p1"
    assert events[0]["version"] == 4


def test_what_begins_is_published_too() -> None:
    draft = draft_of(samples.order())
    draft.begin()
    draft.add(samples.payment())
    draft.add(samples.incident())
    events = announced(draft, Announcer(subscribers=["one"]))
    assert [
        (event["machine"], event["event"], event["from_state"], event["to_state"])
        for _, event in events
    ] == [
        ("order", "BEGIN", None, "RESERVING"),
        ("payment", "BEGIN", None, "CREATED"),
        ("incident", "BEGIN", None, "OPEN"),
    ]


@pytest.mark.parametrize(
    ("kind", "notices"),
    [
        (IncidentKind.DELAY, ["parcel_delayed"]),
        (IncidentKind.LOSS, ["parcel_lost"]),
        (IncidentKind.DAMAGE, ["parcel_damaged"]),
        (IncidentKind.TEMPERATURE, ["parcel_damaged"]),
        (IncidentKind.UNDELIVERED, ["parcel_not_taken"]),
        (IncidentKind.RETURN, ["parcel_sent_back"]),
        (IncidentKind.WRONG_ITEM, ["parcel_incomplete"]),
        (IncidentKind.MISSING_ITEM, ["parcel_incomplete"]),
        (IncidentKind.LATE_PICK, []),
    ],
)
def test_a_buyer_is_told_once_of_a_parcel_that_is_late_or_lost(
    kind: IncidentKind, notices: list[str]
) -> None:
    draft = draft_of(samples.order())
    incident = samples.incident(kind)
    draft.add(incident)
    # The incident's desk hears that the goods could not be had again; the buyer does not.
    draft.move(incident, IncidentEvent.RESHIP)
    draft.move(incident, IncidentEvent.STOCK_SHORT)
    sent = announced(draft, Announcer(buyer_channels=["mail"]))
    assert [payload["notice"] for _, payload in sent] == notices


@pytest.mark.parametrize("kind", IncidentKind)
def test_the_merchant_of_a_parcel_hears_what_is_wrong_with_it(kind: IncidentKind) -> None:
    order = shipped_order(
        sub_orders=(
            SubOrder("4330000000000000000.1", "merchant-1", samples.order().amounts),
            SubOrder("4330000000000000000.2", "merchant-2", samples.order().amounts),
        )
    )
    order.shipments[0].sub_order_no = 1
    draft = draft_of(order)
    draft.add(samples.incident(kind))
    sent = announced(draft, Announcer(merchant_channels=["file"]))
    assert [(payload["notice"], payload["merchant_id"]) for _, payload in sent] == [
        ("parcel_in_trouble", "merchant-2")
    ]


def test_a_buyer_hears_of_goods_that_are_left_out_and_not_of_those_packed_together() -> None:
    order = planned_order()
    first = order.shipments[0]
    draft = draft_of(order)
    cancel_shipment(draft, first.shipment_id, "not found")
    sent = announced(draft, Announcer(buyer_channels=["mail"]))
    notices = [payload["notice"] for kind, payload in sent if kind == TaskKind.NOTIFY_BUYER]
    assert notices == ["parcel_left_out"]
    draft = draft_of(planned_order())
    draft.update(draft.order.shipments[1], lines=())
    draft.move(draft.order.shipments[1], ShipmentEvent.CANCEL)
    assert announced(draft, Announcer(buyer_channels=["mail"])) == []


def test_a_buyer_hears_of_a_review_by_a_person_and_of_a_correction() -> None:
    draft = draft_of(samples.order(state=OrderState.CONFIRMED))
    draft.record(Review(draft.order.order_id, "1", Verdict.WAITS, ("a remark",), "rules", "", 1))
    correct_delivery(draft, samples.DELIVERY, "c-1", "phone")
    draft.record(Remark(draft.order.order_id, "r", "staff:1", "phone", "called", 1))
    sent = announced(draft, Announcer(buyer_channels=["mail"]))
    assert [payload["notice"] for _, payload in sent] == ["order_on_hold", "delivery_corrected"]


def test_nobody_is_asked_to_pay_what_is_paid_already() -> None:
    draft = draft_of(samples.order(state=OrderState.BACKORDERED))
    draft.move(draft.order, OrderEvent.STOCK_RESERVED)
    draft.move(draft.order, OrderEvent.PAID)
    assert announced(draft, Announcer(buyer_channels=["mail"])) == []


def test_a_buyer_is_asked_to_pay_only_what_has_waited_for_stock() -> None:
    for state, heard in ((OrderState.BACKORDERED, ["payment_awaited"]), (OrderState.RESERVING, [])):
        draft = draft_of(samples.order(state=state))
        draft.move(draft.order, OrderEvent.STOCK_RESERVED)
        notices = announced(draft, Announcer(buyer_channels=["mail"]))
        assert [payload["notice"] for _, payload in notices] == heard


def test_a_merchant_hears_only_of_the_end_of_what_it_was_told_of() -> None:
    for state, count in ((OrderState.CONFIRMED, 1), (OrderState.AWAITING_PAYMENT, 0)):
        draft = draft_of(samples.order(state=state))
        draft.move(draft.order, OrderEvent.CANCEL)
        assert len(announced(draft, Announcer(merchant_channels=["file"]))) == count


def test_channels_and_subscribers_do_not_wait_for_each_other() -> None:
    draft = draft_of(samples.order(state=OrderState.CONFIRMING))
    draft.move(draft.order, OrderEvent.STOCK_CONFIRMED)
    EVERYBODY.announce(draft)
    lanes = [task.lane for task in draft.tasks_made]
    assert lanes == ["buyer:mail", "merchant:file", "event:one", "event:two"]
    assert not any(TASKS[TaskKind(task.kind)].blocks for task in draft.tasks_made)


async def test_what_a_decision_moves_is_announced_in_its_transaction(
    database: Database, clock: Clock
) -> None:
    announcer = Announcer(buyer_channels=["mail"])
    orders = Orders(database, clock, Ids(), announce=announcer.announce)
    placed = await orders.place(samples.order(), lambda _: None, "test")
    await orders.change(
        placed.order.order_id,
        lambda draft: draft.move(draft.order, OrderEvent.WAITS_FOR_STOCK),
        "test",
    )
    (task,) = (await orders.get(placed.order.order_id)).tasks
    assert (task.kind, NotifyBuyer.of(task).notice) == ("NOTIFY_BUYER", "stock_awaited")
    assert isinstance(task, Task)
