"""Measures the engine's batch script with nothing around it: no gRPC, no SDK, no queue.

`python -m benchmarks.peers.raw_script JSON` takes the fields of `RawBatches`, packs every EVALSHA
beforehand, sends them over one connection with two under way, as the engine does, and prints a
`Sample`. Time is wall clock, fsync included: the most that one partition can do on this machine.
The script of the naive server can be sent in the same way.
"""

import sys
import time
from collections import Counter
from typing import Any

import hiredis
import msgspec
import redis

from benchmarks.loads import RawBatches
from benchmarks.peers import naive_script
from benchmarks.sample import APPLIED, OUT_OF_STOCK, Sample, Stopwatch, sample_of
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


def packed_calls(load: RawBatches, script: Script, store: redis.Redis) -> list[bytes]:
    """The EVALSHA of each batch, as it goes over the wire."""
    store.script_load(script.text)
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


def naive_calls(load: RawBatches, store: redis.Redis) -> list[bytes]:
    """The EVALSHA of each Reserve of the naive server, as it goes over the wire."""
    sha: Any = store.script_load(naive_script.RESERVE)
    names = [f"{load.prefix}-{number}" for number in range(load.batches)]
    return [
        hiredis.pack_command(("EVALSHA", sha, *naive_script.words(name, "SKU-0", 1)))
        for name in names
    ]


def run(load: RawBatches) -> Sample:
    """Sends the batches. Raises redis.ResponseError if the script fails."""
    with redis.Redis(unix_socket_path=load.socket) as store:
        packed = naive_calls(load, store) if load.naive else packed_calls(load, TAKES, store)
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
    for reply in replies:
        outcomes.update(_naive_outcomes(reply) if load.naive else _outcomes(reply))
    return sample_of(measured, outcomes)


def _outcomes(reply: Any) -> list[str]:
    status, body = reply
    assert status == b"OK", status
    return [_NAMES[abs(outcome)] for outcome in unpack_reply(body).outcomes]


def _naive_outcomes(reply: int) -> list[str]:
    return [APPLIED if reply else OUT_OF_STOCK]


if __name__ == "__main__":
    sample = run(msgspec.json.decode(sys.argv[1], type=RawBatches))
    print(msgspec.json.encode(sample).decode())
