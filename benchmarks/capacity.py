"""What one worker can do: gRPC calls against an empty echo beside it, batches, store time, memory.

`python -m benchmarks.capacity` starts an echo server and a Holdfast with a store of its own
(Valkey, fsync always, every feature on), sends both the same load in turns, three rounds, and
prints medians; with `-o json` as one document. The store's own time is what its `commandstats` say
of the script. The load runs on the same machine: only the ratios of one run hold. Ends with the
audit; exit code 1 if it finds anything.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from benchmarks.load import Load
from engine.keys import partition_keys
from holdfast.sync_client import SyncClient
from holdfast.types import AuditSummary

ROUNDS = 3
OPEN_CALLS = 64
SKUS = 1_000
UNARY_CALLS = 10_000
APPLY_CALLS = 100
START_S_MAX = 20.0
BATCHES = 100
PYTHON = (sys.executable, "-P")
ROOT = Path(__file__).parent.parent


@contextmanager
def echo() -> Iterator[str]:
    """An empty gRPC server; its target."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.echo_server"], cwd=ROOT, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        try:
            yield f"127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


@contextmanager
def server(directory: Path) -> Iterator[str]:
    """A Holdfast with a store of its own in `directory`; its target."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
    settings = {"HOLDFAST_LISTEN": "127.0.0.1:0", "HOLDFAST_DATA_DIR": str(directory)}
    with (
        (directory / "server.log").open("w") as log,
        subprocess.Popen(
            [*PYTHON, "-m", "server"], env=ours | settings, stdout=log, stderr=log
        ) as process,
    ):
        try:
            ready = directory / "server.json"
            give_up_at = time.monotonic() + START_S_MAX
            while not ready.exists():
                if process.poll() is not None or time.monotonic() > give_up_at:
                    raise SystemExit((directory / "server.log").read_text())
                time.sleep(0.05)
            yield json.loads(ready.read_text())["target"]
        finally:
            process.terminate()


def sent(load: Load) -> dict[str, Any]:
    """What a load measured, run in a process of its own."""
    words = [str(getattr(load, name)) for name in Load.__struct_fields__]
    printed = subprocess.run(
        [sys.executable, "-m", "benchmarks.load", *words],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
    measured: dict[str, Any] = json.loads(printed)
    if measured["errors"] or set(measured["outcomes"]) != {"OUTCOME_APPLIED"}:
        raise SystemExit(f"the load went wrong: {measured}")
    return measured


def rounds(echo_target: str, target: str) -> list[dict[str, Any]]:
    """Every load in turn, so often; medians by name."""
    found: dict[str, list[dict[str, Any]]] = {}
    for number in range(ROUNDS):
        loads = {
            "empty echo, unary": Load(echo_target, "Reserve", UNARY_CALLS, OPEN_CALLS, 1, 1, "e"),
            "Reserve, unary": Load(target, "Reserve", UNARY_CALLS, OPEN_CALLS, 1, 1, "u"),
            "Apply, 1,000 a call, one SKU": Load(target, "Apply", APPLY_CALLS, 4, 1_000, 1, "a"),
            "Apply, 1,000 a call, 1,000 SKUs": Load(
                target, "Apply", APPLY_CALLS, 4, 1_000, SKUS, "b"
            ),
        }
        for name, load in loads.items():
            load.prefix += str(number)
            found.setdefault(name, []).append(sent(load))
    return [
        {
            "name": name,
            "per_s": round(statistics.median(one["commands_per_s"] for one in measured)),
            "p50_ms": statistics.median(one["p50_ms"] for one in measured),
            "p99_ms": statistics.median(one["p99_ms"] for one in measured),
            "errors": 0,
        }
        for name, measured in found.items()
    ]


def store_time(target: str, store: "redis.Redis", commands: int) -> dict[str, Any]:
    """How many reservations a second the script makes in the store's own time."""
    before: Any = store.info("commandstats")
    sent(Load(target, "Apply", BATCHES, 1, commands, 1, f"s{commands}"))
    after: Any = store.info("commandstats")
    spent_us = after["cmdstat_evalsha"]["usec"] - before["cmdstat_evalsha"]["usec"]
    return {
        "name": f"store time of the script, {commands} a batch",
        "per_s": round(BATCHES * commands / spent_us * 1e6),
    }


def bytes_a_reservation(store: "redis.Redis") -> float:
    """The store's memory for one live reservation, the journal apart."""
    keys = partition_keys("default")
    held = (keys.reservations, keys.deadlines, keys.buyers)
    bytes_held = sum(int(store.memory_usage(key, samples=1_000) or 0) for key in held)
    return bytes_held / int(str(store.hlen(keys.reservations)))


def measure(directory: Path) -> dict[str, Any]:
    """Everything, and the audit after it."""
    with echo() as echo_target, server(directory) as target, SyncClient(target) as client:
        for number in range(SKUS):
            client.set_stock(f"SKU-{number}", 10**9, limit_per_buyer=5)
        results = rounds(echo_target, target)
        with redis.Redis(unix_socket_path=str(directory / "store.sock")) as store:
            results += [store_time(target, store, commands) for commands in (100, 1_000)]
            memory = bytes_a_reservation(store)
        (summary,) = (e for e in client.audit() if isinstance(e, AuditSummary))
    rate = {result["name"]: result["per_s"] for result in results}
    return {
        "results": results,
        "unary_to_echo": round(rate["Reserve, unary"] / rate["empty echo, unary"], 2),
        "bytes_a_reservation": round(memory),
        "reservations_audited": summary.reservations,
        "audit_ok": summary.ok,
    }


def main() -> int:
    """Measures and prints; returns the exit code."""
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as directory:
        measured = measure(Path(directory))
    if "json" in sys.argv[1:]:
        print(json.dumps(measured, indent=2))
    else:
        for result in measured["results"]:
            latency = ""
            if "p50_ms" in result:
                latency = f"p50 {result['p50_ms']:.1f} ms, p99 {result['p99_ms']:.1f} ms"
            print(f"{result['name']:42} {result['per_s']:>9,}/s  {latency}")
        print(f"{'Reserve, unary / empty echo':42} {measured['unary_to_echo']:>9}")
        print(f"{'store memory a live reservation':42} {measured['bytes_a_reservation']:>9} bytes")
        print(
            f"audit ok: {measured['audit_ok']}, {measured['reservations_audited']:,} reservations"
        )
    return 0 if measured["audit_ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
