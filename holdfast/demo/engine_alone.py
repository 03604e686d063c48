"""The engine alone: a short sale of one hot article through the SDK, before there is a shop."""

import asyncio
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from holdfast.client import Client
from holdfast.demo.callers import insist

CONCURRENCY = 1_000
TENANT = "engine-alone"
"""A shop of its own: nobody else sees its stock and reservations."""
SKU, STOCK_UNITS = "HOT", 1_000_000_000


@dataclass(frozen=True, slots=True)
class EngineSale:
    """A sale of `seconds`, its callers `concurrency` at once.

    `reserved` calls were told that they have their unit; by the engine `held_units` are reserved.
    """

    concurrency: int
    seconds: float
    reserved: int
    held_units: int
    latencies_ms: Sequence[float]


NO_SALE = EngineSale(0, 0.0, 0, 0, ())


async def sell_alone(client: Client, seconds: float) -> EngineSale:
    """Sells for about `seconds`: callers reserve one unit after another, each for a new order.

    Every call is answered before it ends, so that its own `seconds` are a little more. Raises
    HoldfastError.
    """
    await insist(partial(client.set_stock, SKU, STOCK_UNITS))
    warm_up_ms, _ = await _reserve(client, "warm-up", 0.0)
    latencies_ms, took_s = await _reserve(client, "sale", seconds)
    (level,) = [level async for level in client.list_stock()]
    held_units = level.reserved - len(warm_up_ms)
    return EngineSale(CONCURRENCY, took_s, len(latencies_ms), held_units, sorted(latencies_ms))


async def _reserve(client: Client, prefix: str, seconds: float) -> tuple[list[float], float]:
    """Sells for so long; gives the time of each call that got its unit, and of all together.

    Each caller makes one call at least.
    """
    numbers = itertools.count()
    latencies_ms: list[float] = []
    began_at_s = time.perf_counter()

    async def caller() -> None:
        now_s = began_at_s
        while True:
            reserve = partial(client.reserve, f"{prefix}-{next(numbers)}", [(SKU, 1)])
            asked_at_s = now_s
            result = await insist(reserve)
            now_s = time.perf_counter()
            if result.applied:
                latencies_ms.append((now_s - asked_at_s) * 1_000)
            if now_s - began_at_s >= seconds:
                return

    async with asyncio.TaskGroup() as callers:
        for _ in range(CONCURRENCY):
            callers.create_task(caller())
    return latencies_ms, time.perf_counter() - began_at_s
