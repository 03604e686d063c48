"""The outside of notifications: servers of the test's own."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

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
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """A client that waits for three seconds."""
    async with httpx.AsyncClient(timeout=3) as client:
        yield client
