"""The machine, the versions and the commit of a run."""

import os
import platform
import re
import statistics
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.servers import ROOT
from benchmarks.stage import Stage

PACKAGES = ("holdfast", "grpcio", "protobuf", "redis", "hiredis", "uvloop", "asyncpg")
SYNCS = 50
SYNCED_BYTES = 16_384


def machine(directory: Path) -> dict[str, Any]:
    """The machine; `fsync_ms` is the median of writing 16 KiB to `directory` and fdatasync."""
    return {
        "cpus": len(os.sched_getaffinity(0)),
        "cpu": _found(Path("/proc/cpuinfo"), r"model name\s*: (.+)") or platform.machine(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "fsync_ms": round(_fsync_s(directory) * 1000, 3),
    }


def versions(stage: Stage) -> dict[str, str]:
    """The version of each program that ran."""
    with stage.holdfast.client() as client:
        status = client.get_status()
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "store": f"{status.store}, fsync {status.durability}",
        "postgres": stage.postgres.version,
    }


def commit() -> str:
    """The commit that is checked out, "+" if files differ from it; "" outside of a checkout."""
    try:
        revision = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return ""
    return revision + ("+" if changed else "")


def _git(*words: str) -> str:
    printed = subprocess.run(
        ["git", *words], cwd=ROOT, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ).stdout
    return printed.decode().strip()


def _fsync_s(directory: Path) -> float:
    taken_s = []
    with (directory / "fsync").open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            started_s = time.perf_counter()
            file.write(bytes(SYNCED_BYTES))
            os.fdatasync(file.fileno())
            taken_s.append(time.perf_counter() - started_s)
    return statistics.median(taken_s)


def _found(path: Path, pattern: str) -> str:
    try:
        match = re.search(pattern, path.read_text())
    except OSError:
        return ""
    return match.group(1) if match else ""
