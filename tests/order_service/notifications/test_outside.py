"""Receivers of notices, as the settings say: from the setting to the signed request."""

import time
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from order_service.config import Config
from order_service.outside import Outside
from serving.settings import ConfigError
from tests.order_service.notifications.messages import event, message
from tests.order_service.notifications.outlets import WebServer

SECRET = "whsec_" + "bWVzc2FnZXM" * 4


def outside_of(**settings: Any) -> Outside:
    return Outside(Config(**settings), lambda: time.time_ns() // 1_000_000)


async def test_messages_go_over_signed_webhooks(web_server: WebServer) -> None:
    outside = outside_of(notify_message_webhooks=f"{web_server.url} {SECRET}")
    announcer = outside.announcer
    assert list(announcer.buyer_channels) == list(announcer.merchant_channels)
    (name,) = announcer.buyer_channels
    assert list(announcer.subscribers) == []
    await outside.channels[name].deliver(message())
    await outside.aclose()
    ((headers, body),) = web_server.requests
    assert Webhook(SECRET).verify(body, headers)["type"] == "holdfast.order.v1.message"


async def test_events_go_to_receivers_of_events_and_messages_do_not(web_server: WebServer) -> None:
    outside = outside_of(notify_webhooks=f"{web_server.url} {SECRET}")
    assert outside.channels == {}
    (name,) = outside.announcer.subscribers
    await outside.subscribers[name].publish(event())
    await outside.aclose()
    ((headers, body),) = web_server.requests
    assert Webhook(SECRET).verify(body, headers)["type"] == "holdfast.order.v1.payment.captured"


@pytest.mark.parametrize("field", ["notify_webhooks", "notify_message_webhooks"])
@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("https://erp.example/hook", "receiver 1 is not"),
        (f"http://one.example {SECRET}, erp.example {SECRET}", "receiver 2 is not"),
        ("https://erp.example/hook whsec_a", "a secret of receiver 1 is not base64"),
    ],
)
async def test_a_receiver_that_is_none_is_refused_by_setting_and_place(
    field: str, value: str, problem: str
) -> None:
    with pytest.raises(ConfigError, match=f"HOLDFAST_{field.upper()}: .*{problem}"):
        outside_of(**{field: value})
