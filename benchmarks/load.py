"""A load generator: a process of its own that keeps so many calls open and measures each.

`python -m benchmarks.load TARGET METHOD CALLS OPEN COMMANDS SKUS PREFIX` sends CALLS calls, OPEN at
a time over four connections, each reserving one unit under a new id for each of its COMMANDS; it
prints one JSON object. Requests are packed beforehand and answers looked at afterwards, so that
the generator costs the machine as little as it can.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator

import grpc.aio
import msgspec
import uvloop

from holdfast.channel import CHANNEL_OPTIONS
from holdfast.inventory.v1 import inventory_pb2 as pb

CONNECTIONS = 4
SERVICE = "/holdfast.inventory.v1.InventoryService/"


class Load(msgspec.Struct):
    """What to send."""

    target: str
    method: str
    calls: int
    open_calls: int
    commands: int
    skus: int
    prefix: str


def requests(load: Load) -> list[bytes]:
    """The packed requests, one a call."""
    packed = []
    for call in range(load.calls):
        reserves = [
            pb.ReserveRequest(
                reservation_id=f"{load.prefix}-{call}-{number}",
                lines=[pb.Line(sku=f"SKU-{(call + number) % load.skus}", quantity=1)],
                buyer_id=f"buyer-{load.prefix}-{call}-{number}",
            )
            for number in range(load.commands)
        ]
        message = (
            pb.ApplyRequest(commands=[pb.Command(reserve=reserve) for reserve in reserves])
            if load.method == "Apply"
            else reserves[0]
        )
        packed.append(message.SerializeToString())
    return packed


async def run(load: Load) -> dict[str, object]:
    """Sends the load; returns rates per second, latencies in milliseconds, outcomes by name."""
    packed = requests(load)
    answers: list[bytes] = []
    latencies: list[float] = []
    channels = [
        grpc.aio.insecure_channel(load.target, options=CHANNEL_OPTIONS) for _ in range(CONNECTIONS)
    ]
    calls = [channel.unary_unary(SERVICE + load.method) for channel in channels]
    for channel in channels:
        await channel.channel_ready()
    waiting = iter(enumerate(packed))

    async def caller(waiting: Iterator[tuple[int, bytes]]) -> None:
        for number, request in waiting:
            started = time.perf_counter()
            answers.append(await calls[number % CONNECTIONS](request))
            latencies.append(time.perf_counter() - started)

    started = time.perf_counter()
    await asyncio.gather(*(caller(waiting) for _ in range(load.open_calls)))
    seconds = time.perf_counter() - started
    latencies.sort()
    return {
        "calls_per_s": len(answers) / seconds,
        "commands_per_s": len(answers) * load.commands / seconds,
        "p50_ms": latencies[len(latencies) // 2] * 1000,
        "p99_ms": latencies[len(latencies) * 99 // 100] * 1000,
        "outcomes": outcomes(load, answers),
    }


def outcomes(load: Load, answers: list[bytes]) -> dict[str, int]:
    """How many commands had which outcome; all but APPLIED are refusals."""
    found: Counter[str] = Counter()
    for answer in answers:
        results = (
            pb.ApplyResponse.FromString(answer).results
            if load.method == "Apply"
            else [pb.CommandResult.FromString(answer)]
        )
        found.update(pb.Outcome.Name(result.outcome) for result in results)
    return dict(found)


if __name__ == "__main__":
    settings = dict(zip(Load.__struct_fields__, sys.argv[1:], strict=True))
    print(json.dumps(uvloop.run(run(msgspec.convert(settings, Load, strict=False)))))
