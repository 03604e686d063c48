"""Several workers on one port, as real processes: they share, die, roll and drain unnoticed."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from holdfast.client import Client
from tests.embedded import is_alive
from tests.load import Load, stock_up
from tests.scrape import connections, value
from tests.serving import Server, assert_sound, serve
from tests.waiting import PATIENCE_MS, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORKERS = 2
CLIENTS = 4


def patient(server: Server, tenant: str = "default") -> Client:
    """A client with a connection of its own that tries for as long as a worker takes to start."""
    return Client(server.target, tenant=tenant, timeout_ms=PATIENCE_MS, attempts_max=1_000)


@contextmanager
def workers(directory: Path, **settings: str) -> Iterator[Server]:
    """Two workers, ready, that share a store of the supervisor's own."""
    wanted = {
        "HOLDFAST_WORKERS": str(WORKERS),
        "HOLDFAST_METRICS_LISTEN": "127.0.0.1:0",
        "HOLDFAST_DRAIN_MS": "2000",
    }
    with serve(directory, **wanted | settings) as server:
        yield server


@asynccontextmanager
async def loaded(server: Server) -> AsyncIterator[list[Load]]:
    """Buyers of several shops, each with a connection of its own, who retry."""
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(patient(server, f"shop-{number}"))
            for number in range(CLIENTS)
        ]
        await asyncio.gather(*map(stock_up, clients))
        loads = [Load(client) for client in clients]
        async with AsyncExitStack() as running:
            for load in loads:
                await running.enter_async_context(load.running())
            yield loads
        for load, client in zip(loads, clients, strict=True):
            assert load.errors == {}
            await load.check(client)
            await assert_sound(client)


async def answered(loads: list[Load], count: int) -> None:
    """Waits for so many more answers to each of the shops."""
    await asyncio.gather(*(load.until_answered(count) for load in loads))


def pids(server: Server) -> list[int]:
    """The processes of the living workers, the oldest first."""
    ready = [record["pid"] for record in server.logged("ready") if "worker" in record]
    return [pid for pid in ready if is_alive(pid)]


def metrics_files(server: Server) -> Path:
    """The directory of the workers' metrics."""
    environment = Path(f"/proc/{pids(server)[0]}/environ").read_bytes().split(b"\0")
    (directory,) = (v for v in environment if v.startswith(b"PROMETHEUS_MULTIPROC_DIR="))
    return Path(os.fsdecode(directory.partition(b"=")[2]))


async def test_the_workers_share_the_connections_to_one_port(tmp_path: Path) -> None:
    with workers(tmp_path) as server:
        assert len(pids(server)) == WORKERS
        port = int(server.target.rpartition(":")[2])
        async with AsyncExitStack() as stack:
            for _ in range(20):
                client = await stack.enter_async_context(Client(server.target))
                assert (await client.get_status()).trouble == ""
            shares = [connections(pid, port) for pid in pids(server)]
        assert sum(shares) >= 20
        assert min(shares) > 0


async def test_the_last_units_are_sold_once_whichever_worker_is_asked(tmp_path: Path) -> None:
    with workers(tmp_path) as server:
        async with AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(Client(server.target)) for _ in range(2 * CLIENTS)
            ]
            await clients[0].set_stock("HOT", 100)
            answers = await asyncio.gather(
                *(
                    client.reserve(f"order-{number}-{n}", [("HOT", 1)])
                    for number in range(100)
                    for n, client in enumerate(clients)
                )
            )
            assert sum(answer.applied for answer in answers) == 100
            (level,) = await clients[1].get_stock("HOT")
            assert (level.reserved, level.available) == (100, 0)
            await assert_sound(clients[2])


@pytest.mark.long
async def test_nobody_notices_that_a_worker_was_killed(tmp_path: Path) -> None:
    with workers(tmp_path) as server:
        async with loaded(server) as loads:
            for _ in range(3):
                await answered(loads, 30)
                killed = pids(server)[0]
                os.kill(killed, signal.SIGKILL)
                await answered(loads, 30)

                async def replaced(killed: int = killed) -> bool:
                    return killed not in pids(server) and len(pids(server)) == WORKERS

                await eventually(replaced)
        ended = server.logged("worker ended")
        assert [record["exit_code"] for record in ended] == [-signal.SIGKILL] * 3
        assert server.stop() == 0


@pytest.mark.long
async def test_a_roll_under_load_replaces_every_worker_and_fails_no_call(tmp_path: Path) -> None:
    with workers(tmp_path) as server:
        async with loaded(server) as loads:
            before = pids(server)
            for times in (1, 2):
                await answered(loads, 30)
                server.process.send_signal(signal.SIGHUP)

                async def rolled(times: int = times) -> bool:
                    return len(server.logged("workers rolled")) == times

                await eventually(rolled)
                await answered(loads, 30)
        assert len(pids(server)) == WORKERS
        assert not set(pids(server)) & set(before)
        assert server.logged("worker ended") == []
        assert server.logged("internal error") == []


async def test_the_metrics_are_summed_over_workers_and_never_go_back(tmp_path: Path) -> None:
    with workers(tmp_path) as server:
        files = metrics_files(server)
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(patient(server)) for _ in range(2 * CLIENTS)]
            await clients[0].set_stock("HOT", 1_000)
            number = 0
            for killed in range(3):
                for client in clients:
                    number += 1
                    assert (await client.reserve(f"order-{number}", [("HOT", 1)])).applied
                assert reserved(server) == number
                os.kill(pids(server)[0], signal.SIGKILL)

                async def whole(killed: int = killed, number: int = number) -> bool:
                    assert reserved(server) == number
                    restarts = value(server, "holdfast_worker_restarts_total")
                    return (restarts, value(server, "holdfast_serving")) == (killed + 1, WORKERS)

                await eventually(whole)
        assert value(server, "holdfast_workers") == WORKERS
        # counter, histogram and gauge, of each number; nothing of those that are gone.
        assert len(list(files.iterdir())) == 3 * WORKERS
    assert not files.exists()


def reserved(server: Server) -> float:
    """The number of Reserves that were applied, without replays."""
    name, labels = "holdfast_commands_total", {"kind": "reserve", "outcome": "APPLIED"}
    return value(server, name, replayed="false", **labels)


async def test_sigterm_drains_all_of_them_and_leaves_nothing(tmp_path: Path) -> None:
    with workers(tmp_path) as server:
        store = server.logged("store_ready")[-1]["pid"]
        processes, files = pids(server), metrics_files(server)
        assert (tmp_path / "server.json").exists()
        async with Client(server.target, timeout_ms=3_000, attempts_max=1) as client:
            await stock_up(client)
            load = Load(client)
            async with load.running():
                await load.until_answered(200)
                assert await asyncio.to_thread(server.stop) == 0
        assert [pid for pid in (*processes, store) if is_alive(pid)] == []
        assert not files.exists()
        assert not (tmp_path / "server.json").exists()
        assert len(server.logged("stopped")) == WORKERS + 1
        assert "Traceback" not in server.log()
    with workers(tmp_path) as server:
        async with Client(server.target) as client:
            await load.check(client)
            await assert_sound(client)


async def test_workers_end_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    with workers(tmp_path, HOLDFAST_STOP_WITH_STDIN="false") as server:
        processes, files = pids(server), metrics_files(server)
        server.kill()

        async def gone() -> bool:
            return not any(map(is_alive, processes)) and not files.exists()

        await eventually(gone)
    with workers(tmp_path, HOLDFAST_LISTEN=server.target) as server:
        async with Client(server.target) as client:
            assert (await client.get_status()).trouble == ""
