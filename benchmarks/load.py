"""A load: a process of its own that keeps so many calls open and measures each.

`python -m benchmarks.load TARGET METHOD CALLS OPEN_CALLS COMMANDS SKUS PREFIX` sends CALLS calls
of METHOD (Reserve or Apply), OPEN_CALLS at a time over four connections, each reserving one unit
under a new id for each of its COMMANDS; it prints one JSON object. Requests are packed beforehand
and answers looked at afterwards, so that the load costs the machine as little as it can.
"""

import asyncio
import json
import sys
import time
from collections import Counter

import grpc.aio
import msgspec
import uvloop

from benchmarks.h2_caller import H2Caller
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


class Measured(msgspec.Struct):
    """What came back: the answers, how long each took, and how long all took."""

    answers: list[bytes]
    latencies_s: list[float]
    seconds: float


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


async def run_unary(load: Load, packed: list[bytes]) -> Measured:
    """Sends small calls, whose cost is mostly gRPC's: over frames made by hand."""
    host, _, port = load.target.rpartition(":")
    waiting = iter(packed)
    loop = asyncio.get_running_loop()
    callers = []
    for _ in range(CONNECTIONS):
        _, caller = await loop.create_connection(
            lambda: H2Caller(
                SERVICE + load.method, load.target, waiting, load.open_calls // CONNECTIONS
            ),
            host,
            int(port),
        )
        callers.append(caller)
    await asyncio.sleep(0.2)  # settings are exchanged before the clock starts
    started = time.perf_counter()
    for caller in callers:
        caller.start()
    await asyncio.gather(*(caller.ended for caller in callers))
    seconds = time.perf_counter() - started
    return Measured(
        [answer for caller in callers for answer in caller.answers],
        [latency for caller in callers for latency in caller.latencies_s],
        seconds,
    )


async def run_apply(load: Load, packed: list[bytes]) -> Measured:
    """Sends large calls, whose cost is mostly theirs: through gRPC's own client."""
    measured = Measured([], [], 0.0)
    channels = [
        grpc.aio.insecure_channel(load.target, options=CHANNEL_OPTIONS) for _ in range(CONNECTIONS)
    ]
    calls = [channel.unary_unary(SERVICE + load.method) for channel in channels]
    for channel in channels:
        await channel.channel_ready()
    waiting = iter(enumerate(packed))

    async def caller() -> None:
        for number, request in waiting:
            started = time.perf_counter()
            measured.answers.append(await calls[number % CONNECTIONS](request))
            measured.latencies_s.append(time.perf_counter() - started)

    started = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(load.open_calls)))
    measured.seconds = time.perf_counter() - started
    return measured


def summary(load: Load, measured: Measured) -> dict[str, object]:
    """Rates per second, latencies in milliseconds, how many commands had which outcome."""
    found: Counter[str] = Counter()
    for answer in measured.answers:
        results = (
            pb.ApplyResponse.FromString(answer).results
            if load.method == "Apply"
            else [pb.CommandResult.FromString(answer)]
        )
        found.update(pb.Outcome.Name(result.outcome) for result in results)
    latencies = sorted(measured.latencies_s)
    return {
        "calls_per_s": round(len(latencies) / measured.seconds),
        "commands_per_s": round(len(latencies) * load.commands / measured.seconds),
        "p50_ms": round(latencies[len(latencies) // 2] * 1000, 3),
        "p99_ms": round(latencies[len(latencies) * 99 // 100] * 1000, 3),
        "errors": load.calls - len(measured.answers),
        "outcomes": dict(found),
    }


def main() -> None:
    """Runs the load that the arguments name."""
    given = dict(zip(Load.__struct_fields__, sys.argv[1:], strict=True))
    load = msgspec.convert(given, Load, strict=False)
    run = run_apply if load.method == "Apply" else run_unary
    print(json.dumps(summary(load, uvloop.run(run(load, requests(load))))))


if __name__ == "__main__":
    main()
