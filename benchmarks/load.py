"""A load: a process of its own that sends what a `Load` says and measures each call.

`python -m benchmarks.load JSON` takes the fields of `Load` and prints one `Sample` as JSON. Unary
calls go over frames made by hand, because their cost is mostly gRPC's; an Apply, whose cost is
mostly its own, goes through gRPC's client. Requests are packed beforehand and answers looked at
afterwards, so that the load costs the machine as little as it can.

In an open loop a call's latency counts from the moment at which it was meant to be sent. A server
that stalls is charged for all who would have called meanwhile (no coordinated omission).
"""

import asyncio
import gc
import selectors
import sys
import time
from collections import Counter
from collections.abc import Sequence

import grpc.aio
import msgspec
import uvloop

from benchmarks.loads import Load, tenant_names
from benchmarks.sample import Measured, Sample, Stopwatch, sample_of
from benchmarks.unary_load import CONNECTIONS, run_unary
from holdfast.channel import CHANNEL_OPTIONS
from holdfast.inventory.v1 import inventory_pb2 as pb


def packed_requests(load: Load) -> list[bytes]:
    """The requests of a load, one a call."""
    request = _apply if load.method == "Apply" else _single
    return [request(load, call).SerializeToString() for call in range(load.calls)]


def _single(load: Load, call: int) -> pb.ReserveRequest:
    return _reserve(load, call, 0)


def _apply(load: Load, call: int) -> pb.ApplyRequest:
    reserves = load.commands // 2 if load.confirmed else load.commands
    commands = [pb.Command(reserve=_reserve(load, call, n)) for n in range(reserves)]
    if load.confirmed:
        commands += [
            pb.Command(
                confirm=pb.ConfirmRequest(
                    tenant=command.reserve.tenant,
                    reservation_id=command.reserve.reservation_id,
                )
            )
            for command in commands
        ]
    return pb.ApplyRequest(commands=commands)


def _reserve(load: Load, call: int, number: int) -> pb.ReserveRequest:
    name = f"{load.prefix}-{call}-{number}"
    first = call + number * load.lines
    tenants = tenant_names(load.tenant, load.tenants)
    return pb.ReserveRequest(
        tenant=tenants[call % load.tenants],
        reservation_id=name,
        lines=[
            pb.Line(sku=f"SKU-{(first + line) % load.skus}", quantity=1)
            for line in range(load.lines)
        ],
        buyer_id=f"buyer-{name}",
    )


async def run_apply(load: Load, packed: Sequence[bytes]) -> Measured:
    """Sends large calls, in a closed loop. Raises grpc.aio.AioRpcError."""
    answers: list[bytes] = []
    latencies_s: list[float] = []
    channels = [
        grpc.aio.insecure_channel(load.target, options=CHANNEL_OPTIONS) for _ in range(CONNECTIONS)
    ]
    calls = [channel.unary_unary(load.path) for channel in channels]
    for channel in channels:
        await channel.channel_ready()
    waiting = iter(enumerate(packed))

    async def caller() -> None:
        for number, request in waiting:
            started_s = time.perf_counter()
            answers.append(await calls[number % CONNECTIONS](request))
            latencies_s.append(time.perf_counter() - started_s)

    stopwatch = Stopwatch()
    await asyncio.gather(*(caller() for _ in range(load.open_calls)))
    return stopwatch.measured(latencies_s, answers)


def summary(load: Load, measured: Measured) -> Sample:
    """The sample of what was measured."""
    outcomes: Counter[str] = Counter()
    for answer in measured.answers:
        results = (
            pb.ApplyResponse.FromString(answer).results
            if load.method == "Apply"
            else [pb.CommandResult.FromString(answer)]
        )
        outcomes.update(pb.Outcome.Name(result.outcome) for result in results)
    unanswered = load.calls - len(measured.answers)
    return sample_of(measured, outcomes, unanswered)


def event_loop(load: Load) -> asyncio.AbstractEventLoop:
    """uvloop, the cheaper; at a rate one on select(), whose timers are not rounded to 1 ms."""
    if load.per_s:
        return asyncio.SelectorEventLoop(selectors.SelectSelector())
    return uvloop.new_event_loop()


def main() -> None:
    """Runs the load that the argument describes."""
    load = msgspec.json.decode(sys.argv[1], type=Load)
    packed = packed_requests(load)
    gc.freeze()
    run = run_apply if load.method == "Apply" else run_unary
    with asyncio.Runner(loop_factory=lambda: event_loop(load)) as runner:
        measured = runner.run(run(load, packed))
    print(msgspec.json.encode(summary(load, measured)).decode())


if __name__ == "__main__":
    main()
