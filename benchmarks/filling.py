"""Fills a store with live reservations through the engine's own script, with no gRPC in between."""

import time

import redis

from engine.columns import Head, lay_out
from engine.engine import DUE_LIMIT
from engine.keys import PartitionKeys
from engine.model import Line, Reserve
from engine.partition import TAKES, Retention

BATCH = 1_000


def now_ms() -> int:
    """The time by which the store counts, too: it is on this machine."""
    return time.time_ns() // 1_000_000


def fill(
    store: "redis.Redis", keys: PartitionKeys, skus: int, count: int, until_ms: int, prefix: str
) -> None:
    """Reserves one unit of each of `skus` SKUs in turn, `count` times, each for a buyer of its own,
    all of them until one instant.
    """
    store.script_load(TAKES.text)
    retention = Retention()
    retention_ms = (retention.ended_ms, retention.fulfilled_ms, retention.adjustments_ms)
    for first in range(0, count, BATCH):
        at_ms = now_ms()
        commands = [
            Reserve(
                f"{prefix}-{number:08d}",
                [Line(f"SKU-{number % skus}", 1)],
                until_ms - at_ms,
                f"buyer-{prefix}-{number:08d}",
            )
            for number in range(first, min(first + BATCH, count))
        ]
        head = Head(at_ms, "", 0, prefix, DUE_LIMIT, retention_ms)
        status, _ = store.evalsha(TAKES.sha, len(keys), *keys, *lay_out(commands).arguments(head))
        if status != b"OK":
            raise SystemExit(f"the store could not be filled: {status!r}")
