"""The owner of an embedded store: who may start one, what becomes of orphans, failed starts."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from engine.store.binary import find_store_binary
from engine.store.directory import StoreDirectory
from engine.store.embedded import EmbeddedStore, store_command
from engine.store.reports import DataDirectoryInUse, StoreEvent, StoreStartFailed
from tests.embedded import Events, is_alive, kill, read, running, write
from tests.waiting import PATIENCE_S, eventually

OWNER_THAT_IS_KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from redis.asyncio import Redis
from engine.store.embedded import EmbeddedStore

async def main():
    store = EmbeddedStore(Path(sys.argv[1]), lambda event, details: None)
    await store.start()
    async with Redis.from_url(store.url) as client:
        await client.set("sold", 50)
    print(store.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@pytest.fixture
def events() -> Events:
    return Events()


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


async def test_a_second_owner_is_refused_and_told_who_has_the_directory(
    tmp_path: Path, events: Events
) -> None:
    async with running(tmp_path, events) as store:
        await write(store.url, sold=50)
        with pytest.raises(DataDirectoryInUse) as raised:
            await EmbeddedStore(tmp_path, events.tell).start()
        assert str(tmp_path) in str(raised.value)
        assert f"process {os.getpid()}" in str(raised.value)
        with pytest.raises(RuntimeError, match="started already"):
            await store.start()
        assert await read(store.url, "sold") == 50


async def test_the_store_of_a_killed_owner_ends_and_the_next_owner_has_its_data(
    tmp_path: Path, events: Events
) -> None:
    owner = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", OWNER_THAT_IS_KILLED, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert owner.returncode == -signal.SIGKILL, owner.stderr
    orphan_pid = int(owner.stdout)
    await eventually(lambda: not is_alive(orphan_pid))
    async with running(tmp_path, events) as store:
        assert await read(store.url, "sold") == 50


@asynccontextmanager
async def orphan(data_dir: Path) -> AsyncIterator[int]:
    """A store in the directory that nobody owns, with 50 sold."""
    socket = data_dir / "store.sock"
    command = store_command(find_store_binary(), StoreDirectory(data_dir, socket))
    process = subprocess.Popen(command, cwd=data_dir, stdout=subprocess.DEVNULL)  # noqa: ASYNC220
    try:
        await eventually(socket.exists)
        await write(f"unix://{socket}", sold=50)
        yield process.pid
    finally:
        process.kill()
        process.wait()


async def test_an_orphaned_store_is_ended_cleanly_and_its_data_taken_over(
    tmp_path: Path, events: Events
) -> None:
    async with orphan(tmp_path) as pid, running(tmp_path, events) as store:
        assert not is_alive(pid)
        assert await read(store.url, "sold") == 50
    assert events[0] == (StoreEvent.ORPHAN_FOUND, {"pid": pid})
    assert events.details(StoreEvent.KILLED) == []


async def test_an_orphaned_store_that_hangs_is_killed_and_its_data_taken_over(
    tmp_path: Path, events: Events
) -> None:
    async with orphan(tmp_path) as pid:
        kill(pid, signal.SIGSTOP)
        async with running(tmp_path, events, stop_seconds_max=0.2) as store:
            assert await read(store.url, "sold") == 50
    assert events.details(StoreEvent.KILLED) == [{"pid": pid}]


async def test_a_pid_that_means_another_process_is_never_signalled(
    tmp_path: Path, events: Events
) -> None:
    async with orphan(tmp_path) as pid:
        bystander = subprocess.Popen(["sleep", "60"])  # noqa: ASYNC220
        try:
            (tmp_path / "store.lock").write_text(str(bystander.pid))
            with pytest.raises(DataDirectoryInUse, match="cannot end"):
                await EmbeddedStore(tmp_path, events.tell, stop_seconds_max=0.1).start()
            assert is_alive(bystander.pid)
            assert is_alive(pid)
        finally:
            bystander.kill()
            bystander.wait()


async def test_a_server_that_exits_is_reported_with_its_last_words_and_the_way_out(
    tmp_path: Path, events: Events
) -> None:
    binary = script(tmp_path / "server", "echo 'FATAL: no such option' >&2; exit 3")
    with pytest.raises(StoreStartFailed) as raised:
        await EmbeddedStore(tmp_path / "data", events.tell, binary=binary).start()
    assert str(raised.value) == (
        f"the store in {tmp_path / 'data'} exited with code 3. Its last words:\n"
        "  FATAL: no such option\nMend what the log says and start again."
    )


async def test_a_file_that_is_no_program_is_reported_by_name(
    tmp_path: Path, events: Events
) -> None:
    binary = tmp_path / "server"
    binary.write_bytes(b"not a program")
    with pytest.raises(StoreStartFailed, match=f"cannot run {binary}"):
        await EmbeddedStore(tmp_path / "data", events.tell, binary=binary).start()


async def test_damaged_data_is_reported_and_left_as_it_is(tmp_path: Path, events: Events) -> None:
    async with running(tmp_path, events) as store:
        for number in range(10):
            await write(store.url, **{f"sku{number}": number})
    (journal,) = (tmp_path / "appendonlydir").glob("*.incr.aof")
    damaged = journal.read_bytes().replace(b"sku4", b"s\r\n4")[:-3].replace(b"$", b"!", 9)
    journal.write_bytes(damaged)
    with pytest.raises(StoreStartFailed, match="Restore the directory from a backup"):
        await EmbeddedStore(tmp_path, events.tell).start()
    assert journal.read_bytes() == damaged


async def test_a_directory_that_cannot_be_used_is_named(tmp_path: Path, events: Events) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(StoreStartFailed, match=f"directory {file} cannot be used"):
        await EmbeddedStore(file, events.tell).start()


async def test_a_store_that_does_not_answer_in_time_is_ended(
    tmp_path: Path, events: Events
) -> None:
    binary = script(tmp_path / "server", "exec sleep 60")
    data_dir = tmp_path / "data"
    with pytest.raises(StoreStartFailed, match=r"did not answer within 0\.5 s"):
        await EmbeddedStore(data_dir, events.tell, binary=binary, start_seconds_max=0.5).start()
    assert not is_alive(int((data_dir / "store.lock").read_text()))


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 10, None])
async def test_a_cancelled_start_leaves_no_process_and_no_claim(
    tmp_path: Path, events: Events, steps: int | None
) -> None:
    store = EmbeddedStore(tmp_path, events.tell)
    starting = asyncio.create_task(store.start())
    if steps is None:
        await eventually(lambda: store.pid)
    else:
        for _ in range(steps):
            await asyncio.sleep(0)
    pid = store.pid
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert store.pid is None
    assert pid is None or not is_alive(pid)
    async with running(tmp_path, events):
        pass
    assert len(events.details(StoreEvent.READY)) == 1


async def test_a_listener_that_fails_ends_the_store_and_is_heard_of(tmp_path: Path) -> None:
    def fail(event: str, details: dict[str, Any]) -> None:
        raise LookupError(event)

    store = EmbeddedStore(tmp_path, fail)
    with pytest.raises(LookupError):
        await store.start()
    assert store.pid is None
    with pytest.raises(RedisConnectionError):
        await read(store.url, "sold")
