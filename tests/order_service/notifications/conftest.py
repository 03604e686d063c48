"""The outside of notifications: servers of the test's own."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import pytest

from serving.http_client import HttpClient
from tests.order_service.notifications.outlets import (
    MailServer,
    WebServer,
    serving_mail,
    serving_web,
)


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    """A mail server."""
    with serving_mail() as server:
        yield server


@pytest.fixture
async def web_server() -> AsyncIterator[WebServer]:
    """A web server."""
    async with serving_web() as server:
        yield server


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    """A client that waits for three seconds."""
    async with aclosing(HttpClient(silence_s_max=3.0)) as client:
        yield client
