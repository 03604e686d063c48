"""Real processes for a test of the order service: itself, its sandbox, and an engine."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.serving import STOP_S_MAX, Server, serve

ORDERS_READY = "Orders are ready on "
SANDBOX_READY = "sandbox at "
API_KEY = "sandbox"
SECRET = "whsec_c2FuZGJveC1zYW5kYm94LXNhbmRib3gh"


class OrderServer(Server):
    """A running `python -m order_service`; `target` is its gRPC API, `callbacks_url` its HTTP."""

    callbacks_url = ""


class Sandbox(NamedTuple):
    """A running sandbox of provider and carrier."""

    process: "subprocess.Popen[bytes]"
    url: str


class World(NamedTuple):
    """Everything that an order needs."""

    engine: Server
    orders: OrderServer
    sandbox: Sandbox


def orders_launched(directory: Path, module: str = "order_service", **settings: str) -> OrderServer:
    """An order service that has only just been started; whoever starts it waits for its end."""
    directory.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if "HOLDFAST" not in name}
    environment |= {
        "HOLDFAST_ORDERS_LISTEN": "127.0.0.1:0",
        "HOLDFAST_CALLBACKS_LISTEN": "127.0.0.1:0",
        "HOLDFAST_DATA_DIR": str(directory),
        # Should the tests be killed, the pipe closes and the process ends with them.
        "HOLDFAST_STOP_WITH_STDIN": "true",
    }
    log_file = directory / "orders.log"
    with log_file.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", module],
            env=environment | settings,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    return OrderServer(process, log_file)


@contextmanager
def serve_orders(
    directory: Path, module: str = "order_service", **settings: str
) -> Iterator[OrderServer]:
    """An order service on free ports, ready; stopped in the end, if the test did not."""
    server = orders_launched(directory, module, **settings)
    try:
        assert server.process.stdout is not None
        line = server.process.stdout.readline().decode()
        assert line.startswith(ORDERS_READY), f"the order service did not start: {server.log()}"
        server.target, _, callbacks = line.removeprefix(ORDERS_READY).partition(" ")
        server.callbacks_url = callbacks.strip().removeprefix("(callbacks on ").removesuffix(")")
        yield server
    finally:
        server.stop()


@contextmanager
def serve_sandbox(directory: Path, *options: str) -> Iterator[Sandbox]:
    """A sandbox on a free port, ready, with its books in `directory`."""
    command = [sys.executable, "-P", "-m", "order_service.sandbox", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(
        [*command, "--data-dir", str(directory / "sandbox"), *options],
        stdout=subprocess.PIPE,
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline().decode()
            assert line.startswith(SANDBOX_READY), "the sandbox did not start"
            yield Sandbox(process, line.removeprefix(SANDBOX_READY).strip())
        finally:
            process.terminate()
            process.wait(STOP_S_MAX)


def sandbox_settings(sandbox: Sandbox) -> dict[str, str]:
    """What an order service has to be told of a sandbox."""
    return {
        "HOLDFAST_SANDBOX_URL": sandbox.url,
        "HOLDFAST_SANDBOX_API_KEY": API_KEY,
        "HOLDFAST_SANDBOX_SECRETS": SECRET,
    }


def callback_options(callbacks_listen: str) -> tuple[str, ...]:
    """What a sandbox has to be told of the order service that its callbacks go to."""
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
