import pytest

from order_service.notifications.announcing import Announcer
from order_service.notifications.compose import Composing
from order_service.notifications.handlers import NotificationTasks
from order_service.notifications.merchants import Merchant
from order_service.notifications.port import Event, Message
from order_service.notifications.texts import Language
from order_service.order.draft import Draft
from order_service.order.ids import Ids
from order_service.order.model import Task
from order_service.order.states import OrderEvent, PaymentEvent
from order_service.order.tasks import NotifyBuyer, NotifyMerchant, Payload, PublishEvent, TaskKind
from order_service.relay.handler import NotHere, TryLater, handlers_of
from order_service.storage.database import Database
from order_service.storage.orders import Orders
from tests.order_service import samples
from tests.order_service.clock import Clock
from tests.order_service.relay.world import Process, until_none_is_left
from tests.waiting import eventually

TELL_ALL = Announcer(["buyers"], ["merchants"], ["subscriber"])


MERCHANTS = {
    (tenant, "merchant-1"): Merchant("merchant-1", tenant, "M", f"m@{tenant}.example", language)
    for tenant, language in (("default", Language.ENGLISH), ("other", Language.CHINESE))
}


class Outlet:
    """Keeps the messages and events it is handed, after a number of failures."""

    def __init__(self, failures: int = 0) -> None:
        self.messages: list[Message] = []
        self.events: list[Event] = []
        self.failures = failures

    async def deliver(self, message: Message) -> None:
        self._fail()
        self.messages.append(message)

    async def publish(self, event: Event) -> None:
        self._fail()
        self.events.append(event)

    def _fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise TryLater("no answer")


def make_effective(draft: Draft) -> None:
    payment = samples.payment()
    draft.add(payment)
    draft.move(draft.order, OrderEvent.STOCK_RESERVED)
    draft.move(payment, PaymentEvent.CAPTURE)
    draft.update(payment, captured_minor=1_100, captured_currency="CNY")
    draft.move(draft.order, OrderEvent.PAID)
    draft.move(draft.order, OrderEvent.STOCK_CONFIRMED)


async def test_all_are_told_once_by_the_ids_of_their_tasks(
    database: Database, clock: Clock
) -> None:
    buyers, merchants, subscriber = Outlet(failures=1), Outlet(), Outlet()
    telling = NotificationTasks(
        {"buyers": buyers, "merchants": merchants},
        {"subscriber": subscriber},
        MERCHANTS,
        Composing(),
    )
    process = Process(database, clock, handlers_of(telling))
    writer = Orders(database, clock, Ids(), announce=TELL_ALL.announce)
    await writer.place(samples.order(), lambda _: None, "test")
    await writer.change("4330000000000000000", make_effective, "test")
    ids = {task.task_id for task in (await writer.get("4330000000000000000")).tasks}
    async with process.running():
        await eventually(lambda: bool(process.relay.counts.failed))
        clock.advance(1_000)
        await until_none_is_left(writer)
    messages = [*buyers.messages, *merchants.messages]
    assert [(message.notice, message.recipient.party_id) for message in messages] == [
        ("order_confirmed", "buyer-1"),
        ("new_order", "merchant-1"),
    ]
    assert [event.type for event in subscriber.events] == [
        "holdfast.order.v1.order.reserving",
        "holdfast.order.v1.payment.created",
        "holdfast.order.v1.order.awaiting_payment",
        "holdfast.order.v1.payment.captured",
        "holdfast.order.v1.order.confirming",
        "holdfast.order.v1.order.confirmed",
    ]
    (letter,) = merchants.messages
    assert (letter.recipient.email, letter.language) == ("m@default.example", "en")
    given = {message.message_id for message in messages} | {
        event.event_id for event in subscriber.events
    }
    assert given == ids


async def test_neither_tasks_nor_events_hold_anything_personal(
    database: Database, clock: Clock
) -> None:
    writer = Orders(database, clock, Ids(), announce=TELL_ALL.announce)
    await writer.place(samples.order(), lambda _: None, "test")
    await writer.change("4330000000000000000", make_effective, "test")
    order = await writer.get("4330000000000000000")
    subscriber = Outlet()
    publish = NotificationTasks({}, {"subscriber": subscriber}, {}, Composing()).publish
    for task in order.tasks:
        if task.kind == TaskKind.EVENT:
            await publish(order, task)
    written = str(order.tasks) + str(subscriber.events)
    for personal in (order.delivery.name, order.delivery.phone, order.delivery.email):
        assert personal not in written


async def test_an_incident_s_event_names_its_desk_and_its_parcel() -> None:
    order = samples.order()
    order.add(samples.incident())
    subscriber = Outlet()
    publish = NotificationTasks({}, {"one": subscriber}, {}, Composing()).publish
    incident_id = samples.incident().incident_id
    opened = PublishEvent("one", "incident", "BEGIN", None, "OPEN", incident_id, 2)
    await publish(order, task_of(opened))
    (event,) = subscriber.events
    assert event.type == "holdfast.order.v1.incident.open"
    about = (event.data["kind"], event.data["owner"], event.data["shipment_id"])
    assert about == ("LOSS", "carrier-desk", "4330000000000000000-s1")


def task_of(payload: Payload) -> Task:
    return Task("TASK1", "4330000000000000000", "", payload.kind, payload.text, 0, 0)


async def test_what_is_no_longer_configured_waits_for_a_person() -> None:
    telling = NotificationTasks({}, {}, {}, Composing())
    order = samples.order()
    with pytest.raises(NotHere, match="no channel mail is configured"):
        await telling.notify_buyer(order, task_of(NotifyBuyer("mail", "order_confirmed", "")))
    with pytest.raises(NotHere, match="no channel mail is configured"):
        await telling.notify_merchant(order, task_of(NotifyMerchant("mail", "new_order", "m")))
    event = PublishEvent("erp.example", "order", "BEGIN", None, "RESERVING", "", 1)
    with pytest.raises(NotHere, match=r"no receiver erp.example is configured"):
        await telling.publish(order, task_of(event))
