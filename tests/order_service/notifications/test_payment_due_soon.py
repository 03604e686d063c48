"""Buyers who have not paid are reminded once; a refund says what becomes of the goods (B19)."""

from functools import partial

import pytest

from order_service.fulfilment.giving_away import give_away
from order_service.fulfilment.warehouse import hand_over
from order_service.notifications.announcing import Announcer
from order_service.notifications.compose import About, Composing, for_buyer
from order_service.notifications.handlers import NotificationTasks
from order_service.notifications.notices import Notice
from order_service.notifications.port import Message
from order_service.notifications.texts import GOODS, Goods, Language
from order_service.order.draft import Draft
from order_service.order.model import Order
from order_service.order.states import OrderEvent, OrderState
from order_service.order.tasks import RemindToPay, TaskKind, todos
from order_service.payment.facts import learn
from order_service.payment.refund_requests import AskedUnits
from tests.order_service import samples
from tests.order_service.clock import START_MS
from tests.order_service.fulfilment.parcels import decided, labelled, planned_order
from tests.order_service.fulfilment.test_refunded_units import refund
from tests.order_service.payment.orders import DUE_MS, attempted, captured, drafted, unpaid

BEFORE_MS = 300_000
TELL = Announcer(buyer_channels=["mail", "text"], payment_notice_ms=BEFORE_MS)


class Outlet:
    """Keeps the messages it is handed."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def deliver(self, message: Message) -> None:
        self.messages.append(message)


def reserved(due_ms: int = DUE_MS) -> Draft:
    """An order whose stock has just been reserved."""
    draft = drafted(samples.order(state=OrderState.RESERVING))
    draft.move(draft.order, OrderEvent.STOCK_RESERVED)
    draft.update(draft.order, payment_due_at_ms=START_MS + due_ms)
    return draft


def reminders(order: Order) -> list[tuple[str, int]]:
    return [(todo.payload.channel, todo.task.due_at_ms) for todo in todos(order, RemindToPay)]


def test_each_channel_reminds_once_before_the_order_is_closed() -> None:
    draft = reserved()
    TELL.announce(draft)
    at_ms = START_MS + DUE_MS - BEFORE_MS
    assert reminders(draft.order) == [("mail", at_ms), ("text", at_ms)]
    later = drafted(draft.order)
    later.note("something else")
    TELL.announce(later)
    assert not later.tasks_made
    # Another method gives more time.
    later.update(later.order, payment_due_at_ms=START_MS + 2 * DUE_MS)
    TELL.announce(later)
    assert {due_ms for _, due_ms in reminders(later.order)} == {at_ms + DUE_MS}
    # One that was sent is not sent again.
    later.forget(TaskKind.REMIND_TO_PAY)
    later.update(later.order, payment_due_at_ms=START_MS + 3 * DUE_MS)
    TELL.announce(later)
    assert not reminders(later.order)


@pytest.mark.parametrize("due_ms", [1, BEFORE_MS, BEFORE_MS + 1])
def test_a_method_with_no_more_time_than_that_is_not_reminded_of(due_ms: int) -> None:
    draft = reserved(due_ms)
    TELL.announce(draft)
    assert bool(reminders(draft.order)) == (due_ms > BEFORE_MS)
    draft = reserved()
    Announcer(buyer_channels=["mail"]).announce(draft)
    assert not reminders(draft.order)


def test_an_order_that_is_paid_is_not_reminded_of() -> None:
    draft = reserved()
    TELL.announce(draft)
    paying = drafted(draft.order)
    paying.order.payment_method = "sandbox_card"
    learn(paying, "sandbox", captured(attempted(paying)))
    TELL.announce(paying)
    assert not reminders(paying.order)


@pytest.mark.parametrize("paying", [False, True])
async def test_whoever_is_paying_is_left_alone(paying: bool) -> None:
    draft = drafted(unpaid())
    draft.send(RemindToPay("mail"))
    if paying:
        attempted(draft)
    outlet = Outlet()
    tasks = NotificationTasks({"mail": outlet}, {}, {}, Composing())
    (todo,) = todos(draft.order, RemindToPay)
    await tasks.remind_to_pay(draft.order, todo.task)
    assert [message.notice for message in outlet.messages] == [Notice.PAYMENT_DUE_SOON] * (
        not paying
    )
    draft.order.state = OrderState.EXPIRED
    await tasks.remind_to_pay(draft.order, todo.task)
    assert len(outlet.messages) == (not paying)


def goods_of(order: Order) -> Goods:
    """The words on goods in the message about the last refund."""
    about = About("T", Notice.MONEY_REFUNDED, order, order.refunds[-1].refund_id, START_MS)
    text = for_buyer(about, Composing()).text
    (found,) = [goods for goods in Goods if GOODS[goods][Language.CHINESE] in text]
    return found


def test_a_refund_says_what_becomes_of_the_goods() -> None:
    order = planned_order()
    first, second = order.shipments
    refund(order, "a present", 100, goodwill=True)
    assert goods_of(order) is Goods.UNCHANGED
    refund(order, "one stays", 0, AskedUnits(1, 1))
    assert goods_of(order) is Goods.NOT_SENT
    decided(order, partial(give_away, shipment_id=second.shipment_id, why="a present"))
    refund(order, "given", 0, AskedUnits(2, 1))
    assert goods_of(order) is Goods.GIVEN
    labelled(order, first)
    decided(order, partial(hand_over, shipment_id=first.shipment_id))
    refund(order, "broken", 0, AskedUnits(1, 1))
    assert goods_of(order) is Goods.SENT
    order = planned_order()
    refund(order, "all")
    assert goods_of(order) is Goods.NOTHING_SENT
