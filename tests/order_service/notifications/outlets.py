"""Real servers for mail and for webhooks, on this machine."""

import asyncio
import smtplib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from aiosmtpd.controller import Controller
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route


class MailServer:
    """Keeps the e-mails that it is given; `answers` are what it says to recipients and to data."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.to_recipient = "250 OK"
        self.to_data = "250 OK"
        self.port = 0

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, *given: Any) -> str:
        if self.to_recipient.startswith("250"):
            envelope.rcpt_tos.append(given[0])
        return self.to_recipient

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if self.to_data.startswith("250"):
            self.mails.append(envelope)
        return self.to_data


@contextmanager
def serving_mail() -> Iterator[MailServer]:
    """A mail server, as long as the block lasts."""
    server = MailServer()
    controller = Controller(server, hostname="127.0.0.1", port=free_port())
    controller.start()
    server.port = controller.port
    try:
        with smtplib.SMTP("127.0.0.1", server.port):
            yield server
    finally:
        controller.stop()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class WebServer:
    """Keeps the requests that it is sent, and answers all the same."""

    url: str = ""
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: Request) -> Response:
        """Answers a request."""
        self.requests.append((dict(request.headers), await request.body()))
        await self.go_on.wait()
        return PlainTextResponse("", self.status, self.headers)


@asynccontextmanager
async def serving_web() -> AsyncIterator[WebServer]:
    """A web server, as long as the block lasts."""
    server = WebServer()
    server.go_on.set()
    app = Starlette(routes=[Route("/hook", server.take, methods=["POST"])])
    listening = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    serving = asyncio.create_task(listening.serve())
    while not listening.started:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.01)
    port = listening.servers[0].sockets[0].getsockname()[1]
    server.url = f"http://127.0.0.1:{port}/hook"
    try:
        yield server
    finally:
        server.go_on.set()
        listening.should_exit = True
        await serving
