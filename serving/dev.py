"""`python -m serving.dev`: the engine, the order service and the sandbox on one machine.

`holdfast dev` becomes this process. Each part is a process of its own; they start one after
another, are ready together, and end together: when this process is asked to stop, and when one of
them ends.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from holdfast.programs import program_command, program_environment
from serving.heart import LOOK_S, hangs
from serving.processes import (
    HOME,
    ChildProcess,
    DidNotStart,
    address_in,
    in_thread,
    owned,
)
from serving.signals import Signals
from serving.start import EXIT_REFUSED

PARTS: Final = ("the engine", "the sandbox", "the order service")
"""The parts as people call them, in the order in which they start."""
END_S_MAX: Final = 20.0
# Short, so that a person who tries things out sees a parcel arrive.
DELIVER_MS: Final = 5_000


class Part(NamedTuple):
    """One of the processes: how it is started."""

    arguments: Sequence[str]
    environment: Mapping[str, str]


async def run(environment: Mapping[str, str]) -> int:
    """Runs all parts until SIGTERM, SIGINT, or the end of one; the answer is the exit code."""
    children: list[ChildProcess] = []

    def roll_workers() -> None:
        children[0].send_signal(signal.SIGHUP)

    with_stdin = environment.get("HOLDFAST_STOP_WITH_STDIN") == "true"
    signals = Signals(roll_workers, with_stdin=with_stdin)
    life = asyncio.ensure_future(_live(environment, children))
    asked = asyncio.ensure_future(signals.stopping.wait())
    try:
        await asyncio.wait({asked, life}, return_when=asyncio.FIRST_COMPLETED)
        return life.result() if life.done() else 0
    except DidNotStart as error:
        return _failed(error.exit_code)
    finally:
        asked.cancel()
        life.cancel()
        # A part ends before the parts that it needs.
        for child in reversed(children):
            await in_thread(child.end, END_S_MAX)


async def _live(environment: Mapping[str, str], children: list[ChildProcess]) -> int:
    """Starts all parts, says that they are ready, and waits for the end of one."""
    engine = await _started(Part(("server",), environment), children)
    sandbox = await _started(sandbox_part(environment), children)
    orders = await _started(orders_part(environment, address_in(engine)), children)
    print(f"{engine}\n{orders}\n{sandbox}", flush=True)
    named = zip(PARTS, children, strict=True)
    ends = [asyncio.create_task(end_of(name, child)) for name, child in named]
    try:
        done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for end in ends:
            end.cancel()
    return _failed(done.pop().result())


async def end_of(name: str, child: ChildProcess, look_s: float = LOOK_S) -> int:
    """Waits until a part ends, and ends it if it hangs; says so, and gives its exit code."""
    watching = asyncio.create_task(_end_when_it_hangs(name, child, look_s))
    try:
        exit_code = await in_thread(child.wait)
    finally:
        watching.cancel()
    print(f"holdfast: a part of it has ended: {name} (exit code {exit_code})", file=sys.stderr)
    return exit_code


async def _end_when_it_hangs(name: str, child: ChildProcess, look_s: float) -> None:
    if await hangs(child, look_s, beats=True):
        print(f"holdfast: {name} hangs, and is ended; its log is above", file=sys.stderr)
        child.kill()


def _failed(exit_code: int) -> int:
    """The exit code of this process after that of a part, which may have ended by a signal."""
    return exit_code if exit_code > 0 else EXIT_REFUSED


async def _started(part: Part, children: list[ChildProcess]) -> str:
    """Starts a part; the answer is what it says when it is ready. Raises DidNotStart."""
    environment = {**part.environment, "HOLDFAST_STOP_WITH_STDIN": "true", "HOLDFAST_BEAT": "true"}
    command = owned(program_command(*part.arguments))
    child = ChildProcess(command, program_environment(environment, HOME))
    children.append(child)
    return await in_thread(child.ready)


def sandbox_part(environment: Mapping[str, str]) -> Part:
    """The outside world: a payment provider and a carrier that tell the order service."""
    callbacks = f"http://{environment['HOLDFAST_CALLBACKS_LISTEN']}/callbacks"
    options = {
        "--listen": urlsplit(environment["HOLDFAST_SANDBOX_URL"]).netloc,
        "--data-dir": os.path.join(environment["HOLDFAST_DATA_DIR"], "sandbox"),
        "--payment-callbacks": f"{callbacks}/sandbox",
        "--carrier-callbacks": f"{callbacks}/carrier/sandbox",
        "--deliver-ms": str(DELIVER_MS),
    }
    flags = ("--stop-with-stdin", "--beat")
    words = [f"{name}={value}" for name, value in options.items()]
    return Part(("order_service.sandbox", *words, *flags), environment)


def orders_part(environment: Mapping[str, str], target: str) -> Part:
    """The order service, beside the engine at `target`.

    The sandbox is one of its webhooks, so that the van comes for shipped parcels.
    """
    url = f"{environment['HOLDFAST_SANDBOX_URL'].rstrip('/')}/carrier/events"
    sandbox = f"{url} {_sandbox_secret(environment)}"
    receivers = [environment.get("HOLDFAST_NOTIFY_WEBHOOKS", ""), sandbox]
    settings = {
        "HOLDFAST_TARGET": target,
        "HOLDFAST_NOTIFY_WEBHOOKS": ",".join(filter(None, receivers)),
    }
    return Part(("order_service",), {**environment, **settings})


def _sandbox_secret(environment: Mapping[str, str]) -> str:
    """The secret that the sandbox signs with: the newest."""
    return environment["HOLDFAST_SANDBOX_SECRETS"].split(",")[0].strip()


if __name__ == "__main__":
    sys.exit(asyncio.run(run(os.environ)))
