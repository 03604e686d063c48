"""For development: messages and events as lines of JSON in a file."""

from pathlib import Path

from order_service.notifications import cloud_events
from order_service.notifications.port import Event, Message


class JsonLines:
    """A channel and a subscriber that only writes down. Its file is personal, as messages are."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def deliver(self, message: Message) -> None:
        """See `Channel`."""
        self._append(cloud_events.of_message(message))

    async def publish(self, event: Event) -> None:
        """See `Subscriber`."""
        self._append(cloud_events.of_event(event))

    def _append(self, line: bytes) -> None:
        # One write each, at the end of the file: lines of several processes do not mix.
        with self._path.open("ab", buffering=0) as file:
            file.write(line + b"\n")
