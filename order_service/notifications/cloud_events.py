"""The envelope of what is sent to other programs: CloudEvents 1.0, as JSON."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from order_service.notifications.port import Event, Message

CONTENT_TYPE = "application/cloudevents+json"
MESSAGE_TYPE = "holdfast.order.v1.message"


class CloudEvent(msgspec.Struct, frozen=True):
    """The attributes of an event, and what it tells."""

    id: str
    source: str
    type: str
    subject: str
    time: str
    data: dict[str, Any]
    specversion: str = "1.0"
    datacontenttype: str = "application/json"


def of_event(event: Event) -> bytes:
    """An event, as it is sent."""
    return _envelope(
        event.event_id, event.type, event.tenant, event.order_id, event.at_ms, event.data
    )


def of_message(message: Message) -> bytes:
    """A message, as it is sent to a program that hands it on, such as a gateway for texts."""
    data = msgspec.to_builtins(message)
    return _envelope(
        message.message_id, MESSAGE_TYPE, message.tenant, message.order_id, message.at_ms, data
    )


def _envelope(
    event_id: str, kind: str, tenant: str, order_id: str, at_ms: int, data: dict[str, Any]
) -> bytes:
    at = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=at_ms)
    return msgspec.json.encode(
        CloudEvent(
            id=event_id,
            source=f"/holdfast/orders/{tenant}",
            type=kind,
            subject=order_id,
            time=at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            data=data,
        )
    )
