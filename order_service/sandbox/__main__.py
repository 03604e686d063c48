"""`python -m order_service.sandbox`: the outside world on one port, each part under its own path.

Prints one line when it serves. Everything it does is pretended; it listens on this machine only,
unless an option says otherwise.
"""

import argparse
import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route

from order_service.sandbox.carrier import SandboxCarrierApp
from order_service.sandbox.provider import SandboxProviderApp
from order_service.sandbox.start_page import SHOWN_MAX, start_page
from serving.heart import begin_to_beat
from serving.http_server import http_config
from serving.open_ports import warn_if_open
from serving.private_files import keep_private, private_directory, private_file

STDIN_BYTES: Final = 1_024
API_KEY: Final = "sandbox"
SECRET: Final = "whsec_c2FuZGJveC1zYW5kYm94LXNhbmRib3gh"
KEY_SETTING: Final = "HOLDFAST_SANDBOX_API_KEY"
SECRETS_SETTING: Final = "HOLDFAST_SANDBOX_SECRETS"


def build(options: argparse.Namespace) -> Starlette:
    """The provider and the carrier in one app."""
    common: dict[str, Any] = {
        "api_key": options.api_key,
        "secret": options.secret,
        "clock_ms": _now_ms,
        "seed": options.seed,
    }
    provider = SandboxProviderApp(
        callback_url=options.payment_callbacks, path=_file(options, "provider.db"), **common
    )
    carrier = SandboxCarrierApp(
        callback_url=options.carrier_callbacks,
        path=_file(options, "carrier.db"),
        deliver_ms=options.deliver_ms,
        **common,
    )

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        carrier.start()
        yield
        await provider.aclose()
        await carrier.aclose()

    async def start(_request: Request) -> HTMLResponse:
        shown = provider.books.newest(SHOWN_MAX), carrier.books.newest(SHOWN_MAX)
        return HTMLResponse(start_page(*shown))

    routes = [
        Route("/", start),
        Mount("/provider", app=provider.app),
        Mount("/carrier", app=carrier.app),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


async def serve(options: argparse.Namespace) -> None:
    """Serves until SIGTERM or SIGINT, or until standard input ends where that is asked for."""
    host, _, port = options.listen.rpartition(":")
    config = http_config(build(options), host=host, port=int(port))
    server = _AnnouncedServer(config)
    server.beats = options.beat
    if options.stop_with_stdin:
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), server.read_stdin)
    try:
        listening = socket.create_server((host, int(port)))
    except OSError as error:
        sys.exit(
            f"holdfast: the sandbox cannot listen on {options.listen} ({error.strerror}); another "
            "program may have the port. Stop it or choose another with --listen"
        )
    warn_if_open("--listen", options.listen, "sees what is pretended, with the key also steers it")
    await server.serve([listening])


class _AnnouncedServer(uvicorn.Server):
    beats = False

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            address = self.servers[0].sockets[0].getsockname()
            print(f"sandbox at http://{address[0]}:{address[1]}", flush=True)
            if self.beats:
                begin_to_beat(lambda: True)

    def read_stdin(self) -> None:
        """Stops when the process that started the sandbox is gone."""
        if not os.read(sys.stdin.fileno(), STDIN_BYTES):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            self.should_exit = True


def options_from(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m order_service.sandbox", description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1:7650", help="host:port; port 0: a free one")
    parser.add_argument("--data-dir", type=Path, help="keep its books here; else in memory")
    parser.add_argument("--seed", type=int, default=0, help="of what goes wrong, and when")
    parser.add_argument("--api-key", help=f"visible to others: set {KEY_SETTING} instead")
    parser.add_argument("--secret", help=f"visible to others: set {SECRETS_SETTING} instead")
    parser.add_argument("--payment-callbacks", default="", help="the URL for callbacks of payments")
    parser.add_argument("--carrier-callbacks", default="", help="the URL for callbacks of parcels")
    parser.add_argument(
        "--deliver-ms",
        type=int,
        default=0,
        help="how long every parcel takes; 0: as long as its service promises",
    )
    parser.add_argument(
        "--stop-with-stdin", action="store_true", help="stop when standard input ends"
    )
    parser.add_argument(
        "--beat", action="store_true", help="write an empty line on standard output every second"
    )
    options = parser.parse_args(arguments)
    for given, setting in ((options.api_key, KEY_SETTING), (options.secret, SECRETS_SETTING)):
        if given:
            print(
                f"sandbox: others can see a secret in an argument (ps); set {setting}",
                file=sys.stderr,
            )
    options.api_key = options.api_key or os.environ.get(KEY_SETTING) or API_KEY
    newest = os.environ.get(SECRETS_SETTING, "").split(",")[0].strip()
    options.secret = options.secret or newest or SECRET
    return options


def _file(options: argparse.Namespace, name: str) -> str:
    if options.data_dir is None:
        return ""
    path = private_directory(options.data_dir) / name
    private_file(path)
    return str(path)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    keep_private()
    asyncio.run(serve(options_from()))
