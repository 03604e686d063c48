"""The embedded store from start to stop, killed, hung and cut short on the way."""

import asyncio
import os
import resource
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import pytest
import uvloop
from redis.asyncio import Redis

from engine.store.binary import find_store_binary
from engine.store.directory import LOG_BYTES_MAX
from engine.store.durability import Durability, inspect_store, judge
from engine.store.embedded import EmbeddedStore
from engine.store.reports import StoreEvent
from server.workers import restart_s
from tests.embedded import (
    Events,
    is_alive,
    kill,
    read,
    running,
    until_event,
    write,
)
from tests.waiting import PATIENCE_S, eventually


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_data_is_there_after_stop_and_start_on_either_event_loop(
    tmp_path: Path, events: Events, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def scenario() -> None:
        async with running(tmp_path, events) as store:
            await write(store.url, sold=50)
            kill(store.pid, signal.SIGKILL)
            await until_event(events, StoreEvent.READY, 2)
        async with running(tmp_path, events) as store:
            assert await read(store.url, "sold") == 50

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(scenario())


async def test_the_store_is_private_and_as_durable_as_the_engine_asks(
    tmp_path: Path, events: Events
) -> None:
    data_dir = tmp_path / "data"
    async with running(data_dir, events) as store, Redis.from_url(store.url) as client:
        assert judge(await inspect_store(client), Durability.ALWAYS) == []
        settings = await client.config_get("port", "save", "hash-max-listpack-entries")
        assert settings == {"port": "0", "save": "", "hash-max-listpack-entries": "64"}
        assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
        assert stat.S_IMODE((data_dir / "store.sock").stat().st_mode) == 0o700
        assert stat.S_IMODE((data_dir / "appendonlydir").stat().st_mode) & 0o077 == 0


async def test_stop_leaves_no_process_and_no_socket_and_can_be_repeated(
    tmp_path: Path, events: Events
) -> None:
    store = EmbeddedStore(tmp_path, events.tell)
    await store.stop()
    await store.start()
    pid = store.pid
    await asyncio.gather(store.stop(), store.stop())
    await store.stop()
    assert pid is not None
    assert not is_alive(pid)
    assert store.pid is None
    assert not (tmp_path / "store.sock").exists()
    assert [event for event, _ in events] == [StoreEvent.READY]


async def test_ctrl_c_on_the_terminal_of_the_owner_does_not_reach_the_store(
    tmp_path: Path, events: Events
) -> None:
    async with running(tmp_path, events) as store:
        assert store.pid is not None
        assert os.getpgid(store.pid) != os.getpgid(0)


async def test_a_log_that_grew_too_large_is_moved_aside(tmp_path: Path, events: Events) -> None:
    log = tmp_path / "store.log"
    log.write_bytes(b"x" * (LOG_BYTES_MAX + 1))
    async with running(tmp_path, events):
        assert log.stat().st_size < LOG_BYTES_MAX
    assert (tmp_path / "store.log.1").stat().st_size == LOG_BYTES_MAX + 1


@pytest.mark.parametrize("name", ["x" * 100, "50% off? #1 'stock' 秒杀"])
async def test_a_path_too_long_for_a_socket_or_full_of_odd_characters_works(
    tmp_path: Path, events: Events, name: str
) -> None:
    data_dir = tmp_path / name
    async with running(data_dir, events) as store:
        await write(store.url, sold=50)
        socket = Path(unquote(store.url.removeprefix("unix://")))
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    await eventually(lambda: not socket.exists())
    assert socket.parent.exists() == (socket.parent == data_dir)
    async with running(data_dir, events) as store:
        assert await read(store.url, "sold") == 50


async def test_start_returns_only_when_all_data_is_loaded_and_tells_how_far_it_is(
    tmp_path: Path, events: Events
) -> None:
    fill = "for sku = 1, 600000 do redis.call('SET', 'sku' .. sku, 1) end"
    async with (
        running(tmp_path, events) as store,
        Redis.from_url(store.url, socket_timeout=None) as client,
    ):
        await client.eval(fill, 0)
    async with running(tmp_path, events) as store, Redis.from_url(store.url) as client:
        assert await client.dbsize() == 600_000
    assert events.details(StoreEvent.LOADING)


async def test_a_killed_store_comes_back_with_every_acknowledged_write(
    tmp_path: Path, events: Events
) -> None:
    async with running(tmp_path, events) as store, Redis.from_url(store.url) as client:
        acknowledged = 0

        async def sell() -> None:
            nonlocal acknowledged
            while True:
                acknowledged = await client.incr("sold")

        selling = asyncio.create_task(sell())
        await eventually(lambda: acknowledged > 200)
        first_pid = store.pid
        kill(first_pid, signal.SIGKILL)
        await until_event(events, StoreEvent.EXITED, 1)
        selling.cancel()
        await asyncio.wait({selling})
        await until_event(events, StoreEvent.READY, 2)

        assert store.pid != first_pid
        # One more may be on disk than was answered, never one less.
        assert await read(store.url, "sold") in (acknowledged, acknowledged + 1)
        exited = events.details(StoreEvent.EXITED)[0]
        assert (exited["pid"], exited["exit_code"]) == (first_pid, -signal.SIGKILL)


async def test_a_store_that_keeps_dying_is_restarted_less_and_less_often(
    tmp_path: Path, events: Events
) -> None:
    async with running(tmp_path, events, restart_seconds=restart_s) as store:
        for deaths in (1, 2, 3):
            kill(store.pid, signal.SIGKILL)
            await until_event(events, StoreEvent.READY, deaths + 1)
    delays = [exited["restart_seconds"] for exited in events.details(StoreEvent.EXITED)]
    assert delays == [0.05, 0.1, 0.2]


async def test_a_store_that_cannot_be_restarted_is_tried_until_it_can(
    tmp_path: Path, events: Events
) -> None:
    binary = tmp_path / "server"
    binary.symlink_to(find_store_binary())
    async with running(tmp_path / "data", events, binary=binary) as store:
        await write(store.url, sold=50)
        binary.unlink()
        kill(store.pid, signal.SIGKILL)
        await until_event(events, StoreEvent.EXITED, 3)
        assert f"cannot run {binary}" in events.details(StoreEvent.EXITED)[-1]["log_tail"]
        binary.symlink_to(find_store_binary())
        await until_event(events, StoreEvent.READY, 2)
        assert await read(store.url, "sold") == 50


async def test_an_owner_out_of_file_descriptors_restarts_the_store_when_it_has_some_again(
    tmp_path: Path, events: Events
) -> None:
    async with running(tmp_path, events) as store:
        await write(store.url, sold=50)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (1, hard))
        try:
            kill(store.pid, signal.SIGKILL)
            await until_event(events, StoreEvent.EXITED, 2)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert events.details(StoreEvent.EXITED)[1]["exit_code"] is None
        await until_event(events, StoreEvent.READY, 2)
        assert await read(store.url, "sold") == 50


async def test_stop_while_the_store_is_down_does_not_wait_for_a_restart(
    tmp_path: Path, events: Events
) -> None:
    store = EmbeddedStore(tmp_path, events.tell, restart_seconds=lambda _deaths: 3600)
    await store.start()
    kill(store.pid, signal.SIGKILL)
    await until_event(events, StoreEvent.EXITED, 1)
    async with asyncio.timeout(PATIENCE_S):
        await store.stop()
    assert len(events.details(StoreEvent.READY)) == 1
    assert store.pid is None


async def test_a_store_that_does_not_end_when_asked_is_killed_and_that_is_told(
    tmp_path: Path, events: Events
) -> None:
    store = EmbeddedStore(tmp_path, events.tell, stop_seconds_max=0.2)
    await store.start()
    pid = store.pid
    kill(pid, signal.SIGSTOP)
    await store.stop()
    assert pid is not None
    assert not is_alive(pid)
    assert events.details(StoreEvent.KILLED) == [{"pid": pid}]
