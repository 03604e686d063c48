"""A load through the SDK: one process, one client, many tasks that each await their own reserve.

`python -m benchmarks.sdk_load TARGET CALLS OPEN_CALLS SKUS PREFIX` makes CALLS calls of
`await client.reserve(...)`, OPEN_CALLS tasks at a time, each reserving one unit under a new id; it
prints one `Sample` as JSON. What is measured is what a shop's own process
pays: building the request, the tasks' turns, gRPC, and reading the answer.
"""

import asyncio
import gc
import sys
import time
from collections import Counter

import msgspec
import uvloop

from benchmarks.sample import Sample, sample_of
from holdfast.client import Client
from holdfast.errors import HoldfastError


class SdkCalls(msgspec.Struct):
    """The arguments of the process."""

    target: str
    calls: int
    open_calls: int
    skus: int
    prefix: str


async def run(load: SdkCalls, client: Client) -> Sample:
    """Makes all calls, and measures each."""
    outcomes: Counter[str] = Counter()
    latencies_s: list[float] = []
    numbers = iter(range(load.calls))

    async def caller() -> None:
        for number in numbers:
            reservation_id = f"{load.prefix}-{number}"
            lines = [(f"SKU-{number % load.skus}", 1)]
            started = time.perf_counter()
            try:
                result = await client.reserve(reservation_id, lines, buyer_id=reservation_id)
            except HoldfastError:
                continue
            latencies_s.append(time.perf_counter() - started)
            outcomes[f"OUTCOME_{result.outcome.name}"] += 1

    started, cpu_s = time.perf_counter(), time.process_time()
    await asyncio.gather(*(caller() for _ in range(load.open_calls)))
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu_s
    errors = load.calls - len(latencies_s)
    return sample_of(latencies_s, seconds, outcomes, errors, cpu_s)


async def measured(load: SdkCalls) -> Sample:
    """A small load to connect and to warm up, then the whole one."""
    async with Client(load.target) as client:
        warm_up = SdkCalls(
            load.target, load.open_calls, load.open_calls, load.skus, f"{load.prefix}w"
        )
        await run(warm_up, client)
        gc.collect()
        gc.freeze()
        return msgspec.structs.replace(await run(load, client), warm_up=warm_up.calls)


def main() -> None:
    """Runs the load that the arguments name."""
    given = dict(zip(SdkCalls.__struct_fields__, sys.argv[1:], strict=True))
    load = msgspec.convert(given, SdkCalls, strict=False)
    print(msgspec.json.encode(uvloop.run(measured(load))).decode())


if __name__ == "__main__":
    main()
