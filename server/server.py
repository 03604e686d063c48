"""The life of a server process: open the store, start, serve, drain, stop."""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

import structlog
from prometheus_client import CollectorRegistry
from redis import exceptions

from engine.causes import explained
from engine.errors import EngineError
from engine.link import connect
from engine.seen import Place
from server.app import App
from server.config import Config
from server.metrics import ServerMetrics, WholeMetrics, counted_in_files
from server.start import announced, opened_place, opened_store
from serving import logs
from serving.heart import begin_to_beat
from serving.metrics import serve_metrics
from serving.settings import name_of
from serving.signals import Signals
from serving.start import EXIT_STORE_UNREACHABLE, StartError

log = structlog.get_logger()

# Says that the server is ready while the context lasts: of its target, and of its store.
Announce = Callable[[str, str], AbstractContextManager[None]]


async def run(config: Config) -> None:
    """Serves, alone on its port, until SIGTERM or SIGINT. Raises StartError."""
    logs.configure(config.log_level)
    signals = Signals(_nothing_to_roll, with_stdin=config.stop_with_stdin)
    registry = CollectorRegistry()
    whole = WholeMetrics(registry, config.workers)
    serve_metrics(registry, name_of("metrics_listen"), config.metrics_listen)
    async with opened_store(config, whole.store_restarts.inc) as store_url:
        with opened_place(config) as place:
            app = _built(config, store_url, place, ServerMetrics(registry), shares_port=False)
            await _serve(app, signals.stopping, partial(_announced_alone, app))
    log.info("stopped")


async def run_worker(config: Config, number: int) -> None:
    """Serves beside other workers, for the supervisor that started it. Raises StartError."""
    logs.configure(config.log_level)
    structlog.contextvars.bind_contextvars(worker=number)
    signals = Signals(_nothing_to_roll, with_stdin=config.stop_with_stdin)
    counted = counted_in_files(number) if config.metrics_listen else nullcontext()
    with counted, opened_place(config) as place:
        metrics = ServerMetrics(CollectorRegistry())
        app = _built(config, config.redis_url, place, metrics, shares_port=True)
        await _serve(app, signals.stopping, partial(_announced_to_supervisor, app))
    log.info("stopped")


def _nothing_to_roll() -> None:
    log.info("SIGHUP has no effect: only the supervisor of several workers rolls them")


def _built(
    config: Config, store_url: str, place: Place, metrics: ServerMetrics, *, shares_port: bool
) -> App:
    try:
        return App(config, connect(store_url), place, metrics, shares_port=shares_port)
    except ValueError as error:
        raise StartError(f"HOLDFAST_REDIS_URL: {error}") from error


async def _serve(app: App, stopping: asyncio.Event, announce: Announce) -> None:
    queue_watch = asyncio.create_task(app.metrics.watch_queue(lambda: app.engine.queued_commands))
    try:
        await _start(app)
        target = f"{app.config.host_and_port[0]}:{app.bound_port}"
        with announce(target, f"{app.watch.store}, {app.watch.durability}"):
            await stopping.wait()
        await _drain(app)
    finally:
        queue_watch.cancel()
        await app.watch.stop()
        await app.client.aclose()


async def _start(app: App) -> None:
    try:
        weaknesses = await app.watch.look()
    except (exceptions.RedisError, OSError) as error:
        raise StartError(
            f"HOLDFAST_REDIS_URL: {explained(error)} ({type(error).__name__}: {error})",
            EXIT_STORE_UNREACHABLE,
        ) from error
    if weaknesses:
        problems = "".join(f"\n  {weakness}" for weakness in weaknesses)
        raise StartError(
            f"the store is not safe for stock:{problems}\n"
            f"HOLDFAST_DURABILITY says which level it must keep; now it is {app.config.durability}"
        )
    try:
        app.bound_port = app.grpc_server.add_insecure_port(app.config.listen)
    except RuntimeError as error:
        raise StartError.cannot_listen("HOLDFAST_LISTEN", app.config.listen) from error
    try:
        await app.engine.recognise_store()
    except EngineError as error:
        raise StartError(f"the store cannot be read: {error}", EXIT_STORE_UNREACHABLE) from error
    app.engine.start()
    await app.watch.start()
    await app.grpc_server.start()


@contextmanager
def _announced_alone(app: App, target: str, about: str) -> Iterator[None]:
    with announced(app.config, target, about):
        if app.config.beat:
            begin_to_beat(app.engine.is_well)
        yield


@contextmanager
def _announced_to_supervisor(app: App, _target: str, about: str) -> Iterator[None]:
    """Prints a worker's first line of output, and then one after the other (see `Workers._run`).

    The second goes with the first: a worker that is ready has been heard.
    """
    log.info("ready", pid=os.getpid())
    print(f"{about}\n", flush=True)
    begin_to_beat(app.engine.is_well)
    yield


async def _drain(app: App) -> None:
    """Fails health checks first, then takes no new call, then ends the calls under way."""
    log.info("draining")
    app.metrics.serving(False)
    await app.watch.stop()
    await app.health.enter_graceful_shutdown()
    await app.grpc_server.stop(app.config.drain_ms / 1000)
    await app.engine.drain()
