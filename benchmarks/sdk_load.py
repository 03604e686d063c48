"""A load through the SDK: one process, one client, many tasks that each await their own reserve.

`python -m benchmarks.sdk_load TARGET CALLS OPEN_CALLS SKUS PREFIX` makes CALLS calls of
`await client.reserve(...)`, OPEN_CALLS tasks at a time, each reserving one unit under a new id; it
prints one JSON object as benchmarks/load.py does. What is measured is what a shop's own process
pays: building the request, the tasks' turns, gRPC, and reading the answer.
"""

import asyncio
import gc
import json
import sys
import time
from collections import Counter

import msgspec
import uvloop

from holdfast.client import Client
from holdfast.errors import HoldfastError


class SdkLoad(msgspec.Struct):
    """What to ask for."""

    target: str
    calls: int
    open_calls: int
    skus: int
    prefix: str


async def run(load: SdkLoad, client: Client) -> dict[str, object]:
    """Rates per second, latencies in milliseconds, how many calls ended in which way."""
    ended: Counter[str] = Counter()
    latencies_s: list[float] = []
    numbers = iter(range(load.calls))

    async def caller() -> None:
        for number in numbers:
            reservation_id = f"{load.prefix}-{number}"
            lines = [(f"SKU-{number % load.skus}", 1)]
            started = time.perf_counter()
            try:
                result = await client.reserve(reservation_id, lines, buyer_id=reservation_id)
            except HoldfastError as error:
                ended[f"error {error.reason or error.code.name}"] += 1
            else:
                latencies_s.append(time.perf_counter() - started)
                ended[f"OUTCOME_{result.outcome.name}"] += 1

    started, cpu_s = time.perf_counter(), time.process_time()
    await asyncio.gather(*(caller() for _ in range(load.open_calls)))
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu_s
    latencies_s.sort()
    answered = len(latencies_s)
    return {
        "commands_per_s": round(answered / seconds),
        "p50_ms": round(latencies_s[answered // 2] * 1000, 3) if answered else None,
        "p99_ms": round(latencies_s[answered * 99 // 100] * 1000, 3) if answered else None,
        "errors": load.calls - answered,
        "outcomes": dict(ended),
        "cpu_s": round(cpu_s, 3),
    }


async def measured(load: SdkLoad) -> dict[str, object]:
    """A small load to connect and to warm up, then the whole one."""
    async with Client(load.target) as client:
        warm_up = SdkLoad(
            load.target, load.open_calls, load.open_calls, load.skus, f"{load.prefix}w"
        )
        await run(warm_up, client)
        gc.collect()
        gc.freeze()
        measured = await run(load, client)
        return measured | {"warm_up": warm_up.calls}


def main() -> None:
    """Runs the load that the arguments name."""
    given = dict(zip(SdkLoad.__struct_fields__, sys.argv[1:], strict=True))
    load = msgspec.convert(given, SdkLoad, strict=False)
    print(json.dumps(uvloop.run(measured(load))))


if __name__ == "__main__":
    main()
