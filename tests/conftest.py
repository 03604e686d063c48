"""Fixtures of all tests: one real store for the session, a partition in it that starts empty."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from engine.store.binary import find_store_binary
from tests.partition import Partition

START_S_MAX = 10


@pytest.fixture(scope="session")
def store_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A store of the session's own, without fsync: what is tested with it is not durability."""
    directory = tmp_path_factory.mktemp("store")
    socket = directory / "s"
    with subprocess.Popen(
        [
            *(str(find_store_binary()), "--port", "0"),
            *("--unixsocket", str(socket), "--dir", str(directory)),
            *("--appendonly", "no", "--save", "", "--maxmemory-policy", "noeviction"),
        ],
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            _wait_for(socket)
            yield f"unix://{socket}"
        finally:
            process.terminate()


def _wait_for(socket: Path) -> None:
    deadline = time.monotonic() + START_S_MAX
    while True:
        try:
            with redis.Redis(unix_socket_path=str(socket)) as client:
                client.ping()
            return
        except redis.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


@pytest.fixture
def store(store_url: str) -> Iterator["redis.Redis"]:
    """A client of the session's store."""
    with redis.Redis.from_url(store_url) as client:
        yield client


@pytest.fixture
def partition(store: "redis.Redis") -> Iterator[Partition]:
    """An empty partition; whatever a test did to it, its invariants hold in the end."""
    store.flushall()
    partition = Partition(store)
    yield partition
    assert partition.audit() == []
