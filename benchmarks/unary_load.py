"""Unary calls: a number of them open at a time, or at a rate. See `benchmarks.load`."""

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from itertools import islice

from benchmarks.h2_caller import H2Caller
from benchmarks.loads import Load
from benchmarks.sample import Measured, Stopwatch

CONNECTIONS = 4
SETTLE_S = 0.2
SEED = 7


def moments_s(count: int, per_s: float, first_s: float) -> list[float]:
    """When calls of independent buyers come, `per_s` on average: the same moments every time."""
    gap_s, moment_s = random.Random(SEED).expovariate, first_s
    return [moment_s := moment_s + gap_s(per_s) for _ in range(count)]


class _UnaryLoad:
    """The calls of one load over a few connections."""

    def __init__(self, load: Load, packed: Sequence[bytes]) -> None:
        self._load = load
        self._waiting: Iterator[bytes] = iter(packed)
        self._unended = len(packed)
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._callers: list[H2Caller] = []

    async def run(self) -> Measured:
        """Sends all of them. Raises ConnectionError if a connection breaks."""
        await self._connect()
        await asyncio.sleep(SETTLE_S)  # settings are exchanged before the clock starts
        stopwatch = Stopwatch()
        parts = [self._ended, *(caller.broken for caller in self._callers)]
        if self._load.per_s:
            parts.append(asyncio.ensure_future(self._send_at_rate()))
        else:
            for caller in self._callers:
                self._send_next(caller, self._load.open_calls // CONNECTIONS)
        while not self._ended.done():
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
                parts.remove(part)
        measured = stopwatch.measured(
            [latency_s for caller in self._callers for latency_s in caller.latencies_s],
            [answer for caller in self._callers for answer in caller.answers],
        )
        for caller in self._callers:
            caller.close()
        return measured

    async def _connect(self) -> None:
        host, _, port = self._load.target.rpartition(":")
        path = self._load.path
        for _ in range(CONNECTIONS):
            caller = H2Caller(path, self._load.target, self._on_ended)
            await asyncio.get_running_loop().create_connection(
                lambda caller=caller: caller,  # type: ignore[misc]
                host,
                int(port),
            )
            self._callers.append(caller)

    def _on_ended(self, caller: H2Caller, count: int) -> None:
        self._unended -= count
        if not self._unended:
            self._ended.set_result(None)
        elif not self._load.per_s:
            self._send_next(caller, count)

    def _send_next(self, caller: H2Caller, count: int) -> None:
        messages = list(islice(self._waiting, count))
        if messages:
            caller.send(messages, [time.perf_counter()] * len(messages))

    async def _send_at_rate(self) -> None:
        meant_s = moments_s(self._unended, self._load.per_s, time.perf_counter())
        for number, (message, moment_s) in enumerate(zip(self._waiting, meant_s, strict=True)):
            wait_s = moment_s - time.perf_counter()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            self._callers[number % CONNECTIONS].send([message], [moment_s])


async def run_unary(load: Load, packed: Sequence[bytes]) -> Measured:
    """Sends the calls and waits for their ends. Raises ConnectionError."""
    return await _UnaryLoad(load, packed).run()
