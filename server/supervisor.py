"""The life of a supervisor: keep the port, open the store, run the workers, drain, stop."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from functools import partial

import structlog
from prometheus_client import CollectorRegistry

from holdfast.programs import program_command, program_environment
from server.config import Config
from server.metrics import WholeMetrics, files_of_workers, forget_gauges
from server.port import kept_port
from server.start import announced, opened_store, shared_place
from server.workers import Workers
from serving import logs
from serving.heart import begin_to_beat
from serving.metrics import serve_metrics
from serving.processes import HOME, ChildProcess, DidNotStart
from serving.settings import name_of
from serving.signals import Signals
from serving.start import EXIT_REFUSED, StartError

log = structlog.get_logger()

# How long a worker may take to end when the calls under way have had their `drain_ms`.
END_S_MAX = 10.0


async def supervise(config: Config, environment: Mapping[str, str]) -> None:
    """Serves with `config.workers` processes until SIGTERM or SIGINT; SIGHUP replaces them.

    `environment` is handed on to them. Raises StartError.
    """
    logs.configure(config.log_level)
    rolling = asyncio.Event()
    signals = Signals(rolling.set, with_stdin=config.stop_with_stdin)
    registry = CollectorRegistry()
    metrics = WholeMetrics(registry, config.workers)
    host, port_wanted = config.host_and_port
    with ExitStack() as stack:
        port = stack.enter_context(kept_port(host, port_wanted))
        files = stack.enter_context(files_of_workers(registry, config))
        serve_metrics(registry, name_of("metrics_listen"), config.metrics_listen)
        async with opened_store(config, metrics.store_restarts.inc) as store_url:
            target = f"{host}:{port}"
            seen_dir = stack.enter_context(shared_place(config))
            workers = Workers(
                _launcher(environment, target, store_url, seen_dir, files),
                on_restart=metrics.worker_restarts.inc,
                on_end=partial(forget_gauges, files),
                drain_s_max=config.drain_ms / 1000 + END_S_MAX,
            )
            life = asyncio.create_task(_live(workers, config, target, rolling))
            await _until(signals.stopping, life)
            log.info("draining")
            life.cancel()
            await workers.stop()
            with suppress(asyncio.CancelledError):
                await life
    log.info("stopped")


def _launcher(
    environment: Mapping[str, str], target: str, store_url: str, seen_dir: str, metrics_files: str
) -> Callable[[int], ChildProcess]:
    """The function that starts the worker of a number, on the kept port and the given store.

    A worker takes the end of its standard input, which comes when this process ends, as a wish to
    stop.
    """
    settings = {
        "HOLDFAST_LISTEN": target,
        "HOLDFAST_REDIS_URL": store_url,
        "HOLDFAST_SEEN_DIR": seen_dir,
        "HOLDFAST_STOP_WITH_STDIN": "true",
    }
    if metrics_files:
        settings["PROMETHEUS_MULTIPROC_DIR"] = metrics_files
    environment = program_environment({**environment, **settings}, HOME)
    return lambda number: ChildProcess(
        program_command("server", "--worker", str(number)), environment
    )


async def _live(workers: Workers, config: Config, target: str, rolling: asyncio.Event) -> None:
    """Starts the workers, and rolls them at each SIGHUP."""
    try:
        about = await workers.start(config.workers)
    except DidNotStart as failure:
        exit_code = failure.exit_code if failure.exit_code > 0 else EXIT_REFUSED
        raise StartError(f"{failure}; what it said is above", exit_code) from failure
    with announced(config, target, f"{about}, {config.workers} workers"):
        if config.beat:
            begin_to_beat(lambda: True)
        while True:
            await rolling.wait()
            rolling.clear()
            await workers.roll()


async def _until(stopping: asyncio.Event, life: "asyncio.Task[None]") -> None:
    """Waits until the process is asked to stop, or its life has ended."""
    asked = asyncio.create_task(stopping.wait())
    await asyncio.wait({asked, life}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
