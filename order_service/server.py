"""The life of the order service's process: open the database, start, serve, drain, stop."""

import asyncio
import os
from typing import Any

import structlog
import uvicorn
from prometheus_client import CollectorRegistry

from order_service.app import App, build
from order_service.config import Config
from order_service.storage.database import StorageUnavailable, StorageUnsafe
from order_service.storage.migrate import migrate
from serving import logs
from serving.metrics import serve_metrics
from serving.settings import host_and_port, name_of
from serving.signals import Signals
from serving.start import EXIT_STORE_UNREACHABLE, StartError

log = structlog.get_logger()


async def run(config: Config) -> None:
    """Serves until SIGTERM or SIGINT. Raises StartError."""
    logs.configure(config.log_level, personal=True)
    signals = Signals(lambda: None, with_stdin=config.stop_with_stdin)
    registry = CollectorRegistry()
    app = build(config, registry)
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
    callbacks = _CallbackServer(app)
    await callbacks.begin()
    await app.start()
    target = f"{host_and_port(config.orders_listen)[0]}:{port}"
    log.info("ready", target=target, callbacks=callbacks.url, pid=os.getpid())
    print(f"Orders are ready on {target} (callbacks on {callbacks.url})", flush=True)
    try:
        await stopping.wait()
    finally:
        log.info("draining")
        await app.drain()
        await callbacks.end()


class _CallbackServer:
    """uvicorn in this process's loop, without signal handlers of its own."""

    def __init__(self, app: App) -> None:
        config = app.config
        self._address = config.callbacks_listen
        host, port = host_and_port(config.callbacks_listen)
        self._server = uvicorn.Server(
            uvicorn.Config(
                app.callbacks,
                host=host.strip("[]"),
                port=port,
                log_config=None,
                log_level="warning",
                access_log=False,
                lifespan="off",
                ssl_certfile=config.callbacks_tls_certificate or None,
                ssl_keyfile=config.callbacks_tls_key or None,
            )
        )
        self._scheme = "https" if config.callbacks_tls_certificate else "http"
        self.url = ""

    async def begin(self) -> None:
        """Listens. Raises StartError."""
        self._server.config.load()
        self._server.lifespan = self._server.config.lifespan_class(self._server.config)
        try:
            await self._server.startup()
        except SystemExit as error:  # uvicorn's way to say that the address is taken
            raise StartError.cannot_listen(name_of("callbacks_listen"), self._address) from error
        listening: Any = self._server.servers[0].sockets[0].getsockname()
        self.url = f"{self._scheme}://{listening[0]}:{listening[1]}"
        self._serving = asyncio.ensure_future(self._server.main_loop())

    async def end(self) -> None:
        """Answers what is under way, and listens no more."""
        self._server.should_exit = True
        await self._serving
        await self._server.shutdown()
