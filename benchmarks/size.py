"""Measures the cost of ten million live reservations, and of a million due at one instant.

`python -m benchmarks.size` starts two servers with stores of their own (Valkey, fsync always) and
fills one with 10,000 live reservations, the other with `--live`: it measures Apply and unary
Reserves on both in turns, medians of rounds, and the store's memory a live reservation. Then
`--due` more, which all fall due at one instant, while calls come at half of what the server can do:
their latency before, during and after, how long the backlog lasts, and the longest script of all
(wall clock, by the store's slow log). Ends with the audit, and the memory it took. `-o json` prints
one document. Exit code 1 if the audit finds anything or a call goes wrong.

The stores do not rewrite their logs meanwhile: on a small machine the process that does so takes a
core for as long as it lasts, and what it costs others would hide all else.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import redis

from benchmarks.loads import Load
from benchmarks.sample import APPLIED, Sample
from benchmarks.servers import Running, output_of, server
from engine.columns import Head, lay_out
from engine.engine import DUE_LIMIT
from engine.keys import PartitionKeys, partition_keys
from engine.model import Line, Reserve
from engine.partition import TAKES, Retention
from holdfast.sync_client import SyncClient
from holdfast.types import AuditSummary

SMALL = 10_000
SKUS = 1_000
UNITS = 10**9
LIVE_MS = 7 * 86_400_000 - 60_000
ROUNDS = 3
APPLY = Load(method="Apply", calls=40, open_calls=4, commands=1_000, skus=SKUS)
UNARY = Load(calls=8_000, open_calls=64)
# The share of what the server can do at which calls come while reservations fall due, and how long
# each of the three looks at it takes; the second begins LOOK_BEFORE_S before they do.
SHARE = 0.5
LOOK_S = 8.0
LOOK_BEFORE_S = 1.0
LOAD_START_S = 3.0
# How fast a store is filled, at the least, and what may pass until all that is due has expired.
FILL_PER_S_MIN = 20_000
DRAIN_S_MAX = 600.0
POLL_S = 0.2
SCRIPT_LOGGED_US = 1_000
BATCH = 1_000
KEYS = partition_keys("default")


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


class Shop(NamedTuple):
    """A server, and a connection to its store."""

    running: Running
    store: "redis.Redis"


@contextmanager
def shop(directory: Path) -> Iterator[Shop]:
    """A server with stock of every SKU."""
    directory.mkdir()
    with (
        server(directory) as running,
        redis.Redis(unix_socket_path=str(directory / "store.sock")) as store,
    ):
        store.config_set("auto-aof-rewrite-percentage", 0)
        with SyncClient(running.target, timeout_ms=30_000) as client:
            for number in range(SKUS):
                client.set_stock(f"SKU-{number}", UNITS, limit_per_buyer=5)
        yield Shop(running, store)


def sent(load: Load, shop: Shop, prefix: str) -> Sample:
    """Runs a load in a process of its own; its measurements."""
    given = msgspec.structs.replace(load, target=shop.running.target, prefix=prefix)
    printed = output_of("benchmarks.load", msgspec.json.encode(given).decode())
    sample = msgspec.json.decode(printed, type=Sample)
    if sample.errors or set(sample.outcomes) != {APPLIED}:
        raise SystemExit(f"the load went wrong: {sample}")
    return sample


def compared(small: Shop, large: Shop) -> dict[str, Any]:
    """Apply and unary on both in turns: medians, and the median of the ratios."""
    found: dict[str, list[tuple[Sample, Sample]]] = {"apply": [], "unary": []}
    for number in range(ROUNDS):
        for name, load in (("apply", APPLY), ("unary", UNARY)):
            pair = [sent(load, shop, f"{name}{number}") for shop in (small, large)]
            found[name].append((pair[0], pair[1]))
    return {
        name: {
            "small_per_s": round(statistics.median(one.commands_per_s for one, _ in pairs)),
            "large_per_s": round(statistics.median(one.commands_per_s for _, one in pairs)),
            "ratio": round(
                statistics.median(b.commands_per_s / a.commands_per_s for a, b in pairs), 3
            ),
            "small_p99_ms": statistics.median(one.p99_ms for one, _ in pairs),
            "large_p99_ms": statistics.median(one.p99_ms for _, one in pairs),
        }
        for name, pairs in found.items()
    }


def bytes_a_reservation(store: "redis.Redis") -> dict[str, float]:
    """The store's memory for one live reservation by key, the journal apart, and in all."""
    count = int(str(store.hlen(KEYS.reservations)))
    parts = {
        name: int(store.memory_usage(getattr(KEYS, name), samples=2_000) or 0) / count
        for name in ("reservations", "deadlines", "buyers")
    }
    return {name: round(size, 1) for name, size in (parts | {"all": sum(parts.values())}).items()}


