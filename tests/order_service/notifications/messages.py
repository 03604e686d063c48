"""Messages and events to begin a test with."""

from typing import Any

from msgspec import structs

from order_service.notifications.notices import Notice
from order_service.notifications.port import Event, Message, Recipient

AT_MS = 2_000_000_000_000
EMAIL = "li.na@example.com"


def message(email: str = EMAIL, **values: Any) -> Message:
    """A message to a buyer."""
    made = Message(
        message_id="TASK1",
        notice=Notice.ORDER_CONFIRMED,
        order_id="4330000000000000000",
        tenant="default",
        recipient=Recipient("buyer", "buyer-1", "Li Na", email, "+8613812345678"),
        language="zh",
        subject="订单 4330000000000000000 已生效",
        text="Li Na，您好：\n您的订单 4330000000000000000 已生效。\n",
        at_ms=AT_MS,
    )
    return structs.replace(made, **values)


def event() -> Event:
    """An event of a payment."""
    return Event(
        event_id="TASK2",
        type="holdfast.order.v1.payment.captured",
        order_id="4330000000000000000",
        tenant="default",
        data={"part_id": "4330000000000000000-p1"},
        at_ms=AT_MS,
    )
