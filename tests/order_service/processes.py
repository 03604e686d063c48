"""Real processes for a test of the order service: itself, its sandbox, and an engine."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from holdfast.programs import program_command
from serving.processes import ChildProcess, address_in, without_settings
from tests.serving import Server, serve
from tests.waiting import PATIENCE_S

API_KEY = "sandbox"
SECRET = "whsec_c2FuZGJveC1zYW5kYm94LXNhbmRib3gh"


class OrderServer(Server):
    """A running `python -m order_service`; `target` is its gRPC API, `callbacks_url` its HTTP."""

    callbacks_url = ""


class Sandbox(NamedTuple):
    """A running sandbox of provider and carrier."""

    process: ChildProcess
    url: str


class World(NamedTuple):
    """Everything that an order needs."""

    engine: Server
    orders: OrderServer
    sandbox: Sandbox


def orders_launched(directory: Path, module: str = "order_service", **settings: str) -> OrderServer:
    """An order service that has only just been started; its caller waits for its end."""
    directory.mkdir(parents=True, exist_ok=True)
    environment = without_settings(os.environ)
    environment |= {
        "HOLDFAST_ORDERS_LISTEN": "127.0.0.1:0",
        "HOLDFAST_CALLBACKS_LISTEN": "127.0.0.1:0",
        "HOLDFAST_DATA_DIR": str(directory),
        # Should the tests be killed, the pipe closes and the process ends with them.
        "HOLDFAST_STOP_WITH_STDIN": "true",
    }
    log_file = directory / "orders.log"
    command = program_command(module)
    return OrderServer(ChildProcess(command, environment | settings, errors=log_file), log_file)


@contextmanager
def serve_orders(
    directory: Path, module: str = "order_service", **settings: str
) -> Iterator[OrderServer]:
    """An order service on free ports, ready; stopped in the end, if the test did not."""
    server = orders_launched(directory, module, **settings)
    try:
        line = server.process.ready(PATIENCE_S)
        server.target = address_in(line)
        server.callbacks_url = line.partition("(callbacks on ")[2].removesuffix(")")
        yield server
    finally:
        server.stop()


@contextmanager
def serve_sandbox(directory: Path, *options: str) -> Iterator[Sandbox]:
    """A sandbox on a free port, ready, with its books in `directory`."""
    words = ("--listen", "127.0.0.1:0", "--data-dir", str(directory / "sandbox"), *options)
    with ChildProcess(
        program_command("order_service.sandbox", *words, "--stop-with-stdin")
    ) as process:
        yield Sandbox(process, address_in(process.ready(PATIENCE_S)))


def sandbox_settings(sandbox: Sandbox) -> dict[str, str]:
    """The settings with which an order service knows a sandbox."""
    return {
        "HOLDFAST_SANDBOX_URL": sandbox.url,
        "HOLDFAST_SANDBOX_API_KEY": API_KEY,
        "HOLDFAST_SANDBOX_SECRETS": SECRET,
    }


def callback_options(callbacks_listen: str) -> tuple[str, ...]:
    """The options with which a sandbox knows the order service that its callbacks go to."""
    url = f"http://{callbacks_listen}/callbacks"
    return (
        *("--payment-callbacks", f"{url}/sandbox"),
        *("--carrier-callbacks", f"{url}/carrier/sandbox"),
    )


def free_address() -> str:
    """An address of this machine that nobody listens on, for who must know it beforehand."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


@contextmanager
def world(directory: Path, **settings: str) -> Iterator[World]:
    """An engine with a store of its own, a sandbox, and an order service that speaks to both."""
    callbacks = free_address()
    with (
        serve(directory / "engine") as engine,
        serve_sandbox(directory, *callback_options(callbacks)) as sandbox,
    ):
        given = {
            "HOLDFAST_TARGET": engine.target,
            "HOLDFAST_CALLBACKS_LISTEN": callbacks,
            **sandbox_settings(sandbox),
            **settings,
        }
        with serve_orders(directory / "orders", **given) as orders:
            yield World(engine, orders, sandbox)