def due_at_once(shop: Shop, count: int, capacity_per_s: float) -> dict[str, Any]:
    """Lets `count` reservations fall due at one instant under a steady load."""
    load = Load(calls=round(SHARE * capacity_per_s * LOOK_S), per_s=SHARE * capacity_per_s)
    looks = {"before": sent(load, shop, "before")}
    due_ms = now_ms() + 10_000 + count * 1_000 // FILL_PER_S_MIN
    fill(shop.store, KEYS, SKUS, count, due_ms, "due")
    shop.store.config_set("slowlog-log-slower-than", SCRIPT_LOGGED_US)
    shop.store.slowlog_reset()
    time.sleep(max(0.0, (due_ms - now_ms()) / 1_000 - LOOK_BEFORE_S - LOAD_START_S))
    looks["during"] = sent(load, shop, "during")
    drained_s = _drained_s(shop.store, due_ms)
    longest_us = longest_script_us(shop.store)
    looks["after"] = sent(load, shop, "after")
    return {
        "due": count,
        "load_per_s": round(SHARE * capacity_per_s),
        "all_expired_after_s": round(drained_s, 1),
        "longest_script_ms": longest_us / 1_000,
        **{f"p50_{name}_ms": sample.p50_ms for name, sample in looks.items()},
        **{f"p99_{name}_ms": sample.p99_ms for name, sample in looks.items()},
    }


def longest_script_us(store: "redis.Redis") -> int:
    """The longest script in the slow log, in microseconds; what it leaves out took less."""
    logged: Any = store.slowlog_get(128)
    took = [entry["duration"] for entry in logged if entry["command"].startswith(b"EVALSHA")]
    return max(took, default=SCRIPT_LOGGED_US)


def _drained_s(store: "redis.Redis", due_ms: int) -> float:
    """Seconds from the instant until nothing is due; at the earliest, now."""
    give_up_at_s = time.monotonic() + DRAIN_S_MAX
    while store.zcount(KEYS.deadlines, "-inf", due_ms):
        if time.monotonic() > give_up_at_s:
            raise SystemExit(f"after {DRAIN_S_MAX:.0f} s not all that was due has expired")
        time.sleep(POLL_S)
    return now_ms() / 1_000 - due_ms / 1_000


def audited(shop: Shop) -> dict[str, Any]:
    """Proves the invariants over all rows, and says what that took."""
    status = Path(f"/proc/{shop.running.pid}/status")

    def peak_mib() -> int:
        line = next(it for it in status.read_text().splitlines() if it.startswith("VmHWM"))
        return int(line.split()[1]) // 1024

    before_mib, started_s = peak_mib(), time.monotonic()
    with SyncClient(shop.running.target, timeout_ms=30_000) as client:
        (summary,) = (event for event in client.audit() if isinstance(event, AuditSummary))
    return {
        "audit_ok": summary.ok,
        "reservations_audited": summary.reservations,
        "audit_s": round(time.monotonic() - started_s, 1),
        "audit_server_peak_mib": [before_mib, peak_mib()],
    }


def measure(directory: Path, live: int, due: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Everything, and the audit after it."""
    with shop(directory / "small") as small, shop(directory / "large") as large:
        fill(small.store, KEYS, SKUS, SMALL, now_ms() + LIVE_MS, "live")
        started_s = time.monotonic()
        fill(large.store, KEYS, SKUS, live, now_ms() + LIVE_MS, "live")
        tell(f"{live:,} live reservations made in {time.monotonic() - started_s:.0f} s")
        document: dict[str, Any] = {"live": live, "bytes": bytes_a_reservation(large.store)}
        tell(f"bytes a live reservation: {document['bytes']}")
        document |= compared(small, large)
        tell(f"against {SMALL:,}: apply {document['apply']}, unary {document['unary']}")
        document |= due_at_once(large, due, document["unary"]["large_per_s"])
        tell(f"{due:,} due at once: {document}")
        return document | audited(large)


def main() -> int:
    """Measures and prints; returns the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.size", description=__doc__)
    parser.add_argument("--live", type=int, default=10_000_000, help="live reservations")
    parser.add_argument("--due", type=int, default=1_000_000, help="how many fall due at once")
    parser.add_argument("-o", "--output", choices=["text", "json"], default="text")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="holdfast-size-") as directory:
        document = measure(
            Path(directory), options.live, options.due, lambda text: print(text, file=sys.stderr)
        )
    if options.output == "json":
        print(json.dumps(document, indent=2))
    else:
        for name, value in document.items():
            print(f"{name:24} {value}")
    return 0 if document["audit_ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
