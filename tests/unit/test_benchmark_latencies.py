"""Latencies of the benchmarks, and what an open loop charges for a stall."""

import asyncio
import time
from typing import Any

import grpc
import grpc.aio
import msgspec
import pytest

from benchmarks.load import packed_requests
from benchmarks.loads import Load
from benchmarks.sample import Measured, sample_of
from benchmarks.unary_load import moments_s, run_unary
from holdfast.inventory.v1 import inventory_pb2 as pb
from serving.percentile import percentile

STALL_S = 0.3
SERVICE = "holdfast.inventory.v1.InventoryService"


@pytest.mark.parametrize(
    ("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1), (0.0, 1)]
)
def test_a_percentile_is_a_value_that_was_measured(share: float, value: float) -> None:
    assert percentile([float(number) for number in range(1, 101)], share) == value
    assert percentile([3.0], share) == 3.0
    assert percentile([], share) == 0.0


def test_sub_millisecond_latencies_are_told_apart() -> None:
    sample = sample_of(Measured((), [0.000_456, 0.000_123], 1.0), {})
    assert (sample.p50_ms, sample.p99_ms) == (0.123, 0.456)


def test_calls_come_at_the_rate_asked_for_and_at_the_same_moments_every_time() -> None:
    moments = moments_s(10_000, 500, 7.0)
    assert moments == sorted(moments) == moments_s(10_000, 500, 7.0)
    assert moments[-1] - 7.0 == pytest.approx(20, rel=0.05)


async def latencies_with_a_stall(load: Load) -> list[float]:
    """The latencies of a load on a server whose first call stops everything for a while."""
    stalls = iter([STALL_S])

    async def reserve(_: pb.ReserveRequest, __: Any) -> pb.CommandResult:
        time.sleep(next(stalls, 0.0))  # noqa: ASYNC251 (the stall is the point)
        return pb.CommandResult(outcome=pb.OUTCOME_APPLIED)

    server = grpc.aio.server()
    method = grpc.unary_unary_rpc_method_handler(
        reserve, pb.ReserveRequest.FromString, pb.CommandResult.SerializeToString
    )
    server.add_registered_method_handlers(SERVICE, {"Reserve": method})
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        load = msgspec.structs.replace(load, target=f"127.0.0.1:{port}")
        measured = await asyncio.wait_for(run_unary(load, packed_requests(load)), 20)
    finally:
        await server.stop(None)
    assert len(measured.answers) == len(measured.latencies_s) == load.calls
    return sorted(measured.latencies_s)


async def test_an_open_loop_charges_a_stall_to_all_who_would_have_called_meanwhile() -> None:
    latencies_s = await latencies_with_a_stall(Load(calls=40, per_s=200, prefix="p"))
    late = [latency_s for latency_s in latencies_s if latency_s > STALL_S / 10]
    assert len(late) > 40 / 2


async def test_a_closed_loop_charges_it_only_to_the_calls_that_were_open() -> None:
    latencies_s = await latencies_with_a_stall(Load(calls=200, open_calls=4, prefix="p"))
    assert len([latency_s for latency_s in latencies_s if latency_s > STALL_S / 2]) <= 4
