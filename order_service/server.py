"""The life of the order service's process: open the database, start, serve, drain, stop."""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog
import uvicorn
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from order_service.app import App
from order_service.config import Config
from order_service.storage.database import StorageUnavailable, StorageUnsafe
from order_service.storage.migrate import migrate
from serving import logs
from serving.heart import begin_to_beat
from serving.http_server import http_config
from serving.metrics import serve_metrics
from serving.open_ports import warn_if_open
from serving.settings import host_and_port, name_of
from serving.signals import Signals
from serving.start import EXIT_STORE_UNREACHABLE, StartError

log = structlog.get_logger()

STARTED_POLL_S: Final = 0.01


async def run(config: Config) -> None:
    """Serves until SIGTERM or SIGINT. Raises StartError."""
    logs.configure(config.log_level, personal=True)
    signals = Signals(lambda: None, with_stdin=config.stop_with_stdin)
    registry = CollectorRegistry()
    app = App(config, registry)
    serve_metrics(registry, name_of("orders_metrics_listen"), config.orders_metrics_listen)
    try:
        await _open(app)
        await _serve(app, signals.stopping)
    finally:
        await app.close()
    log.info("stopped")


async def _open(app: App) -> None:
    """Makes sure that the database is there, safe, and of this version's schema."""
    try:
        await app.database.check()
        await app.clock.look()
        await migrate(app.database)
    except StorageUnsafe as error:
        raise StartError(f"the database is not safe for orders: {error}") from error
    except StorageUnavailable as error:
        raise StartError(
            f"the database at {name_of('database_url')} does not answer ({error}). Start it, or "
            "correct the URL",
            EXIT_STORE_UNREACHABLE,
        ) from error


async def _serve(app: App, stopping: asyncio.Event) -> None:
    config = app.config
    try:
        port = app.grpc_server.add_insecure_port(config.orders_listen)
    except RuntimeError as error:
        raise StartError.cannot_listen(name_of("orders_listen"), config.orders_listen) from error
    callbacks = CallbackServer(app.callbacks, config)
    await callbacks.begin()
    await app.start()
    target = f"{host_and_port(config.orders_listen)[0]}:{port}"
    _warn_of_open_ports(config)
    log.info("ready", target=target, callbacks=callbacks.url, pid=os.getpid())
    print(f"Orders are ready on {target} (callbacks on {callbacks.url})", flush=True)
    if config.beat:
        begin_to_beat(lambda: not app.loops.hanging)
    try:
        await stopping.wait()
    finally:
        log.info("draining")
        await app.drain()
        await callbacks.end()


def _warn_of_open_ports(config: Config) -> None:
    can = "can read, place, cancel and refund orders, with names and addresses in plain text"
    warn_if_open(name_of("orders_listen"), config.orders_listen, can)
    if not config.callbacks_tls_certificate:
        can = "sees callbacks in plain text"
        warn_if_open(name_of("callbacks_listen"), config.callbacks_listen, can)


class _Uvicorn(uvicorn.Server):
    """A server that leaves signals to the process, which has handlers of its own."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures none."""
        yield


class CallbackServer:
    """uvicorn in this process's loop."""

    def __init__(self, callbacks: Starlette, config: Config) -> None:
        self._address = config.callbacks_listen
        self._server = _Uvicorn(
            http_config(
                callbacks,
                log_config=None,
                lifespan="off",
                ssl_certfile=config.callbacks_tls_certificate or None,
                ssl_keyfile=config.callbacks_tls_key or None,
            )
        )
        self._scheme = "https" if config.callbacks_tls_certificate else "http"
        self.url = ""

    async def begin(self) -> None:
        """Listens. Raises StartError."""
        try:
            sockets = await _listening(*host_and_port(self._address))
        except OSError as error:
            raise StartError.cannot_listen(name_of("callbacks_listen"), self._address) from error
        host, port = sockets[0].getsockname()[:2]
        self.url = f"{self._scheme}://{host}:{port}"
        self._serving = asyncio.ensure_future(self._server.serve(sockets))
        while not self._server.started:
            await asyncio.wait([self._serving], timeout=STARTED_POLL_S)
            if self._serving.done():
                for each in sockets:
                    each.close()
                await self._serving  # raises, such as for a certificate that cannot be read

    async def end(self) -> None:
        """Answers what is under way, and listens no more."""
        self._server.should_exit = True
        await self._serving


async def _listening(host: str, port: int) -> list[socket.socket]:
    """A socket for each address of a host. Raises OSError."""
    addresses = await asyncio.get_running_loop().getaddrinfo(
        host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    return [socket.create_server(address, family=family) for family, *_, address in addresses]
