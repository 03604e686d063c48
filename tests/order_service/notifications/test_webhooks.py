import base64
import json
import time
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from order_service.notifications.cloud_events import JsonLines
from order_service.notifications.webhook import Receiver, WebhookSender
from order_service.relay.handler import GiveUp, TryLater
from serving.http_client import HttpClient
from tests.order_service.notifications.messages import event, message
from tests.order_service.notifications.outlets import WebServer, free_port

OLD, NEW = (f"whsec_{base64.b64encode(text * 8).decode()}" for text in (b"old", b"new"))


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def sender(http: HttpClient, url: str, *secrets: str) -> WebhookSender:
    return WebhookSender(http, Receiver(url, secrets or (OLD,)), now_ms)


async def test_an_event_is_a_signed_cloud_event(web_server: WebServer, http: HttpClient) -> None:
    await sender(http, web_server.url).publish(event())
    ((headers, body),) = web_server.requests
    assert Webhook(OLD).verify(body, headers) == {
        "specversion": "1.0",
        "id": "TASK2",
        "source": "/holdfast/orders/default",
        "type": "holdfast.order.v1.payment.captured",
        "subject": "4330000000000000000",
        "time": "2033-05-18T03:33:20.000Z",
        "datacontenttype": "application/json",
        "data": {"part_id": "4330000000000000000-p1"},
    }
    assert headers["webhook-id"] == "TASK2"
    assert headers["content-type"] == "application/cloudevents+json"


async def test_a_message_goes_whole_to_the_service_that_hands_it_on(
    web_server: WebServer, http: HttpClient
) -> None:
    await sender(http, web_server.url).deliver(message())
    ((headers, body),) = web_server.requests
    received = Webhook(OLD).verify(body, headers)
    assert (received["id"], received["type"]) == ("TASK1", "holdfast.order.v1.message")
    assert received["data"]["recipient"]["phone"] == "+8613812345678"
    assert received["data"]["subject"] == message().subject


async def test_while_a_secret_is_replaced_old_and_new_verify(
    web_server: WebServer, http: HttpClient
) -> None:
    await sender(http, web_server.url, NEW, OLD).publish(event())
    ((headers, body),) = web_server.requests
    Webhook(OLD).verify(body, headers)
    Webhook(NEW).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(base64.b64encode(b"another")).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(body.replace(b"captured", b"returned"), headers)


async def test_the_id_is_the_same_each_time_and_the_time_is_not_old(
    web_server: WebServer, http: HttpClient
) -> None:
    # An event of years from now (or ago) is sent now, and must be accepted now.
    for _ in range(2):
        await sender(http, web_server.url).publish(event())
    ids = {headers["webhook-id"] for headers, _ in web_server.requests}
    assert ids == {"TASK2"}
    for headers, body in web_server.requests:
        Webhook(OLD).verify(body, headers)


@pytest.mark.parametrize(
    ("status", "headers", "after_ms"),
    [
        (500, {}, None),
        (404, {}, None),
        (302, {"location": "http://127.0.0.1:1/"}, None),
        (429, {"retry-after": "7"}, 7_000),
        (503, {"retry-after": "9999999999999"}, 3_600_000),
        (503, {"retry-after": "Wed, 21 Oct 2037 07:28:00 GMT"}, None),
    ],
)
async def test_what_was_not_taken_is_sent_again(
    web_server: WebServer,
    http: HttpClient,
    status: int,
    headers: dict[str, str],
    after_ms: int | None,
) -> None:
    web_server.status, web_server.headers = status, headers
    with pytest.raises(TryLater) as raised:
        await sender(http, web_server.url).publish(event())
    assert raised.value.reason == f"the receiver answered {status}"
    assert raised.value.after_ms == after_ms


async def test_a_receiver_that_is_gone_for_good_is_given_up(
    web_server: WebServer, http: HttpClient
) -> None:
    web_server.status = 410
    with pytest.raises(GiveUp):
        await sender(http, web_server.url).publish(event())


async def test_a_receiver_that_is_away_or_silent_is_tried_again(
    web_server: WebServer, http: HttpClient
) -> None:
    with pytest.raises(TryLater, match="no connection to it"):
        await sender(http, f"http://127.0.0.1:{free_port()}/").publish(event())
    web_server.go_on.clear()
    with pytest.raises(TryLater, match="it did not answer in time"):
        await sender(http, web_server.url).publish(event())


async def test_for_development_all_is_written_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "sent.jsonl"
    written = JsonLines(path)
    await written.deliver(message())
    await written.publish(event())
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["id"] for line in lines] == ["TASK1", "TASK2"]
    assert lines[0]["data"]["text"] == message().text


def test_the_name_of_a_receiver_has_nothing_secret() -> None:
    receiver = Receiver("https://user:secret@erp.example:8443/hook?key=secret", (OLD,))
    assert receiver.name == "erp.example:8443/hook"


@pytest.mark.parametrize("secret", ["whsec_a", "whsec_", ""])
async def test_a_secret_that_is_none_is_refused(http: HttpClient, secret: str) -> None:
    with pytest.raises(ValueError, match=r"secret|base64"):
        sender(http, "http://erp.example/hook", secret)
