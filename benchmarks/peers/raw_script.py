"""Measures the engine's batch script with nothing around it: no gRPC, no SDK, no queue.

`python -m benchmarks.peers.raw_script JSON` takes the fields of `RawBatches`, packs every EVALSHA
beforehand, sends them over one connection with two under way, as the engine does, and prints a
`Sample`. Time is wall clock, fsync included: the most that one partition can do on this machine.
"""

import sys
import time
from collections import Counter
from typing import Any

import hiredis
import msgspec
import redis

from benchmarks.loads import RawBatches
from benchmarks.sample import Sample, Stopwatch, sample_of
from engine.answers import unpack_reply
from engine.columns import Head, lay_out
from engine.engine import DUE_LIMIT
from engine.group_commit import IN_FLIGHT_MAX
from engine.keys import partition_keys
from engine.model import Line, Reserve
from engine.partition import TAKES, Retention
from engine.scripts import Script
from holdfast.inventory.v1 import inventory_pb2 as pb

RETENTION = Retention()
_NAMES: dict[int, str] = {number: name for name, number in pb.Outcome.items()}


def packed_calls(load: RawBatches, script: Script) -> list[bytes]:
    """The EVALSHA of each batch, as it goes over the wire."""
    keys = partition_keys(load.tenant)
    retention_ms = (RETENTION.ended_ms, RETENTION.fulfilled_ms, RETENTION.adjustments_ms)
    head = Head(0, "", 0, load.prefix, DUE_LIMIT, retention_ms)
    packed = []
    for batch in range(load.batches):
        names = [f"{load.prefix}-{batch}-{number}" for number in range(load.commands)]
        commands = [
            Reserve(
                name, [Line(f"SKU-{(batch + number) % load.skus}", 1)], buyer_id=f"buyer-{name}"
            )
            for number, name in enumerate(names)
        ]
        arguments = lay_out(commands).arguments(head)
        words: Any = ("EVALSHA", script.sha, len(keys), *keys, *arguments)
        packed.append(hiredis.pack_command(words))
    return packed


def run(load: RawBatches) -> Sample:
    """Sends the batches. Raises redis.ResponseError if the script fails."""
    with redis.Redis(unix_socket_path=load.socket) as store:
        store.script_load(TAKES.text)
        packed = packed_calls(load, TAKES)
        connection: Any = store.connection_pool.get_connection()
        latencies_s: list[float] = []
        replies: list[Any] = []
        sent_s: list[float] = []

        def receive() -> None:
            replies.append(connection.read_response())
            latencies_s.append(time.perf_counter() - sent_s[len(replies) - 1])

        stopwatch = Stopwatch()
        for call in packed:
            if len(sent_s) - len(replies) == IN_FLIGHT_MAX:
                receive()
            sent_s.append(time.perf_counter())
            connection.send_packed_command([call], check_health=False)
        while len(replies) < len(packed):
            receive()
        measured = stopwatch.measured(latencies_s)
    outcomes: Counter[str] = Counter()
    for status, reply in replies:
        assert status == b"OK", status
        outcomes.update(_NAMES[abs(outcome)] for outcome in unpack_reply(reply).outcomes)
    return sample_of(measured, outcomes)


if __name__ == "__main__":
    sample = run(msgspec.json.decode(sys.argv[1], type=RawBatches))
    print(msgspec.json.encode(sample).decode())
