"""Where messages and events leave the order service: two ports, and what goes through them.

A message is for a person and personal; an event is for another program and is not. Both carry the
id of the task that sends them, the same each time, so that a receiver recognises a repetition.
"""

from typing import Any, Protocol

from msgspec import Struct

from order_service.notifications.notices import Notice


class Recipient(Struct, frozen=True):
    """The person that a message is for. Personal."""

    party: str
    """`buyer` or `merchant`."""
    party_id: str
    name: str = ""
    email: str = ""
    phone: str = ""


class Message(Struct, frozen=True):
    """A notice, in words. Personal: it goes to its channel, never to a log or an error."""

    message_id: str
    notice: Notice
    order_id: str
    tenant: str
    recipient: Recipient
    language: str
    subject: str
    text: str
    at_ms: int
    """The time of the move that the message is about."""


class Event(Struct, frozen=True):
    """A move of an order or of a part of it."""

    event_id: str
    type: str
    """For example `holdfast.order.v1.payment.captured`."""
    order_id: str
    tenant: str
    data: dict[str, Any]
    at_ms: int


class Channel(Protocol):
    """A way to buyers or merchants."""

    async def deliver(self, message: Message) -> None:
        """Hands a message over. Raises TryLater, GiveUp."""
        ...


class Subscriber(Protocol):
    """A program that gets the events of orders."""

    async def publish(self, event: Event) -> None:
        """Hands an event over. Raises TryLater, GiveUp."""
        ...
