"""The life of a server process: open the store, start, serve, drain, stop."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import structlog
from redis import exceptions

from engine.store.reports import StoreStartFailed
from server import logs
from server.app import App, build, open_store
from server.config import Config

log = structlog.get_logger()

EXIT_REFUSED = 1
EXIT_STORE_UNREACHABLE = 3


class StartError(Exception):
    """The server did not start; the message says why and what to do, `exit_code` how it ends."""

    def __init__(self, message: str, exit_code: int = EXIT_REFUSED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


async def run(config: Config) -> None:
    """Serves until SIGTERM or SIGINT. Raises StartError."""
    logs.configure(config.log_level)
    stopping = _stop_signals(config)
    try:
        store_url, stop_store = await open_store(config)
    except StoreStartFailed as error:
        raise StartError(str(error)) from error
    try:
        app = _built(config, store_url)
        try:
            await _start(app)
            ready_file = _announce(app)
            await stopping.wait()
            if ready_file is not None:
                ready_file.unlink(missing_ok=True)
            await _drain(app)
        finally:
            await app.watch.stop()
            await app.client.aclose()
    finally:
        await stop_store()
    log.info("stopped")


def _built(config: Config, store_url: str) -> App:
    try:
        return build(config, store_url)
    except ValueError as error:
        raise StartError(f"HOLDFAST_REDIS_URL: {error}") from error


def _stop_signals(config: Config) -> asyncio.Event:
    """An event that is set when the process is asked to stop."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    if config.stop_with_stdin:

        def read() -> None:
            if not os.read(sys.stdin.fileno(), 1024):
                loop.remove_reader(sys.stdin.fileno())
                stopping.set()

        loop.add_reader(sys.stdin.fileno(), read)
    return stopping


async def _start(app: App) -> None:
    try:
        weaknesses = await app.watch.look()
    except (exceptions.RedisError, OSError) as error:
        raise StartError(
            f"the store at HOLDFAST_REDIS_URL does not answer ({type(error).__name__}: {error}). "
            "Start it, or correct the URL",
            EXIT_STORE_UNREACHABLE,
        ) from error
    if weaknesses:
        problems = "".join(f"\n  {weakness}" for weakness in weaknesses)
        raise StartError(
            f"the store is not safe for stock:{problems}\n"
            f"HOLDFAST_DURABILITY says which level it must keep; now it is {app.config.durability}"
        )
    app.bound_port = _bind(app)
    app.engine.start()
    await app.watch.start()
    await app.grpc_server.start()


def _bind(app: App) -> int:
    try:
        return int(app.grpc_server.add_insecure_port(app.config.listen))
    except RuntimeError as error:
        raise StartError(
            f"HOLDFAST_LISTEN: cannot listen on {app.config.listen}; another server may have the "
            "port. Stop it or choose another port"
        ) from error


def _announce(app: App) -> Path | None:
    """Says that the server is ready; a server with a store of its own says so in a file, too."""
    target = f"{app.config.host_and_port[0]}:{app.bound_port}"
    ready_file = None
    if not app.config.redis_url:
        ready_file = Path(app.config.data_dir) / "server.json"
        unfinished = ready_file.with_suffix(".new")
        unfinished.write_text(json.dumps({"pid": os.getpid(), "target": target}))
        unfinished.replace(ready_file)
    log.info("ready", target=target, pid=os.getpid(), store=app.watch.store)
    print(f"Holdfast is ready on {target} ({app.watch.store}, {app.watch.durability})", flush=True)
    return ready_file


async def _drain(app: App) -> None:
    """Health checks fail first, then nothing new is taken, then what is under way ends."""
    log.info("draining")
    await app.watch.stop()
    await app.health.enter_graceful_shutdown()
    await app.grpc_server.stop(app.config.drain_ms / 1000)
    await app.engine.drain()
