"""Messages and events to a program over HTTP, signed as Standard Webhooks has it.

The signature covers id, time and body, so that a receiver can tell what is forged, and what is
old. While a secret is replaced each request carries a signature by the old and by the new one.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import urlsplit

from msgspec import Struct
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from order_service.notifications import cloud_events
from order_service.notifications.port import Event, Message
from order_service.relay.handler import GiveUp, TryLater
from serving.http_client import Answer, HttpClient, Unanswered

RETRY_AFTER_S_MAX = 3_600


class Receiver(Struct, frozen=True):
    """A program that is sent to, and the secrets with which requests to it are signed."""

    url: str
    secrets: tuple[str, ...]
    """Each in base64, with or without `whsec_` before it."""

    @property
    def name(self) -> str:
        """Host, port and path of the URL, without what may be secret in it.

        Tasks have it, so it must not change with what else is configured.
        """
        parts = urlsplit(self.url)
        return parts.netloc.rpartition("@")[2] + parts.path


class WebhookSender:
    """A channel and a subscriber. `http` is shared, and is closed by its maker."""

    def __init__(self, http: HttpClient, receiver: Receiver, clock_ms: Callable[[], int]) -> None:
        """Raises ValueError for a secret that is not base64."""
        self._http = http
        self._url = receiver.url
        try:
            self._signers = [Webhook(secret) for secret in receiver.secrets]
        except EmptyWebhookSecretError as error:
            raise ValueError("a secret is empty") from error
        self._clock_ms = clock_ms

    async def deliver(self, message: Message) -> None:
        """See `Channel`."""
        await self._post(message.message_id, cloud_events.of_message(message))

    async def publish(self, event: Event) -> None:
        """See `Subscriber`."""
        await self._post(event.event_id, cloud_events.of_event(event))

    async def _post(self, webhook_id: str, body: bytes) -> None:
        headers = self._signed(webhook_id, body)
        try:
            # Its answer's body is nobody's business.
            answer = await self._http.send(
                "POST", self._url, body=body, headers=headers, wants_body=False
            )
        except Unanswered as error:
            raise TryLater(f"the receiver cannot be reached: {error}") from None
        _check(answer)

    def _signed(self, webhook_id: str, body: bytes) -> dict[str, str]:
        at = datetime.fromtimestamp(self._clock_ms() // 1_000, UTC)
        text = body.decode()
        return {
            "content-type": cloud_events.CONTENT_TYPE,
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(
                signer.sign(webhook_id, at, text) for signer in self._signers
            ),
        }


def _check(answer: Answer) -> None:
    if answer.is_success:
        return
    if answer.status == HTTPStatus.GONE:
        raise GiveUp("the receiver is gone for good: it answered 410")
    raise TryLater(f"the receiver answered {answer.status}", _retry_after_ms(answer))


def _retry_after_ms(answer: Answer) -> int | None:
    seconds = answer.headers.get("retry-after", "")
    if not (seconds.isascii() and seconds.isdigit()):  # a date, or nothing: the back-off decides
        return None
    return min(int(seconds[:9]), RETRY_AFTER_S_MAX) * 1_000
