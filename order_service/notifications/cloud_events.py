"""Messages and events as other programs get them: CloudEvents 1.0, as JSON; and a file of them."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from order_service.notifications.port import Event, Message

CONTENT_TYPE = "application/cloudevents+json"
MESSAGE_TYPE = "holdfast.order.v1.message"


def of_event(event: Event) -> bytes:
    """An event, as it is sent."""
    return _envelope(event, event.event_id, event.type, event.data)


def of_message(message: Message) -> bytes:
    """A message, as it is sent to a program that hands it on, such as a gateway for texts."""
    return _envelope(message, message.message_id, MESSAGE_TYPE, msgspec.to_builtins(message))


def _envelope(
    content: Event | Message, event_id: str, event_type: str, data: dict[str, Any]
) -> bytes:
    at = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=content.at_ms)
    attributes = {
        "id": event_id,
        "source": f"/holdfast/orders/{content.tenant}",
        "type": event_type,
        "subject": content.order_id,
        "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "data": data,
        "specversion": "1.0",
        "datacontenttype": "application/json",
    }
    return msgspec.json.encode(attributes)


class JsonLines:
    """A channel and a subscriber for development, that only writes down: lines in a file.

    The file is personal, as messages are.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    async def deliver(self, message: Message) -> None:
        """See `Channel`."""
        self._append(of_message(message))

    async def publish(self, event: Event) -> None:
        """See `Subscriber`."""
        self._append(of_event(event))

    def _append(self, line: bytes) -> None:
        # One write each, at the end of the file: lines of several processes do not mix.
        # It may have been moved away meanwhile, and is made anew as private as it was.
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(file, line + b"\n")
        finally:
            os.close(file)
