"""A load through the SDK: one process, a client a tenant, many tasks that await their reserve.

`python -m benchmarks.sdk_load JSON` takes the fields of `SdkLoad`, awaits `client.reserve(...)` in
`open_calls` tasks, each time for one unit under a new id, and prints one `Sample` as JSON. It
measures the costs of a shop's own process: building the request, the tasks' turns, gRPC, reading
the answer.
"""

import asyncio
import gc
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack

import msgspec
import uvloop
from msgspec.structs import replace

from benchmarks.loads import SdkLoad, tenant_names
from benchmarks.sample import Sample, Stopwatch, sample_of
from holdfast.client import Client
from holdfast.errors import HoldfastError


async def run(load: SdkLoad, clients: Sequence[Client]) -> Sample:
    """Makes all calls, and measures each."""
    outcomes: Counter[str] = Counter()
    latencies_s: list[float] = []
    numbers = iter(range(load.calls))

    async def caller() -> None:
        for number in numbers:
            reservation_id = f"{load.prefix}-{number}"
            client, lines = clients[number % load.tenants], [(f"SKU-{number % load.skus}", 1)]
            started = time.perf_counter()
            try:
                result = await client.reserve(reservation_id, lines, buyer_id=reservation_id)
            except HoldfastError:
                continue
            latencies_s.append(time.perf_counter() - started)
            outcomes[f"OUTCOME_{result.outcome.name}"] += 1

    stopwatch = Stopwatch()
    await asyncio.gather(*(caller() for _ in range(load.open_calls)))
    errors = load.calls - len(latencies_s)
    return sample_of(stopwatch.measured(latencies_s), outcomes, errors)


async def measured(load: SdkLoad) -> Sample:
    """A small load to connect and to warm up, then the whole one."""
    async with AsyncExitStack() as opened:
        clients = [
            await opened.enter_async_context(Client(load.target, tenant=tenant))
            for tenant in tenant_names(load.tenant, load.tenants)
        ]
        warm_up = replace(load, calls=load.open_calls, prefix=f"{load.prefix}w")
        await run(warm_up, clients)
        gc.collect()
        gc.freeze()
        return replace(await run(load, clients), warm_up=warm_up.calls)


def main() -> None:
    """Runs the load that the argument describes."""
    load = msgspec.json.decode(sys.argv[1], type=SdkLoad)
    print(msgspec.json.encode(uvloop.run(measured(load))).decode())


if __name__ == "__main__":
    main()
