"""Starts all that the demo needs, each a process: the engine, the outside world, the order service.

They listen on 127.0.0.1 and keep everything in a temporary directory, which ends with them.
"""

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from holdfast.programs import program_command
from serving.processes import (
    ChildProcess,
    DidNotStart,
    address_in,
    in_thread,
    tail_of,
    without_settings,
)

ENGINE, SANDBOX, ORDERS = "engine", "sandbox", "order-service"
START_S_MAX = 600.0
"""A server that cannot start ends by itself; only one that hangs is waited for so long."""
ANY_PORT = "127.0.0.1:0"
API_KEY = "demo"
# Proves callbacks between two processes of the demo, and nothing else.
CALLBACK_SECRET = "whsec_aG9sZGZhc3QtZGVtby1ob2xkZmFzdC1kZW1v"


class ServerFailedError(Exception):
    """A server of the demo did not start, or stopped answering; the message has its log's end."""


@dataclass(frozen=True, slots=True)
class DemoServers:
    """Running servers: where they listen, and where their logs are."""

    engine_target: str
    orders_target: str
    sandbox_url: str
    directory: Path

    def log_tails(self) -> str:
        """The last lines of every server's log."""
        return "\n".join(
            f"The end of the {name}'s log:\n{tail_of(self.directory / f'{name}.log')}"
            for name in (ENGINE, SANDBOX, ORDERS)
        )


@asynccontextmanager
async def running_servers(environment: Mapping[str, str], seed: int) -> AsyncIterator[DemoServers]:
    """All servers, for as long as the block; `seed` decides what goes wrong in the outside world.

    They get `environment` without HOLDFAST_ variables: the demo has nothing to do with the servers
    that those are for. Raises ServerFailedError.
    """
    with tempfile.TemporaryDirectory(prefix="holdfast-demo-") as name:
        directory, callbacks = Path(name), _free_address()
        async with AsyncExitStack() as started:

            async def start(program: str, *words: str, **settings: str) -> str:
                own = without_settings(environment) | settings
                return await started.enter_async_context(running(directory, program, words, own))

            engine_settings = {
                "HOLDFAST_LISTEN": ANY_PORT,
                "HOLDFAST_DATA_DIR": name,
                "HOLDFAST_STOP_WITH_STDIN": "true",
            }
            secrets = {
                "HOLDFAST_SANDBOX_API_KEY": API_KEY,
                "HOLDFAST_SANDBOX_SECRETS": CALLBACK_SECRET,
            }
            sandbox_words = ("order_service.sandbox", *_options(callbacks, seed))
            async with asyncio.TaskGroup() as starting:
                engines = starting.create_task(start(ENGINE, "server", **engine_settings))
                sandboxes = starting.create_task(start(SANDBOX, *sandbox_words, **secrets))
            engine, sandbox = engines.result(), sandboxes.result()
            orders = await start(
                ORDERS,
                "order_service",
                HOLDFAST_ORDERS_LISTEN=ANY_PORT,
                HOLDFAST_CALLBACKS_LISTEN=callbacks,
                HOLDFAST_TARGET=engine,
                HOLDFAST_DATA_DIR=name,
                HOLDFAST_SANDBOX_URL=sandbox,
                **secrets,
                HOLDFAST_STOP_WITH_STDIN="true",
            )
            yield DemoServers(engine, orders, sandbox, directory)


@asynccontextmanager
async def running(
    directory: Path, name: str, words: Sequence[str], environment: Mapping[str, str]
) -> AsyncIterator[str]:
    """Runs a module, in `words` with its arguments, for as long as the block; gives its address.

    Its log is called by its `name` in `directory`. Raises ServerFailedError.
    """
    child = ChildProcess(program_command(*words), environment, errors=directory / f"{name}.log")
    try:
        yield address_in(await in_thread(child.ready, START_S_MAX))
    except DidNotStart as error:
        raise ServerFailedError(f"the demo's {name} {error}") from error
    finally:
        await in_thread(child.end)


def _options(callbacks: str, seed: int) -> list[str]:
    """The options of the sandbox, which sends its callbacks to this address."""
    options = {
        "--listen": ANY_PORT,
        "--seed": str(seed),
        "--payment-callbacks": f"http://{callbacks}/callbacks/sandbox",
        "--carrier-callbacks": f"http://{callbacks}/callbacks/carrier/sandbox",
    }
    return [*(word for option in options.items() for word in option), "--stop-with-stdin"]


def _free_address() -> str:
    """An address that nobody listens on: two of the servers have to know each other's."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"
